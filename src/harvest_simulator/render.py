"""Rows to the JSON objects of the API: the people, the work, the setup.

Embedded objects are rendered at read time, so that a rename shows at once everywhere. The order of the keys is that of
captured records. Numbers go through a `Numbers`: floats on the wire, exact decimals for the truth.
https://help.getharvest.com/api-v2/
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from harvest_simulator.permissions import claims_of
from harvest_simulator.rows import (
    Client,
    Contact,
    Expense,
    ExpenseCategory,
    Project,
    Rate,
    Role,
    Task,
    TaskAssignment,
    TimeEntry,
    User,
    UserAssignment,
)
from harvest_simulator.tables import Tables

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Numbers:
    """How decimals, and hundredths of an hour, become values of the answer."""

    decimal: Callable[[Decimal], Any]
    hundredths: Callable[[int], Any]

    def maybe(self, value: Decimal | None) -> Any:
        return None if value is None else self.decimal(value)


@lru_cache(maxsize=100_000)
def float_of(value: Decimal) -> float:
    """The float whose shortest text is the same number; amounts that have none are refused rather than bent."""
    number = float(value)
    if Decimal(repr(number)) != value:
        raise ValueError(f"{value} has no float with the same text")
    return number


@lru_cache(maxsize=10_000)
def _exact_hundredths(value: int) -> Decimal:
    # As the wire spells it: 1.5, not 1.50; whole numbers with one decimal.
    return Decimal(repr(value / 100))


def exact_of(value: Decimal) -> Decimal:
    return value


ON_THE_WIRE = Numbers(float_of, lambda value: value / 100)
EXACT = Numbers(exact_of, _exact_hundredths)


@lru_cache(maxsize=20_000)
def _day_text(day_number: int) -> str:
    return date.fromordinal(719_163 + day_number).isoformat()


@lru_cache(maxsize=86_400)
def _time_text(second: int) -> str:
    return f"T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"


def instant(at: int | None) -> str | None:
    """Seconds since 1970 as YYYY-MM-DDTHH:MM:SSZ."""
    return None if at is None else _day_text(at // 86_400) + _time_text(at % 86_400)


def day_or_none(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


class Renderer:
    """Renders rows as they are now. Parts that many rows share are kept until something changes."""

    def __init__(self, tables: Tables, numbers: Numbers) -> None:
        self.tables = tables
        self.numbers = numbers
        self._shared: dict[tuple[str, int], Json] = {}
        self._shared_as_of: tuple[int, date] = (-1, date.min)

    def refresh(self) -> None:
        """Forget shared parts that may be out of date; called before each answer."""
        as_of = (self.tables.version, self.tables.clock.today())
        if as_of != self._shared_as_of:
            self._shared = {}
            self._shared_as_of = as_of

    def _share(self, kind: str, row_id: int, make: Callable[[int], Json]) -> Json:
        key = (kind, row_id)
        found = self._shared.get(key)
        if found is None:
            found = self._shared[key] = make(row_id)
        return found

    def client_stub(self, client_id: int) -> Json:
        return self._share("client", client_id, lambda i: {"id": i, "name": self.tables.clients[i].name})

    def money_client_stub(self, client_id: int) -> Json:
        def make(row_id: int) -> Json:
            client = self.tables.clients[row_id]
            return {"id": client.id, "name": client.name, "currency": client.currency}

        return self._share("money_client", client_id, make)

    def user_stub(self, user_id: int) -> Json:
        return self._share("user", user_id, lambda i: {"id": i, "name": self.tables.users[i].name})

    def task_stub(self, task_id: int) -> Json:
        return self._share("task", task_id, lambda i: {"id": i, "name": self.tables.tasks[i].name})

    def project_stub(self, project_id: int) -> Json:
        def make(row_id: int) -> Json:
            project = self.tables.projects[row_id]
            return {"id": project.id, "name": project.name, "code": project.code}

        return self._share("project", project_id, make)

    def user_assignment_stub(self, row: UserAssignment | None) -> Json | None:
        """As embedded in entries, expenses and project assignments: with the rate in force even where it is the default."""
        if row is None:
            return None

        def make(row_id: int) -> Json:
            return {
                "id": row_id,
                "is_project_manager": row.is_project_manager,
                "is_active": row.is_active,
                "use_default_rates": row.use_default_rates,
                "budget": self.numbers.maybe(row.budget),
                "created_at": instant(row.created_at),
                "updated_at": instant(row.updated_at),
                "hourly_rate": self.numbers.maybe(self._rate_in_force(row)),
            }

        return self._share("user_assignment", row.id, make)

    def _rate_in_force(self, row: UserAssignment) -> Decimal | None:
        if row.use_default_rates:
            return self.tables.default_rate_of(row.user_id, self.tables.clock.today())
        return row.hourly_rate

    def task_assignment_stub(self, row: TaskAssignment | None) -> Json | None:
        if row is None:
            return None

        def make(row_id: int) -> Json:
            return {
                "id": row_id,
                "billable": row.billable,
                "is_active": row.is_active,
                "created_at": instant(row.created_at),
                "updated_at": instant(row.updated_at),
                "hourly_rate": self.numbers.maybe(row.hourly_rate),
                "budget": self.numbers.maybe(row.budget),
            }

        return self._share("task_assignment", row.id, make)

    def invoice_stub(self, invoice_id: int | None) -> Json | None:
        if invoice_id is None:
            return None
        return self._share("invoice", invoice_id, lambda i: {"id": i, "number": self.tables.invoices[i].number})

    def company(self) -> Json:
        company = self.tables.company
        flags = company.features
        return {
            "base_uri": f"https://{company.full_domain}",
            "full_domain": company.full_domain,
            "name": company.name,
            "is_active": True,
            "week_start_day": company.week_start_day,
            "wants_timestamp_timers": False,
            "time_format": "hours_minutes",
            "date_format": "%Y-%m-%d",
            "plan_type": "simple-v4",
            "expense_feature": flags["expense_feature"],
            "invoice_feature": flags["invoice_feature"],
            "estimate_feature": flags["estimate_feature"],
            "team_feature": flags["team_feature"],
            "weekly_capacity": company.weekly_capacity_seconds,
            "approval_feature": flags["approval_feature"],
            "clock": "12h",
            "currency": company.currency,
            "currency_code_display": "iso_code_none",
            "currency_symbol_display": "symbol_before",
            "decimal_symbol": ".",
            "thousands_separator": ",",
            "color_scheme": "orange",
            "saml_sign_in_required": False,
            "day_entry_notes_required": False,
        }

    def client(self, row: Client) -> Json:
        return {
            "id": row.id,
            "name": row.name,
            "is_active": row.is_active,
            "address": row.address,
            "statement_key": row.statement_key,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
            "currency": row.currency,
        }

    def contact(self, row: Contact) -> Json:
        return {
            "id": row.id,
            "title": row.title,
            "first_name": row.first_name,
            "last_name": row.last_name,
            "email": row.email,
            "phone_office": row.phone_office,
            "phone_mobile": row.phone_mobile,
            "fax": row.fax,
            "invoice_recipient_status": row.invoice_recipient_status,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
            "client": self.client_stub(row.client_id),
        }

    def user(self, row: User) -> Json:
        today = self.tables.clock.today()
        source = row.calendar_integration_source
        roles = [role.name for role in self.tables.roles.values() if row.id in role.user_ids]
        return {
            "id": row.id,
            "first_name": row.first_name,
            "last_name": row.last_name,
            "email": row.email,
            "telephone": row.telephone,
            "timezone": row.timezone,
            "weekly_capacity": row.weekly_capacity_seconds,
            "has_access_to_all_future_projects": row.has_access_to_all_future_projects,
            "is_contractor": row.is_contractor,
            "is_active": row.is_active,
            "calendar_integration_enabled": source is not None,
            "calendar_integration_source": source,
            "employee_id": row.employee_id,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
            "can_create_projects": not {"administrator", "project_creator"}.isdisjoint(row.access_roles),
            "default_hourly_rate": self.numbers.maybe(self.tables.default_rate_of(row.id, today)),
            "cost_rate": self.numbers.maybe(self.tables.cost_rate_of(row.id, today)),
            "roles": roles,
            "access_roles": list(row.access_roles),
            "permissions_claims": claims_of(row.access_roles),
            "avatar_url": row.avatar_url,
        }

    def teammate(self, row: User) -> Json:
        return {"id": row.id, "first_name": row.first_name, "last_name": row.last_name, "email": row.email}

    def role(self, row: Role) -> Json:
        return {
            "id": row.id,
            "name": row.name,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
            "user_ids": list(row.user_ids),
        }

    def rate(self, row: Rate) -> Json:
        return {
            "id": row.id,
            "amount": self.numbers.decimal(row.amount),
            "start_date": day_or_none(row.start_date),
            "end_date": day_or_none(row.end_date),
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
        }

    def task(self, row: Task) -> Json:
        return {
            "id": row.id,
            "name": row.name,
            "billable_by_default": row.billable_by_default,
            "default_hourly_rate": self.numbers.maybe(row.default_hourly_rate),
            "is_default": row.is_default,
            "is_active": row.is_active,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
        }

    def project(self, row: Project) -> Json:
        maybe = self.numbers.maybe
        return {
            "id": row.id,
            "name": row.name,
            "code": row.code,
            "is_active": row.is_active,
            "is_billable": row.is_billable,
            "is_fixed_fee": row.is_fixed_fee,
            "bill_by": row.bill_by,
            "budget": maybe(row.budget),
            "budget_by": row.budget_by,
            "budget_is_monthly": row.budget_is_monthly,
            "notify_when_over_budget": row.notify_when_over_budget,
            "over_budget_notification_percentage": maybe(row.over_budget_notification_percentage),
            "show_budget_to_all": row.show_budget_to_all,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
            "starts_on": day_or_none(row.starts_on),
            "ends_on": day_or_none(row.ends_on),
            "over_budget_notification_date": day_or_none(row.over_budget_notification_date),
            "notes": row.notes,
            "cost_budget": maybe(row.cost_budget),
            "cost_budget_include_expenses": row.cost_budget_include_expenses,
            "hourly_rate": maybe(row.hourly_rate),
            "fee": maybe(row.fee),
            "currency": self.tables.clients[row.client_id].currency,
            "client": self.money_client_stub(row.client_id),
        }

    def user_assignment(self, row: UserAssignment) -> Json:
        """The list gives no rate where the default is used, unlike the embedded form (captured since late 2023)."""
        return {
            "id": row.id,
            "is_project_manager": row.is_project_manager,
            "is_active": row.is_active,
            "use_default_rates": row.use_default_rates,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
            "hourly_rate": None if row.use_default_rates else self.numbers.maybe(row.hourly_rate),
            "budget": self.numbers.maybe(row.budget),
            "project": self.project_stub(row.project_id),
            "user": self.user_stub(row.user_id),
        }

    def task_assignment(self, row: TaskAssignment) -> Json:
        stub = self.task_assignment_stub(row)
        assert stub is not None
        return {**stub, "project": self.project_stub(row.project_id), "task": self.task_stub(row.task_id)}

    def project_assignment(self, row: UserAssignment) -> Json:
        project = self.tables.projects[row.project_id]
        stub = self.user_assignment_stub(row)
        assert stub is not None
        return {
            **stub,
            "project": {**self.project_stub(project.id), "is_billable": project.is_billable},
            "client": self.money_client_stub(project.client_id),
            "task_assignments": self._share("project_tasks", project.id, self._tasks_of_project)["rows"],
        }

    def _tasks_of_project(self, project_id: int) -> Json:
        rows = [
            {**(self.task_assignment_stub(row) or {}), "task": self.task_stub(row.task_id)}
            for row in self.tables.task_assignments_of(project_id)
            if row.is_active
        ]
        return {"rows": rows}

    def time_entry(self, row: TimeEntry) -> Json:
        tables, hundredths = self.tables, self.numbers.hundredths
        project = tables.projects[row.project_id]
        reference = row.external_reference
        hours = tables.hours_of(row)
        locked_reason = _locked_reason("Item", row.is_billed, row.approval_status, project.is_active)
        return {
            "id": row.id,
            "spent_date": row.spent_date.isoformat(),
            "hours": hundredths(hours),
            "hours_without_timer": hundredths(row.hours_hundredths),
            "rounded_hours": hundredths(tables.rounding.apply(hours)),
            "notes": row.notes,
            "is_locked": locked_reason is not None or row.is_explicitly_locked,
            "locked_reason": locked_reason,
            "is_explicitly_locked": row.is_explicitly_locked,
            "is_closed": row.approval_status == "approved",
            "approval_status": row.approval_status,
            "is_billed": row.is_billed,
            "timer_started_at": instant(row.timer_started_at),
            "started_time": None,
            "ended_time": None,
            "is_running": row.timer_started_at is not None,
            "billable": row.billable,
            "budgeted": row.budgeted,
            "billable_rate": self.numbers.maybe(row.billable_rate),
            "cost_rate": self.numbers.maybe(row.cost_rate),
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
            "user": self.user_stub(row.user_id),
            "client": self.money_client_stub(project.client_id),
            "project": self.project_stub(project.id),
            "task": self.task_stub(row.task_id),
            "user_assignment": self.user_assignment_stub(tables.user_assignment_of(project.id, row.user_id)),
            "task_assignment": self.task_assignment_stub(tables.task_assignment_of(project.id, row.task_id)),
            "invoice": self.invoice_stub(row.invoice_id),
            "external_reference": None
            if reference is None
            else {
                "id": reference.id,
                "group_id": reference.group_id,
                "account_id": reference.account_id,
                "permalink": reference.permalink,
                "service": reference.service,
                "service_icon_url": reference.service_icon_url,
            },
        }

    def expense_category(self, row: ExpenseCategory) -> Json:
        return {
            "id": row.id,
            "name": row.name,
            "unit_name": row.unit_name,
            "unit_price": self.numbers.maybe(row.unit_price),
            "is_active": row.is_active,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
        }

    def expense(self, row: Expense) -> Json:
        tables = self.tables
        project = tables.projects[row.project_id]
        category = tables.expense_categories[row.expense_category_id]
        locked_reason = _locked_reason("Expense", row.is_billed, row.approval_status, project.is_active)
        receipt = row.receipt
        return {
            "id": row.id,
            "spent_date": row.spent_date.isoformat(),
            "notes": row.notes,
            "total_cost": self.numbers.decimal(row.total_cost),
            "units": self.numbers.decimal(row.units),
            "billable": row.billable,
            "reimbursement": row.reimbursement,
            "receipt": None
            if receipt is None
            else {
                "url": f"https://{tables.company.full_domain}/expenses/{row.id}/receipt",
                "file_name": receipt.file_name,
                "file_size": receipt.file_size_bytes,
                "content_type": receipt.content_type,
            },
            "is_closed": row.approval_status == "approved",
            "approval_status": row.approval_status,
            "is_locked": locked_reason is not None or row.is_explicitly_locked,
            "is_explicitly_locked": row.is_explicitly_locked,
            "is_billed": row.is_billed,
            "locked_reason": locked_reason,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
            "user": self.user_stub(row.user_id),
            "client": self.money_client_stub(project.client_id),
            "project": self.project_stub(project.id),
            "expense_category": {
                "id": category.id,
                "name": category.name,
                "unit_price": self.numbers.maybe(category.unit_price),
                "unit_name": category.unit_name,
            },
            "user_assignment": self.user_assignment_stub(tables.user_assignment_of(project.id, row.user_id)),
            "invoice": self.invoice_stub(row.invoice_id),
        }


def _locked_reason(noun: str, is_billed: bool, approval_status: str, is_project_active: bool) -> str | None:
    """Human text, as captured; never meant to be parsed."""
    is_approved = approval_status == "approved"
    if noun == "Expense":
        if is_billed:
            return "Expense is invoiced."
        return "Expense is approved." if is_approved else None
    if is_billed and is_approved:
        return "Item Invoiced and Approved and Locked for this Time Period"
    if is_billed:
        return "Item Invoiced and Locked for this Time Period"
    if is_approved:
        return "Item Approved and Locked for this Time Period"
    return None if is_project_active else "Project is archived"
