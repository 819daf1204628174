"""Local totals: our tables summed by month in exact decimals, for comparison with Harvest's reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from harvest_warehouse.database import Database

ZERO = Decimal(0)
# By report: columns with the subject's id and name, and whether amounts of fixed-fee projects count.
_TIME = {
    "projects": ("project__id", "project__name", True),
    "team": ("user__id", "user__name", False),
    "tasks": ("task__id", "task__name", False),
}
_EXPENSES = {
    "projects": ("project__id", "project__name"),
    "categories": ("expense_category__id", "expense_category__name"),
    "team": ("user__id", "user__name"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """Sums of one subject in one month.

    Attributes:
        subject_id: id of the project, person, task or category.
        subject: name of the subject.
        currency: currency of the client.
        month: first day of the month.
        is_running: whether it sums running timers only; others are summed apart.
        sums: exact sums by name; `_each` marks sums of amounts that were rounded to cents individually.
    """

    subject_id: int
    subject: str
    currency: str
    month: date
    is_running: bool
    sums: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Project:
    """Project data from its row, its assignments and its invoice lines.

    Attributes:
        project_id: id of the project.
        name: name of the project.
        currency: currency of its client.
        is_billable: whether it is billable.
        is_fixed_fee: whether it has a fixed fee.
        is_active: whether it is not archived.
        fee: the fixed fee.
        starts_on: start date; without one, the day it was created, as in Harvest.
        budget_by: Harvest's `budget_by`; `none` without a budget.
        is_monthly: whether the budget is monthly.
        has_expenses: whether expenses count towards the budget.
        budget: budget in hours or money; for budgets by person or task, the sum of all assignments.
        active_budget: the same, with active assignments only.
        lines: amounts of invoice lines linked to it, as (discount of the invoice in percent, amount).
    """

    project_id: int
    name: str
    currency: str
    is_billable: bool
    is_fixed_fee: bool
    is_active: bool
    fee: Decimal
    starts_on: date
    budget_by: str
    is_monthly: bool
    has_expenses: bool
    budget: Decimal | None
    active_budget: Decimal | None
    lines: tuple[tuple[Decimal, Decimal], ...]


@dataclass(frozen=True)
class LocalTotals:
    """Local totals of an account.

    Attributes:
        parts: monthly sums in a range of days, by table and subject (`time/projects`, `expenses/team`).
        whole: monthly sums of all time by project, by table.
        projects: projects by id.
        running_ids: ids of the time entries whose timer was running when they were loaded.
        has_rates: whether time entries have their billable rates, without which they are worth nothing here.
    """

    parts: Mapping[str, tuple[Part, ...]]
    whole: Mapping[str, tuple[Part, ...]]
    projects: Mapping[int, Project]
    running_ids: frozenset[int] = frozenset()
    has_rates: bool = True


def is_loaded(database: Database) -> bool:
    """True if the tables that every comparison needs exist."""
    return all(database.columns(table) for table in ("time_entries", "projects", "clients"))


def days_of(database: Database, account_id: str) -> tuple[date | None, date | None, date | None]:
    """First and last day with time or expenses, and the latest day with a running timer; None if there is none."""
    account = {"account_id": account_id}
    firsts, lasts = [], []
    for table in ("time_entries", "expenses"):
        if database.columns(table):
            query = f"select min(spent_date), max(spent_date) from {table} where account_id = :account_id"
            ((first, last),) = database.rows(query, account)
            firsts.append(first)
            lasts.append(last)
    ((running,),) = database.rows(
        "select max(spent_date) from time_entries where account_id = :account_id and is_running", account
    )
    return (
        min((day for day in firsts if day), default=None),
        max((day for day in lasts if day), default=None),
        running,
    )


def local_totals(
    database: Database, account_id: str, first: date, last: date, *, has_rates: bool = True
) -> LocalTotals:
    """Sum an account's tables; results are equal if the tables did not change in between.

    Args:
        database: connection to the account's tables.
        account_id: the account; rows of other accounts are excluded.
        first: first day of the range for `parts`.
        last: last day of the range, inclusive.
        has_rates: whether the column with the billable rates of time entries is filled.

    Raises:
        DltException: the database refuses.
    """
    values = {"account_id": account_id, "first": first, "last": last}
    days = "and work.spent_date between :first and :last"
    parts = {f"time/{name}": _time(database, name, values, days) for name in _TIME}
    whole = {"time/projects": _time(database, "projects", values, "")}
    if database.columns("expenses"):
        parts |= {f"expenses/{name}": _expenses(database, name, values, days) for name in _EXPENSES}
        whole["expenses/projects"] = _expenses(database, "projects", values, "")
    running = database.rows("select id from time_entries where account_id = :account_id and is_running", values)
    return LocalTotals(parts, whole, _projects(database, account_id), frozenset(row[0] for row in running), has_rates)


_PLACE = """
    left join projects on projects.account_id = work.account_id and projects.id = work.project__id
    left join clients
        on clients.account_id = work.account_id and clients.id = coalesce(projects.client__id, work.client__id)
    where work.account_id = :account_id and work.spent_date is not null
