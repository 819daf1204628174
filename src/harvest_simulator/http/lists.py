"""Lists of the API: rows in Harvest's order, filters and rendering.

Lists with a `cursor_key` have cursor pagination. https://help.getharvest.com/api-v2/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from harvest_simulator.account.rows import Rate, UserAssignment
from harvest_simulator.account.tables import Tables, order_inside_a_day
from harvest_simulator.http import filters
from harvest_simulator.http.filters import Filter
from harvest_simulator.http.paging import SortKey
from harvest_simulator.http.permissions import Viewer
from harvest_simulator.http.render import Renderer
from harvest_simulator.http.serialization import Json
from harvest_simulator.http.visibility import sees_invoice, sees_person, sees_project, sees_work


@dataclass(frozen=True, slots=True)
class Listing:
    """List; `rows` takes the parent's id (0 without a parent) and returns all rows in order; `is_visible` filters by role."""

    data_key: str
    rows: Callable[[Tables, int], Iterable[Any]]
    render: Callable[[Renderer, Any], Json]
    cursor_key: SortKey | None
    filters: dict[str, Filter] = field(default_factory=dict)
    is_visible: Callable[[Tables, Viewer, Any], bool] | None = None
    # Shortcut for the longest list: its rows in a range of days, by index.
    rows_between: Callable[[Tables, date | None, date | None], Iterable[Any]] | None = None


def newest_first(row: Any) -> tuple[int, ...]:
    """Sort key: created_at descending, then id descending."""
    return (-row.created_at, -row.id)


def _by_start(rate: Rate) -> tuple[int, ...]:
    return (0 if rate.start_date is None else rate.start_date.toordinal(), rate.id)


def _by_id(row: Any) -> tuple[int, ...]:
    return (row.id,)


def latest_day_first(row: Any) -> tuple[int, ...]:
    """Sort key: latest day first; within a day a stable but arbitrary order."""
    day = row.spent_date if hasattr(row, "spent_date") else row.issue_date
    return (-day.toordinal(), order_inside_a_day(row.id))


def _sorted_table(name: str, key: SortKey) -> Callable[[Tables, int], list[Any]]:
    return lambda tables, _parent_id: sorted(getattr(tables, name).values(), key=key)


def _sorted_children(name: str, key: SortKey) -> Callable[[Tables, int], list[Any]]:
    return lambda tables, parent_id: sorted(getattr(tables, name).get(parent_id, ()), key=key)


def _of_project(name: str) -> Callable[[Tables, int], list[Any]]:
    return lambda tables, parent_id: sorted(
        (row for row in getattr(tables, name).values() if row.project_id == parent_id), key=newest_first
    )


def active_assignments(tables: Tables, user_id: int) -> list[UserAssignment]:
    """Project assignments that a person can track time on: active assignments to active projects."""
    rows = (row for row in tables.user_assignments.values() if row.user_id == user_id and row.is_active)
    return sorted((row for row in rows if tables.projects[row.project_id].is_active), key=newest_first)


_R = Renderer
_SINCE = {"updated_since": filters.UPDATED_SINCE}
_ACTIVE = {"is_active": filters.IS_ACTIVE, **_SINCE}
_DATED = {"from": filters.SPENT_FROM, "to": filters.SPENT_TO, **_SINCE}
_ISSUED = {"from": filters.ISSUED_FROM, "to": filters.ISSUED_TO, "client_id": filters.CLIENT, **_SINCE}
_WORK = {
    "user_id": filters.USER,
    "client_id": filters.CLIENT_OF_PROJECT,
    "project_id": filters.PROJECT,
    "is_billed": filters.IS_BILLED,
    "approval_status": filters.APPROVAL,
    **_DATED,
}
_BY_USER = {"user_id": filters.USER, **_ACTIVE}


def _table(
    name: str,
    render: Callable[[Renderer, Any], Json],
    kept: dict[str, Filter],
    is_visible: Callable[[Tables, Viewer, Any], bool] | None = None,
    is_dated: bool = False,
) -> Listing:
    """Build the list of a table, under the table's name."""
    key = latest_day_first if is_dated else newest_first
    return Listing(name, _sorted_table(name, key), render, None if is_dated else newest_first, kept, is_visible)


LISTS: dict[str, Listing] = {
    "clients": _table("clients", _R.client, _ACTIVE),
    "contacts": _table("contacts", _R.contact, {"client_id": filters.CLIENT, **_SINCE}),
    "users": _table("users", _R.user, _ACTIVE, sees_person),
    "roles": _table("roles", _R.role, {}),
    "tasks": _table("tasks", _R.task, _ACTIVE),
    "projects": _table("projects", _R.project, {"client_id": filters.CLIENT, **_ACTIVE}, sees_project),
    "user_assignments": _table("user_assignments", _R.user_assignment, _BY_USER, sees_project),
    "task_assignments": _table("task_assignments", _R.task_assignment, _ACTIVE, sees_project),
    "time_entries": Listing(
        "time_entries",
        lambda tables, _parent_id: tables.entries_between(None, None),
        _R.time_entry,
        None,
        {
            "task_id": filters.TASK,
            "external_reference_id": filters.EXTERNAL_ID,
            "is_running": filters.IS_RUNNING,
            **_WORK,
        },
        sees_work,
        Tables.entries_between,
    ),
    "expenses": _table("expenses", _R.expense, _WORK, sees_work, is_dated=True),
    "expense_categories": _table("expense_categories", _R.expense_category, _ACTIVE),
    "invoices": _table(
        "invoices",
        _R.invoice,
        {"project_id": filters.PROJECT_OF_LINE, "state": filters.INVOICE_STATE, **_ISSUED},
        sees_invoice,
        is_dated=True,
    ),
    "estimates": _table("estimates", _R.estimate, {"state": filters.ESTIMATE_STATE, **_ISSUED}, is_dated=True),
    "invoice_item_categories": _table("invoice_item_categories", _R.invoice_item_category, _SINCE),
    "estimate_item_categories": _table("estimate_item_categories", _R.estimate_item_category, _SINCE),
    "invoice_messages": Listing(
        "invoice_messages", _sorted_children("invoice_messages", newest_first), _R.invoice_message, newest_first, _SINCE
    ),
    "invoice_payments": Listing(
        "invoice_payments", _sorted_children("invoice_payments", newest_first), _R.payment, newest_first, _SINCE
    ),
    "estimate_messages": Listing(
        "estimate_messages",
        _sorted_children("estimate_messages", newest_first),
        _R.estimate_message,
        newest_first,
        _SINCE,
    ),
    "user_billable_rates": Listing("billable_rates", _sorted_children("billable_rates", _by_start), _R.rate, _by_start),
    "user_cost_rates": Listing("cost_rates", _sorted_children("cost_rates", _by_start), _R.rate, _by_start),
    "user_project_assignments": Listing(
        "project_assignments", active_assignments, _R.project_assignment, newest_first, _SINCE
    ),
    "my_project_assignments": Listing("project_assignments", active_assignments, _R.project_assignment, None),
    "user_teammates": Listing(
        "teammates",
        lambda tables, parent_id: sorted(
            (tables.users[user_id] for user_id in tables.teammate_ids.get(parent_id, ())), key=_by_id
        ),
        _R.teammate,
        _by_id,
    ),
    "project_user_assignments": Listing(
        "user_assignments", _of_project("user_assignments"), _R.user_assignment, None, _BY_USER
    ),
    "project_task_assignments": Listing(
        "task_assignments", _of_project("task_assignments"), _R.task_assignment, None, _ACTIVE
    ),
}
