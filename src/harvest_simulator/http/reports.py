"""Compute all ten reports: time, expenses, uninvoiced work, and budgets.

https://help.getharvest.com/api-v2/reports-api/reports/uninvoiced-report/ and project-budget-report.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from harvest_simulator.account.arithmetic import ZERO, half_up
from harvest_simulator.account.rows import Project, TaskAssignment, UserAssignment
from harvest_simulator.account.tables import Tables
from harvest_simulator.http.activity_reports import ActivityReports, by_name
from harvest_simulator.http.filters import read_flag
from harvest_simulator.http.permissions import Viewer
from harvest_simulator.http.report_window import Window, read_window
from harvest_simulator.http.serialization import EXACT, Json
from harvest_simulator.http.visibility import sees_project, sees_work


@dataclass(slots=True)
class _Open:
    """Sums of a project in a window: all hours, and uninvoiced hours and amounts."""

    total_hundredths: int = 0
    open_hundredths: int = 0
    time_amount: Decimal = ZERO
    expense_amount: Decimal = ZERO


class Reports(ActivityReports):
    """All reports, by the names of their streams, such as report_time_clients."""

    def answer(self, name: str, viewer: Viewer, query: dict[str, str]) -> list[Json]:
        """Compute the rows of a report, by the name of its stream, such as report_time_clients."""
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
        """Compute the uninvoiced report: only billable projects, but all of them, idle ones with zeros, as in a real account.

        Total hours include non-billable ones, uninvoiced hours do not. A fixed fee is reduced by its invoice lines of all time
        and of any kind, including drafts, but not by expenses. It is 0 if the window ends before the project starts:
        https://support.getharvest.com/hc/en-us/articles/360048181472-How-project-type-affects-reports
        """
        tables = self.tables
        work = self._open_work(viewer, window)
        billed = self._billed_by_project()
        results = []
        for project in tables.projects.values():
            if not self._is_listed(viewer, project, has_work=project.id in work):
                continue
            found = work.get(project.id, _Open())
            amount = found.time_amount + found.expense_amount
            if project.is_fixed_fee:
                has_fee = include_fixed_fee and self._starts_on(project) <= window.last
                amount = (project.fee or ZERO) - billed.get(project.id, ZERO) if has_fee else ZERO
            results.append(
                {
                    **self._client_head(project.client_id),
                    "project_id": project.id,
                    "project_name": project.name,
                    "currency": tables.currency_of_project(project.id),
                    # In recorded reports, an empty sum is the integer 0, and any other number a float.
                    "total_hours": self.numbers.hundredths(found.total_hundredths) or 0,
                    "uninvoiced_hours": self.numbers.hundredths(found.open_hundredths) or 0,
                    "uninvoiced_expenses": self._money(found.expense_amount) or 0,
                    "uninvoiced_amount": self._money(amount) or 0,
                }
            )
        return by_name(results, "client_name", "project_name")

    def _is_listed(self, viewer: Viewer, project: Project, *, has_work: bool) -> bool:
        """True if the report lists a project; as documented, a manager sees only those they manage."""
        if not project.is_billable or not sees_project(self.tables, viewer, project):
            return False
        archived = self.tables.conventions.archived
        return project.is_active or archived == "listed" or (archived == "listed with work" and has_work)

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
            percent = invoice.discount if self.tables.conventions.has_discounts else None
            for line in invoice.lines:
                if line.project_id is not None:
                    amount = line.amount * (100 - (percent or ZERO)) / 100
                    billed[line.project_id] = billed.get(line.project_id, ZERO) + amount
        return billed

    def _starts_on(self, project: Project) -> date:
        """Start of a project; without a start date it is the day it was created, as in Harvest."""
        return project.starts_on or date.fromordinal(719_163 + project.created_at // 86_400)

    def project_budget(self, viewer: Viewer, is_active: bool | None) -> list[Json]:
        """Compute the budget report: all projects with a budget, billable or not; a monthly budget covers the current month."""
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
        return by_name(results, "client_name", "project_name")

    def _budget_spent(self) -> tuple[dict[int, int], dict[int, Decimal]]:
        """Sum what counts towards each project's budget: hundredths of an hour, and money.

        In recorded reports, non-billable hours count, and so do non-billable expenses if expenses count.
        """
        tables, today = self.tables, self.tables.clock.today()
        counts_all = not tables.conventions.counts_billable_only
        hours: dict[int, int] = {}
        money: dict[int, Decimal] = {}
        for entry in tables.time_entries.values():
            project = tables.projects[entry.project_id]
            if not entry.budgeted or (project.budget_is_monthly and not _same_month(entry.spent_date, today)):
                continue
            hundredths = tables.rounded_hours_of(entry)
            if entry.billable or counts_all:
                hours[project.id] = hours.get(project.id, 0) + hundredths
            if entry.billable and entry.billable_rate is not None:
                money[project.id] = money.get(project.id, ZERO) + hundredths * entry.billable_rate / 100
        for expense in tables.expenses.values():
            project = tables.projects[expense.project_id]
            # https://support.getharvest.com/hc/en-us/articles/360048686811: no other kind of budget includes expenses.
            if project.budget_by != "project_cost" or not project.cost_budget_include_expenses:
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
        counts_archived = tables.conventions.counts_archived_assignments
        rows: Iterable[UserAssignment | TaskAssignment] = tables.task_assignments_of(project.id)
        if project.budget_by == "person":
            rows = (row for row in tables.user_assignments.values() if row.project_id == project.id)
        return sum((row.budget for row in rows if row.budget is not None and (row.is_active or counts_archived)), ZERO)


def exact_reports(tables: Tables) -> Reports:
    """Reports with exact decimals, for the truth."""
    return Reports(tables, EXACT)


def _same_month(day: date, today: date) -> bool:
    return (day.year, day.month) == (today.year, today.month)
