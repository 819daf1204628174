"""Row types of the account: one class per kind of row, own fields only.

Names of other rows are not copied here but looked up when a row is rendered, so that a rename shows at once. Timestamps are
integer seconds since 1970, dates are `date`, money is `Decimal`, and worked time is an integer number of hundredths of an
hour. There can be millions of time entries, so repeated values (rates, notes, days) are shared objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(slots=True)
class Company:
    """Company of the account; `features` are switches for parts of the API."""

    full_domain: str
    name: str
    currency: str
    weekly_capacity_seconds: int
    features: dict[str, bool]
    week_start_day: str = "Monday"


@dataclass(slots=True)
class Client:
    """Client, billed in one currency."""

    id: int
    name: str
    currency: str
    is_active: bool
    address: str | None
    statement_key: str
    created_at: int
    updated_at: int


@dataclass(slots=True)
class Contact:
    """Contact person at a client; unset fields are empty strings, except the title, which is null."""

    id: int
    client_id: int
    first_name: str
    last_name: str
    email: str
    title: str | None
    phone_office: str
    phone_mobile: str
    fax: str
    invoice_recipient_status: str
    created_at: int
    updated_at: int


@dataclass(slots=True)
class User:
    """User of the account; rates and business roles are separate rows."""

    id: int
    first_name: str
    last_name: str
    email: str
    telephone: str
    timezone: str
    weekly_capacity_seconds: int
    is_contractor: bool
    is_active: bool
    access_roles: tuple[str, ...]
    employee_id: str | None
    has_access_to_all_future_projects: bool
    calendar_integration_source: str | None
    avatar_url: str
    created_at: int
    updated_at: int

    @property
    def name(self) -> str:
        """First and last name, as embedded in other objects."""
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(slots=True)
class Role:
    """Business role, with the ids of its holders."""

    id: int
    name: str
    user_ids: list[int]
    created_at: int
    updated_at: int


@dataclass(slots=True)
class Rate:
    """Dated billable or cost rate of a person; the first of a schedule has no start, the last no end."""

    id: int
    user_id: int
    amount: Decimal
    start_date: date | None
    end_date: date | None
    created_at: int
    updated_at: int


@dataclass(slots=True)
class Task:
    """Task: a kind of work."""

    id: int
    name: str
    billable_by_default: bool
    default_hourly_rate: Decimal | None
    is_default: bool
    is_active: bool
    created_at: int
    updated_at: int


@dataclass(slots=True)
class Project:
    """Project; `bill_by` says where the hourly rate comes from, `budget_by` what the budget counts."""

    id: int
    client_id: int
    name: str
    code: str | None
    is_active: bool
    is_billable: bool
    is_fixed_fee: bool
    bill_by: str
    hourly_rate: Decimal | None
    budget_by: str
    budget_is_monthly: bool
    budget: Decimal | None
    cost_budget: Decimal | None
    cost_budget_include_expenses: bool
    notify_when_over_budget: bool
    over_budget_notification_percentage: Decimal | None
    over_budget_notification_date: date | None
    show_budget_to_all: bool
    fee: Decimal | None
    notes: str | None
    starts_on: date | None
    ends_on: date | None
    created_at: int
    updated_at: int


@dataclass(slots=True)
class UserAssignment:
    """Assignment of a person to a project, with a rate of their own or the default one."""

    id: int
    project_id: int
    user_id: int
    is_active: bool
    is_project_manager: bool
    use_default_rates: bool
    hourly_rate: Decimal | None
    budget: Decimal | None
    created_at: int
    updated_at: int


@dataclass(slots=True)
class TaskAssignment:
    """Assignment of a task to a project."""

    id: int
    project_id: int
    task_id: int
    is_active: bool
    billable: bool
    hourly_rate: Decimal | None
    budget: Decimal | None
    created_at: int
    updated_at: int


@dataclass(slots=True)
class ExternalReference:
    """Link to an item in another tool, shared by the entries that refer to it."""

    id: str
    group_id: str | None
    account_id: str | None
    permalink: str
    service: str
    service_icon_url: str


@dataclass(slots=True)
class TimeEntry:
    """Time entry; `hours_hundredths` excludes the current run of a timer that is still running."""

    id: int
    spent_date: date
    user_id: int
    project_id: int
    task_id: int
    hours_hundredths: int
    notes: str | None
    billable: bool
    budgeted: bool
    billable_rate: Decimal | None
    cost_rate: Decimal | None
    created_at: int
    updated_at: int
    approval_status: str = "unsubmitted"
    is_billed: bool = False
    invoice_id: int | None = None
    is_explicitly_locked: bool = False
    external_reference: ExternalReference | None = None
    timer_started_at: int | None = None


@dataclass(slots=True)
class ExpenseCategory:
    """Category of expenses, counted in units or not."""

    id: int
    name: str
    unit_name: str | None
    unit_price: Decimal | None
    is_active: bool
    created_at: int
    updated_at: int


@dataclass(slots=True)
class Receipt:
    """Receipt: the file attached to an expense."""

    file_name: str
    file_size_bytes: int
    content_type: str


@dataclass(slots=True)
class Expense:
    """Expense; `total_cost` is in the currency of the project's client."""

    id: int
    spent_date: date
    user_id: int
    project_id: int
    expense_category_id: int
    notes: str | None
    units: Decimal
    total_cost: Decimal
    billable: bool
    created_at: int
    updated_at: int
    receipt: Receipt | None = None
    reimbursement: bool = False
    approval_status: str = "unsubmitted"
    is_billed: bool = False
    invoice_id: int | None = None
    is_explicitly_locked: bool = False
