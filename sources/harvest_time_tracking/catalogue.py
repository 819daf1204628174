"""Catalogue of streams: every readable endpoint of Harvest API v2, one entry each. Nothing else names endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from .stream import ANY_ARRAY, Embedded, Mirrored, Owner, Parent, ParentFilter, Stream

_DOCS = "https://help.getharvest.com/api-v2"

# A draft that was never sent has no messages; every later state is reached by sending one.
_SENT = ParentFilter(filled=("sent_at",), holds=(("state", "open"), ("state", "paid"), ("state", "closed")))
_SENT_ESTIMATE = ParentFilter(
    filled=("sent_at",), holds=(("state", "sent"), ("state", "accepted"), ("state", "declined"))
)
# Drafts can have payments too (seen in real records), so the amounts decide, not the state.
_PAID = ParentFilter(differs=(("amount", "due_amount"),), filled=("paid_at", "paid_date"))
_MANAGER = ParentFilter(holds=(("access_roles", "manager"),))

# Still in progress, so their children change most; and a reminder, a new rate or a new task does not change their `updated_at`.
_UNSETTLED = ParentFilter(holds=(("state", "draft"), ("state", "open")))
_UNDECIDED = ParentFilter(holds=(("state", "draft"), ("state", "sent")))
_ACTIVE = ParentFilter(holds=(("is_active", True),))


def _copy(at: str, stream: str, *fields: str, on: tuple[tuple[str, str], ...] = ()) -> Embedded:
    """Denormalised copy whose fields have the same names as in the original."""
    return Embedded(at, stream, MappingProxyType({name: (name,) for name in fields}), on)


def _person(at: str) -> Embedded:
    return Embedded(at, "users", MappingProxyType({"name": ("first_name", "last_name")}))


# Rows depend on their project: archiving it locks its time, and its client and billing rules are those of its rows.
_PROJECT_OWNS = Owner("projects", "project_id")
_TASK = _copy("task", "tasks", "name")
_PROJECT = _copy("project", "projects", "name", "code")
# A project's rows belong to the project's client, even after the project moved to another client.
_CLIENT_OF_PROJECT = Embedded(
    "client",
    "projects",
    MappingProxyType({"id": ("client__id",), "name": ("client__name",), "currency": ("client__currency",)}),
    on=(("project__id", "id"),),
)
# A person, or a task, is assigned to a project once: so the assignment is joined by project and person (or task), as Harvest does.
_ASSIGNMENT_OF_PERSON = _copy(
    "user_assignment",
    "user_assignments",
    *(
        "id",
        "is_project_manager",
        "is_active",
        "use_default_rates",
        "budget",
        "created_at",
        "updated_at",
    ),
    on=(("project__id", "project__id"), ("user__id", "user__id")),
)
# Copies hold the rate in force, even if the assignment itself has none (seen in real records of people and of tasks).
_RATE = MappingProxyType({"hourly_rate": ("hourly_rate",)})
_OWN_RATE = replace(_ASSIGNMENT_OF_PERSON, fields=_RATE, only_where=("use_default_rates", False), only_known=True)
_DEFAULT_RATE = Embedded(
    "user_assignment",
    "users",
    MappingProxyType({"hourly_rate": ("default_hourly_rate",)}),
    on=(("user__id", "id"),),
    only_where=("use_default_rates", True),
    only_known=True,
)
_ASSIGNMENT_OF_TASK = _copy(
    "task_assignment",
    "task_assignments",
    *("id", "billable", "is_active", "budget", "created_at", "updated_at"),
    on=(("project__id", "project__id"), ("task__id", "task__id")),
)
_RATE_OF_TASK = replace(_ASSIGNMENT_OF_TASK, fields=_RATE, only_known=True)
_INVOICE = _copy("invoice", "invoices", "number")

_CLIENTS = "administrator, or manager who may edit clients"
_INVOICES = "administrator, or manager with an invoice permission"
_ESTIMATES = "administrator, or manager with the estimates permission"
_PROJECTS = "administrator, or manager (managed projects only)"
_OWN_ROWS = "anyone, own rows; administrator, all rows"
_REPORT = "anyone, rows and money by role"
_UNKNOWN = "not documented"


def _report(path: str, subject: str, docs: str, *, feature: str | None = None, permission: str = _REPORT) -> Stream:
    return Stream(
        name="report_" + path.replace("/", "_"),
        path=f"reports/{path}",
        data_key="results",
        key=("from_date", "to_date", subject, "currency"),
        docs=f"{_DOCS}/reports-api/reports/{docs}",
        window="month",
        limit="reports",
        permission=permission,
        feature=feature,
        is_default=False,
    )


def _time_off(name: str, path: str, **facts: object) -> Stream:
    # Fields and paths are known from one third-party client only: so selected by name only, and skipped on a 404.
    entry: dict[str, object] = {
        "name": f"pto_{name}",
        "path": f"pto/{path}",
        "data_key": f"pto_{name}",
        "docs": f"{_DOCS}/",
        "permission": _UNKNOWN,
        "is_default": False,
        "is_optional": True,
    }
    return Stream(**(entry | facts))  # type: ignore[arg-type]


_CATALOGUE = (
    Stream(
        name="company",
        path="company",
        data_key=None,
        key=("account_id",),
        docs=f"{_DOCS}/company-api/company/company/",
    ),
    Stream(
        name="users_me",
        path="users/me",
        data_key=None,
        docs=f"{_DOCS}/users-api/users/users/",
        permission="anyone",
    ),
    Stream(
        name="clients",
        path="clients",
        data_key="clients",
        docs=f"{_DOCS}/clients-api/clients/clients/",
        has_updated_since=True,
        permission=_CLIENTS,
        kept=("currency",),
    ),
    Stream(
        name="contacts",
        path="contacts",
        data_key="contacts",
        docs=f"{_DOCS}/clients-api/clients/contacts/",
        has_updated_since=True,
        permission=_CLIENTS,
        embeds=(_copy("client", "clients", "name"),),
    ),
    Stream(
        # Read in full in every run: roles and rights change without a new updated_at, and child streams need all users anyway.
        name="users",
        path="users",
        data_key="users",
        docs=f"{_DOCS}/users-api/users/users/",
        permission="administrator, or manager (assigned teammates only)",
        kept=("weekly_capacity", "default_hourly_rate", "cost_rate", "is_active", "is_contractor", "roles"),
    ),
    Stream(
        name="roles",
        path="roles",
        data_key="roles",
        docs=f"{_DOCS}/roles-api/roles/roles/",
    ),
    Stream(
        name="projects",
        path="projects",
        data_key="projects",
        docs=f"{_DOCS}/projects-api/projects/projects/",
        has_updated_since=True,
        permission=_PROJECTS,
        embeds=(_copy("client", "clients", "name", "currency"),),
        kept=(
            "client__id",
            "is_active",
            "is_billable",
            "is_fixed_fee",
            "fee",
            "bill_by",
            "hourly_rate",
            "budget_by",
            "budget",
            "budget_is_monthly",
            "cost_budget",
            "cost_budget_include_expenses",
            "notify_when_over_budget",
            "over_budget_notification_percentage",
            "over_budget_notification_date",
            "starts_on",
            "ends_on",
        ),
    ),
    Stream(
        name="tasks",
        path="tasks",
        data_key="tasks",
        docs=f"{_DOCS}/tasks-api/tasks/tasks/",
        has_updated_since=True,
        permission="administrator, or manager who may edit clients and tasks",
    ),
    Stream(
        name="user_assignments",
        path="user_assignments",
        data_key="user_assignments",
        docs=f"{_DOCS}/projects-api/projects/user-assignments/",
        has_updated_since=True,
        permission=_PROJECTS,
        embeds=(
            _PROJECT,
            _person("user"),
        ),
        kept=(
            "project__id",
            "user__id",
            "is_active",
            "is_project_manager",
            "use_default_rates",
            "hourly_rate",
            "budget",
        ),
    ),
    Stream(
        name="task_assignments",
        path="task_assignments",
        data_key="task_assignments",
        docs=f"{_DOCS}/projects-api/projects/task-assignments/",
        has_updated_since=True,
        permission=_PROJECTS,
        embeds=(
            _PROJECT,
            _TASK,
        ),
        kept=("project__id", "task__id", "is_active", "billable", "hourly_rate", "budget"),
    ),
    Stream(
        name="time_entries",
        path="time_entries",
        data_key="time_entries",
        docs=f"{_DOCS}/timesheets-api/timesheets/time-entries/",
        has_updated_since=True,
        date_field="spent_date",
        live=MappingProxyType({"is_running": "true"}),
        owner=_PROJECT_OWNS,
        permission=_OWN_ROWS,
        embeds=(
            _person("user"),
            _PROJECT,
            _CLIENT_OF_PROJECT,
            _TASK,
            _ASSIGNMENT_OF_PERSON,
            _OWN_RATE,
            _DEFAULT_RATE,
            _ASSIGNMENT_OF_TASK,
            _RATE_OF_TASK,
            _INVOICE,
        ),
    ),
    Stream(
        name="expenses",
        path="expenses",
        data_key="expenses",
        owner=_PROJECT_OWNS,
        docs=f"{_DOCS}/expenses-api/expenses/expenses/",
        has_updated_since=True,
        date_field="spent_date",
        permission=_OWN_ROWS,
        feature="expense_feature",
        embeds=(
            _person("user"),
            _PROJECT,
            _CLIENT_OF_PROJECT,
            _copy("expense_category", "expense_categories", "name", "unit_price", "unit_name"),
            _ASSIGNMENT_OF_PERSON,
            _OWN_RATE,
            _DEFAULT_RATE,
            _INVOICE,
        ),
    ),
    Stream(
        name="expense_categories",
        path="expense_categories",
        data_key="expense_categories",
        docs=f"{_DOCS}/expenses-api/expenses/expense-categories/",
        has_updated_since=True,
        feature="expense_feature",
    ),
    Stream(
        name="invoices",
        path="invoices",
        data_key="invoices",
        docs=f"{_DOCS}/invoices-api/invoices/invoices/",
        has_updated_since=True,
        date_field="issue_date",
        permission=_INVOICES,
        feature="invoice_feature",
        embeds=(
            _copy("client", "clients", "name"),
            _person("creator"),
            _copy("line_items.project", "projects", "name", "code"),
            # Only its id; null once the estimate is deleted.
            _copy("estimate", "estimates"),
        ),
    ),
    Stream(
        name="invoice_item_categories",
        path="invoice_item_categories",
        data_key="invoice_item_categories",
        docs=f"{_DOCS}/invoices-api/invoices/invoice-item-categories/",
        has_updated_since=True,
        feature="invoice_feature",
    ),
    Stream(
        name="estimates",
        path="estimates",
        data_key="estimates",
        docs=f"{_DOCS}/estimates-api/estimates/estimates/",
        has_updated_since=True,
        date_field="issue_date",
        permission=_ESTIMATES,
        feature="estimate_feature",
        embeds=(
            _copy("client", "clients", "name"),
            _person("creator"),
        ),
    ),
    Stream(
        name="estimate_item_categories",
        path="estimate_item_categories",
        data_key="estimate_item_categories",
        docs=f"{_DOCS}/estimates-api/estimates/estimate-item-categories/",
        has_updated_since=True,
        feature="estimate_feature",
    ),
    Stream(
        name="invoice_messages",
        path="invoices/{invoice_id}/messages",
        data_key="invoice_messages",
        key=("invoice_id", "id"),
        docs=f"{_DOCS}/invoices-api/invoices/invoice-messages/",
        parent=Parent("invoices", "invoice_id", only=_SENT, alive=_UNSETTLED),
        permission=_INVOICES,
        feature="invoice_feature",
    ),
    Stream(
        name="invoice_payments",
        path="invoices/{invoice_id}/payments",
        data_key="invoice_payments",
        key=("invoice_id", "id"),
        docs=f"{_DOCS}/invoices-api/invoices/invoice-payments/",
        parent=Parent("invoices", "invoice_id", only=_PAID, alive=_UNSETTLED),
        permission=_INVOICES,
        feature="invoice_feature",
    ),
    Stream(
        name="estimate_messages",
        path="estimates/{estimate_id}/messages",
        data_key="estimate_messages",
        key=("estimate_id", "id"),
        docs=f"{_DOCS}/estimates-api/estimates/estimate-messages/",
        parent=Parent("estimates", "estimate_id", only=_SENT_ESTIMATE, alive=_UNDECIDED),
        permission=_ESTIMATES,
        feature="estimate_feature",
    ),
    Stream(
        name="user_billable_rates",
        path="users/{user_id}/billable_rates",
        data_key="billable_rates",
        key=("user_id", "id"),
        docs=f"{_DOCS}/users-api/users/billable-rates/",
        parent=Parent("users", "user_id", alive=_ACTIVE),
        permission="administrator, or manager who may edit billable rates",
        kept=("amount", "start_date", "end_date"),
    ),
    Stream(
        name="user_cost_rates",
        path="users/{user_id}/cost_rates",
        data_key="cost_rates",
        key=("user_id", "id"),
        docs=f"{_DOCS}/users-api/users/cost-rates/",
        parent=Parent("users", "user_id", alive=_ACTIVE),
        kept=("amount", "start_date", "end_date"),
    ),
    Stream(
        name="user_project_assignments",
        path="users/{user_id}/project_assignments",
        data_key="project_assignments",
        key=("user_id", "id"),
        docs=f"{_DOCS}/users-api/users/project-assignments/",
        parent=Parent("users", "user_id", alive=_ACTIVE),
        permission="administrator, or manager",
        mirrors=Mirrored("user_assignments", "user"),
        embeds=(
            _copy("project", "projects", "name", "code", "is_billable"),
            _CLIENT_OF_PROJECT,
            _copy("task_assignments.task", "tasks", "name"),
        ),
    ),
    Stream(
        name="user_teammates",
        path="users/{manager_user_id}/teammates",
        data_key="teammates",
        key=("manager_user_id", "id"),
        docs=f"{_DOCS}/users-api/users/teammates/",
        # Harvest responds with 422 for users who are not managers.
        parent=Parent("users", "manager_user_id", only=_MANAGER, alive=_ACTIVE),
    ),
    Stream(
        name="projects_id",
        path="projects/{project_id}",
        data_key=None,
        docs=f"{_DOCS}/projects-api/projects/projects/",
        table="projects",
        argument="project_ids",
        permission=_PROJECTS,
        is_default=False,
    ),
    _report("time/clients", "client_id", "time-reports/"),
    _report("time/projects", "project_id", "time-reports/"),
    _report("time/tasks", "task_id", "time-reports/"),
    _report("time/team", "user_id", "time-reports/"),
    _report("expenses/clients", "client_id", "expense-reports/", feature="expense_feature"),
    _report("expenses/projects", "project_id", "expense-reports/", feature="expense_feature"),
    _report("expenses/categories", "expense_category_id", "expense-reports/", feature="expense_feature"),
    _report("expenses/team", "user_id", "expense-reports/", feature="expense_feature"),
    _report("uninvoiced", "project_id", "uninvoiced-report/", feature="invoice_feature", permission=_INVOICES),
    Stream(
        name="report_project_budget",
        path="reports/project_budget",
        data_key="results",
        key=("snapshot_date", "project_id"),
        docs=f"{_DOCS}/reports-api/reports/project-budget-report/",
        window="day",
        limit="reports",
        permission=_REPORT,
        is_default=False,
    ),
    _time_off("types", "types", has_updated_since=True),
    _time_off("requests", "requests", has_updated_since=True),
    _time_off(
        "balances",
        "balances?user_id={user__id}",
        data_key=None,
        key=("user__id", "year", "as_of"),
        parent=Parent("users", "user__id", alive=_ACTIVE),
    ),
    _time_off("holiday_calendars", "holiday_calendars"),
    _time_off(
        "holiday_calendar_entries",
        "holiday_calendars/{holiday_calendar_id}/entries",
        data_key=ANY_ARRAY,
        key=("holiday_calendar_id", "id"),
        parent=Parent("pto_holiday_calendars", "holiday_calendar_id"),
    ),
    _time_off("work_schedules", "work_schedules"),
    _time_off("assignments", "assignments", data_key=ANY_ARRAY, key=("user__id",)),
    _time_off("allocations", "allocations"),
)

STREAMS: Mapping[str, Stream] = MappingProxyType({stream.name: stream for stream in _CATALOGUE})
"""All streams by name, in reading order: parents before children, reports and extras last."""
