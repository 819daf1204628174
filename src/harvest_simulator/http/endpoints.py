"""Table of the API's endpoints: what each path lists or shows, the permission and the company feature that it needs.

https://help.getharvest.com/api-v2/
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from harvest_simulator.http.permissions import (
    ANY_MANAGER,
    BILLABLE_RATES,
    CLIENTS_AND_TASKS,
    ESTIMATES,
    INVOICES,
    NOBODY,
)
from harvest_simulator.http.render import Renderer
from harvest_simulator.http.serialization import Json

_R = Renderer
Render = Callable[[Renderer, Any], Json]
# Permission of an endpoint that is open to everyone.
ANYONE = None
EXPENSE, INVOICE, ESTIMATE = "expense_feature", "invoice_feature", "estimate_feature"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Endpoint of one path: `listing` names a list, `table` and `render` show one row, `special` names anything else.

    With a `parent` table, the first id in the path is the parent's; without such a row, the response is 404.
    """

    path: str
    needed: frozenset[str] | None = ANYONE
    feature: str | None = None
    listing: str | None = None
    table: str | None = None
    render: Render | None = None
    special: str | None = None
    parent: str | None = None
    # Attribute with the parent's id, for a single row below a parent.
    parent_field: str = "project_id"
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", re.compile(re.sub(r"\{\w+\}", r"(\\d+)", self.path) + r"\Z"))


def _both(
    name: str, table: str, render: Render, needed: frozenset[str] | None, feature: str | None = None
) -> tuple[Endpoint, Endpoint]:
    """Endpoints of a list and of the single rows below it."""
    return (
        Endpoint(f"/v2/{name}", needed, feature, listing=name),
        Endpoint(f"/v2/{name}/{{id}}", needed, feature, table=table, render=render),
    )


def _below(parent: str, name: str, listing: str, needed: frozenset[str] | None, feature: str | None = None) -> Endpoint:
    return Endpoint(f"/v2/{parent}/{{id}}/{name}", needed, feature, listing=listing, parent=parent)


def _report(name: str, needed: frozenset[str] | None = ANYONE, feature: str | None = None) -> Endpoint:
    return Endpoint(f"/v2/reports/{name}", needed, feature, special=f"report_{name.replace('/', '_')}")


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("/v2/company", NOBODY, special="company"),
    Endpoint("/v2/users/me", special="me"),
    Endpoint("/v2/users/me/project_assignments", special="my_project_assignments"),
    *_both("clients", "clients", _R.client, CLIENTS_AND_TASKS),
    *_both("contacts", "contacts", _R.contact, CLIENTS_AND_TASKS),
    *_both("tasks", "tasks", _R.task, CLIENTS_AND_TASKS),
    *_both("projects", "projects", _R.project, ANY_MANAGER),
    *_both("users", "users", _R.user, ANY_MANAGER),
    *_both("roles", "roles", _R.role, NOBODY),
    *_both("time_entries", "time_entries", _R.time_entry, ANYONE),
    *_both("expenses", "expenses", _R.expense, ANYONE, EXPENSE),
    *_both("expense_categories", "expense_categories", _R.expense_category, NOBODY, EXPENSE),
    *_both("invoices", "invoices", _R.invoice, INVOICES, INVOICE),
    *_both("invoice_item_categories", "invoice_item_categories", _R.invoice_item_category, NOBODY, INVOICE),
    *_both("estimates", "estimates", _R.estimate, ESTIMATES, ESTIMATE),
    *_both("estimate_item_categories", "estimate_item_categories", _R.estimate_item_category, NOBODY, ESTIMATE),
    Endpoint("/v2/user_assignments", ANY_MANAGER, listing="user_assignments"),
    Endpoint("/v2/task_assignments", ANY_MANAGER, listing="task_assignments"),
    _below("projects", "user_assignments", "project_user_assignments", ANY_MANAGER),
    _below("projects", "task_assignments", "project_task_assignments", ANY_MANAGER),
    Endpoint(
        "/v2/projects/{id}/user_assignments/{row_id}",
        ANY_MANAGER,
        table="user_assignments",
        render=_R.user_assignment,
        parent="projects",
    ),
    Endpoint(
        "/v2/projects/{id}/task_assignments/{row_id}",
        ANY_MANAGER,
        table="task_assignments",
        render=_R.task_assignment,
        parent="projects",
    ),
    _below("invoices", "messages", "invoice_messages", INVOICES, INVOICE),
    _below("invoices", "payments", "invoice_payments", INVOICES, INVOICE),
    Endpoint("/v2/invoices/{id}/messages/new", INVOICES, INVOICE, special="message_preview", parent="invoices"),
    _below("estimates", "messages", "estimate_messages", ESTIMATES, ESTIMATE),
    _below("users", "billable_rates", "user_billable_rates", BILLABLE_RATES),
    _below("users", "cost_rates", "user_cost_rates", NOBODY),
    Endpoint(
        "/v2/users/{id}/billable_rates/{row_id}",
        BILLABLE_RATES,
        table="billable_rates",
        render=_R.rate,
        parent="users",
        parent_field="user_id",
    ),
    Endpoint(
        "/v2/users/{id}/cost_rates/{row_id}",
        NOBODY,
        table="cost_rates",
        render=_R.rate,
        parent="users",
        parent_field="user_id",
    ),
    Endpoint("/v2/users/{id}/project_assignments", special="project_assignments", parent="users"),
    Endpoint("/v2/users/{id}/teammates", NOBODY, special="teammates", parent="users"),
    *(_report(f"time/{subject}") for subject in ("clients", "projects", "tasks", "team")),
    *(_report(f"expenses/{subject}", feature=EXPENSE) for subject in ("clients", "projects", "categories", "team")),
    _report("uninvoiced", INVOICES, INVOICE),
    _report("project_budget"),
    *(
        Endpoint(path, NOBODY, special="pto")
        for path in (
            "/v2/pto/types",
            "/v2/pto/requests",
            "/v2/pto/balances",
            "/v2/pto/holiday_calendars",
            "/v2/pto/holiday_calendars/{id}/entries",
            "/v2/pto/work_schedules",
            "/v2/pto/assignments",
            "/v2/pto/assignments/{id}",
            "/v2/pto/allocations",
        )
    ),
)


def find_endpoint(path: str) -> tuple[Endpoint, tuple[int, ...]] | None:
    """Find the endpoint of a path and the ids in it; None if there is none."""
    for endpoint in ENDPOINTS:
        match = endpoint.pattern.match(path)
        if match:
            return endpoint, tuple(int(text) for text in match.groups())
    return None
