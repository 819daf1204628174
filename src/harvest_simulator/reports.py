"""Harvest's reports, summed from the rows.

https://help.getharvest.com/api-v2/reports-api/reports/time-reports/ and its neighbours. Hours are rounded entry by
entry, money is summed exactly and rounded half up once. One row for each subject and currency.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from harvest_simulator.answers import not_valid
from harvest_simulator.arithmetic import ZERO, half_up
from harvest_simulator.filters import read_day, read_flag
from harvest_simulator.permissions import Viewer
from harvest_simulator.rows import Expense, Project, TimeEntry
from harvest_simulator.sight import sees_project, sees_work
from harvest_simulator.spelling import EXACT, ON_THE_WIRE, Json, Numbers
from harvest_simulator.tables import Tables

LONGEST_WINDOW_DAYS = 365


@dataclass(frozen=True, slots=True)
class Window:
    first: date
    last: date


def read_window(query: dict[str, str], today: date) -> Window:
    """Raises Refusal 422 unless from and to are there, in order, at most 365 days, and not all in the future."""
    if not query.get("from") or not query.get("to"):
        raise not_valid("From and to dates are required")
    window = Window(read_day("from", query["from"]), read_day("to", query["to"]))
    if window.last < window.first:
        raise not_valid("To date must not be before from date")
    if (window.last - window.first).days + 1 > LONGEST_WINDOW_DAYS:
        raise not_valid("Date range must not exceed 1 year")
    if window.first > today:
        raise not_valid("Date range must not be in the future")
    return window


def whole_or_float(value: Decimal) -> float | int:
    """Reports spell whole numbers without a fraction, as in the documentation's samples: 4, 0.5."""
    return int(value) if value == value.to_integral_value() else ON_THE_WIRE.decimal(value)


WIRE = Numbers(whole_or_float, lambda value: whole_or_float(Decimal(value) / 100))


def name_with_code(project: Project) -> str:
    """Time and expense project reports put the code before the name; the other two do not."""
    return f"[{project.code}] {project.name}" if project.code else project.name