"""
_HEAD = """
    max(work."{name}"),
    coalesce(clients.currency, work.client__currency, ''),
    extract(year from work.spent_date),
    extract(month from work.spent_date)
"""
_GROUP = """
    group by
        work."{key}", coalesce(clients.currency, work.client__currency, ''),
        extract(year from work.spent_date), extract(month from work.spent_date)
"""
_BILLABLE = "work.billable"
_OPEN = "work.billable and not coalesce(work.is_billed, false)"
_COUNTED = "coalesce(work.budgeted, false)"
_VALUE = "work.rounded_hours * coalesce(work.billable_rate, 0)"


def _time(database: Database, subject: str, values: Mapping[str, object], days: str) -> tuple[Part, ...]:
    """Sum time entries by subject and month: rounded hours, and amounts as rounded hours times the entry's own rate."""
    key, name, has_fixed_fee = _TIME[subject]
    money = _BILLABLE if has_fixed_fee else f"{_BILLABLE} and not coalesce(projects.is_fixed_fee, false)"
    sums = {
        "hours": _sum("true", "work.rounded_hours"),
        "billable_hours": _sum(_BILLABLE, "work.rounded_hours"),
        **_sums("money", money, _VALUE),
        "open_hours": _sum(_OPEN, "work.rounded_hours"),
        **_sums("open_money", _OPEN, _VALUE),
        "budget_hours": _sum(_COUNTED, "work.rounded_hours"),
        "budget_billable_hours": _sum(f"{_COUNTED} and {_BILLABLE}", "work.rounded_hours"),
        **_sums("budget_money", f"{_COUNTED} and {_BILLABLE}", _VALUE),
    }
    return _parts(database, "time_entries", (key, name), "coalesce(work.is_running, false)", sums, values, days)


def _expenses(database: Database, subject: str, values: Mapping[str, object], days: str) -> tuple[Part, ...]:
    sums = {
        **_sums("amount", "true", "work.total_cost"),
        **_sums("billable", _BILLABLE, "work.total_cost"),
        **_sums("open", _OPEN, "work.total_cost"),
    }
    return _parts(database, "expenses", _EXPENSES[subject], None, sums, values, days)


def _sum(condition: str, value: str) -> str:
    return f"sum(case when {condition} then coalesce({value}, 0) else 0 end)"


def _sums(name: str, condition: str, value: str) -> dict[str, str]:
    """SQL sums of an amount: exact, and (`_each`) of amounts rounded to cents individually."""
    return {name: _sum(condition, value), f"{name}_each": _sum(condition, f"round({value}, 2)")}


