"""All ten reports: time, expenses, what is not invoiced, and budgets.

https://help.getharvest.com/api-v2/reports-api/reports/uninvoiced-report/ and project-budget-report.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from harvest_simulator.activity_reports import ActivityReports, by_name
from harvest_simulator.arithmetic import ZERO, half_up
from harvest_simulator.filters import read_flag
from harvest_simulator.permissions import Viewer
from harvest_simulator.report_window import Window, read_window
from harvest_simulator.rows import Project
from harvest_simulator.sight import sees_project, sees_work
from harvest_simulator.spelling import EXACT, Json
from harvest_simulator.tables import Tables


@dataclass(slots=True)
class _Open:
    """What a project has in a window: all hours, then what no invoice holds."""

    total_hundredths: int = 0
    open_hundredths: int = 0
    time_amount: Decimal = ZERO
    expense_amount: Decimal = ZERO


class Reports(ActivityReports):
    """The reports by the names of the contract, e.g. report_time_clients."""

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

    def uninvoiced(self, viewer: Viewer, window: Window, include_fixed_fee: bool) -> list[Json]:
        """Projects with work in the window, and fixed fees not yet billed once the window reaches the project's start.

        Total hours include non-billable ones, uninvoiced hours do not. A fixed fee counts as fee less linked lines.
        """
        tables = self.tables
        sums = self._open_work(viewer, window)
        if include_fixed_fee:
            for project in tables.projects.values():
                is_due = project.is_fixed_fee and project.is_active and self._starts_on(project) <= window.last
                if is_due and sees_project(tables, viewer, project):
                    sums.setdefault(project.id, _Open())
        billed = self._billed_by_project()
        results = []
        for project_id, found in sums.items():
            project = tables.projects[project_id]
            amount = found.time_amount + found.expense_amount
            if project.is_fixed_fee:
                has_fee = include_fixed_fee and self._starts_on(project) <= window.last
                amount = (project.fee or ZERO) - billed.get(project_id, ZERO) if has_fee else ZERO
            results.append(
                {
                    **self._client_head(project.client_id),
                    "project_id": project.id,
                    "project_name": project.name,
                    "currency": tables.currency_of_project(project_id),
                    "total_hours": self.numbers.hundredths(found.total_hundredths),
                    "uninvoiced_hours": self.numbers.hundredths(found.open_hundredths),
                    "uninvoiced_expenses": self._money(found.expense_amount),
                    "uninvoiced_amount": self._money(amount),
                }
            )
        return by_name(results)

    def _open_work(self, viewer: Viewer, window: Window) -> dict[int, _Open]:
        tables = self.tables
        sums: dict[int, _Open] = {}
        for entry in self._entries(viewer, window):
            found = sums.setdefault(entry.project_id, _Open())
            hundredths = tables.rounded_hours_of(entry)
            found.total_hundredths += hundredths
            if entry.billable and not entry.is_billed:
                found.open_hundredths += hundredths
                found.time_amount += hundredths * (entry.billable_rate or ZERO) / 100
        for expense in tables.expenses.values():
            if window.first <= expense.spent_date <= window.last and sees_work(tables, viewer, expense):
                found = sums.setdefault(expense.project_id, _Open())
                if expense.billable and not expense.is_billed:
                    found.expense_amount += expense.total_cost
        return sums

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
        hours, money = self._budget_spent()
        results = []
        for project in tables.projects.values():
            if project.budget_by == "none" or is_active not in (None, project.is_active):
                continue
            if not (project.show_budget_to_all or sees_project(tables, viewer, project)):
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
        return by_name(results)

    def _budget_spent(self) -> tuple[dict[int, int], dict[int, Decimal]]:
        """Hundredths of an hour, and money, that count to each project's budget."""
        tables, today = self.tables, self.tables.clock.today()
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
        return hours, money

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


def exact_reports(tables: Tables) -> Reports:
    """Reports whose figures are decimals, for the truth."""
    return Reports(tables, EXACT)


def _same_month(day: date, today: date) -> bool:
    return (day.year, day.month) == (today.year, today.month)