class Reports:
    """The ten reports. `numbers` spells them: for the wire, or exactly for the truth."""

    def __init__(self, tables: Tables, numbers: Numbers = WIRE) -> None:
        self.tables = tables
        self.numbers = numbers

    def answer(self, name: str, viewer: Viewer, query: dict[str, str]) -> list[Json]:
        """`name` as in the contract, e.g. report_time_clients."""
        if name == "report_project_budget":
            is_active = read_flag("is_active", query["is_active"]) if query.get("is_active") else None
            return self.project_budget(viewer, is_active)
        window = read_window(query, self.tables.clock.today())
        if name == "report_uninvoiced":
            has_fees = read_flag("include_fixed_fee", query.get("include_fixed_fee") or "true")
            return self.uninvoiced(viewer, window, has_fees)
        _, kind, subject = name.split("_")
        if kind == "time":
            has_fees = read_flag("include_fixed_fee", query.get("include_fixed_fee") or "false")
            return self.time(subject, viewer, window, has_fees)
        return self.expenses(subject, viewer, window)

    def time(self, subject: str, viewer: Viewer, window: Window, include_fixed_fee: bool) -> list[Json]:
        """Money of fixed fee projects counts only on request; their hours always do."""
        tables = self.tables
        key_of, head_of = self._time_subject(subject)
        sums: dict[tuple[int, str], list[int | Decimal]] = {}
        for entry in self._entries(viewer, window):
            project = tables.projects[entry.project_id]
            currency = tables.clients[project.client_id].currency if viewer.sees_rates else ""
            row = sums.setdefault((key_of(entry, project), currency), [0, 0, ZERO])
            hundredths = tables.rounded_hours_of(entry)
            row[0] += hundredths
            if entry.billable:
                row[1] += hundredths
                if entry.billable_rate is not None and (include_fixed_fee or not project.is_fixed_fee):
                    row[2] += hundredths * entry.billable_rate
        results = []
        for (row_id, currency), (total, billable, money) in sums.items():
            shown = head_of(row_id)
            shown["total_hours"] = self.numbers.hundredths(int(total))
            shown["billable_hours"] = self.numbers.hundredths(int(billable))
            if viewer.sees_rates:
                shown["currency"] = currency
                shown["billable_amount"] = self._money(Decimal(money) / 100)
            results.append(shown)
        return _by_name(results)

    def _time_subject(self, subject: str) -> tuple[Callable[[TimeEntry, Project], int], Callable[[int], Json]]:
        tables = self.tables
        if subject == "clients":
            return lambda entry, project: project.client_id, self._client_head
        if subject == "projects":
            return lambda entry, project: project.id, lambda i: self._project_head(i, has_client_first=False)
        if subject == "tasks":
            return lambda entry, project: entry.task_id, lambda i: {"task_id": i, "task_name": tables.tasks[i].name}

        def person(user_id: int) -> Json:
            user = tables.users[user_id]
            return {
                "user_id": user.id,
                "user_name": user.name,
                "is_contractor": user.is_contractor,
                "weekly_capacity": user.weekly_capacity_seconds,
                "avatar_url": user.avatar_url,
            }

        return lambda entry, project: entry.user_id, person

    def expenses(self, subject: str, viewer: Viewer, window: Window) -> list[Json]:
        tables = self.tables
        key_of, head_of = self._expense_subject(subject)
        sums: dict[tuple[int, str], list[Decimal]] = {}
        for expense in tables.expenses.values():
            if not window.first <= expense.spent_date <= window.last or not sees_work(tables, viewer, expense):
                continue
            row = sums.setdefault((key_of(expense), tables.currency_of_project(expense.project_id)), [ZERO, ZERO])
            row[0] += expense.total_cost
            if expense.billable:
                row[1] += expense.total_cost
        results = []
        for (row_id, currency), (total, billable) in sums.items():
            shown = head_of(row_id)
            shown["total_amount"] = self._money(total)
            shown["billable_amount"] = self._money(billable)
            shown["currency"] = currency
            results.append(shown)
        return _by_name(results)

    def _expense_subject(self, subject: str) -> tuple[Callable[[Expense], int], Callable[[int], Json]]:
        tables = self.tables
        if subject == "clients":
            return lambda row: tables.projects[row.project_id].client_id, self._client_head
        if subject == "projects":
            return lambda row: row.project_id, lambda i: self._project_head(i, has_client_first=True)
        if subject == "categories":

            def category(row_id: int) -> Json:
                name = tables.expense_categories[row_id].name
                return {"expense_category_id": row_id, "expense_category_name": name}

            return lambda row: row.expense_category_id, category

        def person(user_id: int) -> Json:
            user = tables.users[user_id]
            return {"user_id": user.id, "user_name": user.name, "is_contractor": user.is_contractor}

        return lambda row: row.user_id, person

    def _client_head(self, client_id: int) -> Json:
        return {"client_id": client_id, "client_name": self.tables.clients[client_id].name}

    def _project_head(self, project_id: int, has_client_first: bool) -> Json:
        project = self.tables.projects[project_id]
        named = {"project_id": project.id, "project_name": name_with_code(project)}
        client = self._client_head(project.client_id)
        return {**client, **named} if has_client_first else {**named, **client}

    def uninvoiced(self, viewer: Viewer, window: Window, include_fixed_fee: bool) -> list[Json]:
        """Projects with work in the window, and fixed fees not yet billed once the window reaches the project's start.

        Total hours include non-billable ones, uninvoiced hours do not. A fixed fee counts as fee less linked lines.
        """
        tables = self.tables
        sums: dict[int, list[int | Decimal]] = {}
        for entry in self._entries(viewer, window):
            row = sums.setdefault(entry.project_id, [0, 0, ZERO, ZERO])
            hundredths = tables.rounded_hours_of(entry)
            row[0] += hundredths
            if entry.billable and not entry.is_billed:
                row[1] += hundredths
                row[2] += hundredths * (entry.billable_rate or ZERO) / 100
        for expense in tables.expenses.values():
            if window.first <= expense.spent_date <= window.last and sees_work(tables, viewer, expense):
                row = sums.setdefault(expense.project_id, [0, 0, ZERO, ZERO])
                if expense.billable and not expense.is_billed:
                    row[3] += expense.total_cost
        if include_fixed_fee:
            for project in tables.projects.values():
                if project.is_fixed_fee and project.is_active and self._starts_on(project) <= window.last:
                    if sees_project(tables, viewer, project):
                        sums.setdefault(project.id, [0, 0, ZERO, ZERO])
        billed = self._billed_by_project()
        results = []
        for project_id, (total, open_hours, time_money, expense_money) in sums.items():
            project = tables.projects[project_id]
            if project.is_fixed_fee:
                amount = ZERO
                if include_fixed_fee and self._starts_on(project) <= window.last:
                    amount = (project.fee or ZERO) - billed.get(project_id, ZERO)
            else:
                amount = Decimal(time_money) + Decimal(expense_money)
            results.append(
                {
                    **self._client_head(project.client_id),
                    "project_id": project.id,
                    "project_name": project.name,
                    "currency": tables.currency_of_project(project_id),
                    "total_hours": self.numbers.hundredths(int(total)),
                    "uninvoiced_hours": self.numbers.hundredths(int(open_hours)),
                    "uninvoiced_expenses": self._money(Decimal(expense_money)),
                    "uninvoiced_amount": self._money(amount),
                }
            )
        return _by_name(results)

    def _billed_by_project(self) -> dict[int, Decimal]:
        billed: dict[int, Decimal] = {}
        for invoice in self.tables.invoices.values():
            for line in invoice.lines:
                if line.project_id is not None:
                    billed[line.project_id] = billed.get(line.project_id, ZERO) + line.amount
        return billed

    def _starts_on(self, project: Project) -> date:
        """Harvest's own fallback: without a start date a project starts on the day it was created."""
        return project.starts_on or date.fromordinal(719_163 + project.created_at // 86_400)

    def project_budget(self, viewer: Viewer, is_active: bool | None) -> list[Json]:
        """Projects with a budget, as they stand now; a monthly budget counts the current calendar month."""
        tables = self.tables
        today = tables.clock.today()
        hours: dict[int, int] = {}
        money: dict[int, Decimal] = {}
        for entry in tables.time_entries.values():
            project = tables.projects[entry.project_id]
            if not entry.budgeted or (project.budget_is_monthly and not _same_month(entry.spent_date, today)):
                continue
            hundredths = tables.rounded_hours_of(entry)
            hours[project.id] = hours.get(project.id, 0) + hundredths
            if entry.billable and entry.billable_rate is not None:
                money[project.id] = money.get(project.id, ZERO) + hundredths * entry.billable_rate / 100
        for expense in tables.expenses.values():
            project = tables.projects[expense.project_id]
            if not expense.billable or not project.cost_budget_include_expenses:
                continue
            if not project.budget_is_monthly or _same_month(expense.spent_date, today):
                money[project.id] = money.get(project.id, ZERO) + expense.total_cost
        results = []
        for project in tables.projects.values():
            if project.budget_by == "none" or is_active not in (None, project.is_active):
                continue
            if (
                not viewer.is_administrator
                and not project.show_budget_to_all
                and not sees_project(tables, viewer, project)
            ):
                continue
            is_money = project.budget_by in ("project_cost", "task_fees")
            spent = money.get(project.id, ZERO) if is_money else Decimal(hours.get(project.id, 0)) / 100
            budget = self._budget_of(project)
            is_hidden = is_money and not viewer.sees_rates
            results.append(
                {
                    "project_id": project.id,
                    "project_name": project.name,
                    **self._client_head(project.client_id),
                    "budget_is_monthly": project.budget_is_monthly,
                    "budget_by": project.budget_by,
                    "is_active": project.is_active,
                    "budget": None if is_hidden or budget is None else self._money(budget),
                    "budget_spent": None if is_hidden else self._money(spent),
                    "budget_remaining": None if is_hidden or budget is None else self._money(budget - half_up(spent)),
                }
            )
        return _by_name(results)

    def _budget_of(self, project: Project) -> Decimal | None:
        tables = self.tables
        if project.budget_by == "project":
            return project.budget
        if project.budget_by == "project_cost":
            return project.cost_budget
        if project.budget_by == "person":
            rows = (row for row in tables.user_assignments.values() if row.project_id == project.id)
            return sum((row.budget for row in rows if row.budget is not None), ZERO)
        tasks = tables.task_assignments_of(project.id)
        return sum((row.budget for row in tasks if row.budget is not None), ZERO)

    def _entries(self, viewer: Viewer, window: Window) -> Iterable[TimeEntry]:
        entries = self.tables.entries_between(window.first, window.last)
        if viewer.is_administrator:
            return entries
        return (entry for entry in entries if sees_work(self.tables, viewer, entry))

    def _money(self, amount: Decimal) -> float | int | Decimal:
        shown: float | int | Decimal = self.numbers.decimal(half_up(amount))
        return shown


def exact_reports(tables: Tables) -> Reports:
    return Reports(tables, EXACT)


def _same_month(day: date, today: date) -> bool:
    return (day.year, day.month) == (today.year, today.month)


def _by_name(rows: list[Json]) -> list[Json]:
    """Rows in the order of their labels; Harvest's own order is not documented."""
    return sorted(rows, key=lambda row: [str(value) for key, value in row.items() if key.endswith("_name")])