def _parts(
    database: Database,
    table: str,
    subject: tuple[str, str],
    running: str | None,
    sums: Mapping[str, str],
    values: Mapping[str, object],
    days: str,
) -> tuple[Part, ...]:
    key, name = subject
    # Not every database supports grouping by a constant.
    group = _GROUP.format(key=key) + (f", {running}" if running else "")
    query = (
        f'select work."{key}", {_HEAD.format(name=name)}, {running or "false"}, {", ".join(sums.values())} '
        f"from {table} as work {_PLACE} {days} {group} order by 1, 3, 4, 5, 6"
    )
    return tuple(
        Part(
            int(subject_id or 0),
            named or "",
            currency,
            date(int(year), int(month), 1),
            bool(is_running),
            {column: _decimal(value) for column, value in zip(sums, found, strict=True)},
        )
        for subject_id, named, currency, year, month, is_running, *found in database.rows(query, values)
    )


def _projects(database: Database, account_id: str) -> dict[int, Project]:
    lines = _lines(database, account_id)
    budgets = {table: _budgets(database, account_id, table) for table in ("task_assignments", "user_assignments")}
    query = """
        select
            projects.id, projects.name, coalesce(clients.currency, projects.client__currency, ''), projects.is_billable,
            projects.is_fixed_fee, projects.is_active, projects.fee, projects.starts_on, projects.created_at,
            projects.budget_by, projects.budget_is_monthly, projects.cost_budget_include_expenses,
            projects.budget, projects.cost_budget
        from projects
        left join clients on clients.account_id = projects.account_id and clients.id = projects.client__id
        where projects.account_id = :account_id
    """
    found = {}
    for row in database.rows(query, {"account_id": account_id}):
        project_id, name, currency, is_billable, is_fixed_fee, is_active, fee, starts_on, created_at, by, *of_budget = (
            row
        )
        is_monthly, has_expenses, *own_budgets = of_budget
        own = dict(zip(("project", "project_cost"), own_budgets, strict=True))
        assigned = budgets["user_assignments" if by == "person" else "task_assignments"].get(project_id, (None, None))
        budget, active_budget = (own[by], own[by]) if by in own else assigned
        found[project_id] = Project(
            project_id,
            name or "",
            currency,
            bool(is_billable),
            bool(is_fixed_fee),
            bool(is_active),
            _decimal(fee),
            starts_on or _day(created_at),
            by or "none",
            bool(is_monthly),
            # https://support.getharvest.com/hc/en-us/articles/360048686811: no other kind of budget includes expenses.
            bool(has_expenses) and by == "project_cost",
            None if budget is None else _decimal(budget),
            None if active_budget is None else _decimal(active_budget),
            lines.get(project_id, ()),
        )
    return found


def _lines(database: Database, account_id: str) -> dict[int, tuple[tuple[Decimal, Decimal], ...]]:
    """Invoice lines by project, including those of drafts and of products: a recorded report counts both."""
    if not database.columns("invoices__line_items"):
        return {}
    query = """
        select line.project__id, coalesce(invoices.discount, 0), sum(line.amount)
        from invoices__line_items as line
        inner join invoices on invoices._dlt_id = line._dlt_parent_id
        where invoices.account_id = :account_id and line.project__id is not null
        group by line.project__id, coalesce(invoices.discount, 0)
        order by 1, 2
    """
    lines: dict[int, tuple[tuple[Decimal, Decimal], ...]] = {}
    for project_id, discount, amount in database.rows(query, {"account_id": account_id}):
        lines[project_id] = (*lines.get(project_id, ()), (_decimal(discount), _decimal(amount)))
    return lines


def _budgets(database: Database, account_id: str, table: str) -> dict[int, tuple[object, object]]:
    """Sums of task or person budgets by project: of all assignments, and of active ones."""
    if not database.columns(table):
        return {}
    query = f"""
        select project__id, sum(budget), sum(case when is_active then budget end) from {table}
        where account_id = :account_id group by project__id
    """
    return {
        project_id: (all_of, active) for project_id, all_of, active in database.rows(query, {"account_id": account_id})
    }


def _decimal(value: object) -> Decimal:
    return Decimal(str(value or 0))


def _day(instant: datetime | None) -> date:
    return instant.astimezone(UTC).date() if instant else date.min
