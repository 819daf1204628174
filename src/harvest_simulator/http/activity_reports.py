"""Compute time and expense reports: sums by client, project, task or category, and person.

https://help.getharvest.com/api-v2/reports-api/reports/time-reports/ and expense-reports. Hours are rounded per entry, money
is summed exactly and rounded half up once. One row per subject and currency.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from harvest_simulator.account.arithmetic import ZERO, half_up
from harvest_simulator.account.rows import Expense, Project, TimeEntry
from harvest_simulator.account.tables import Tables
from harvest_simulator.http.permissions import Viewer
from harvest_simulator.http.report_window import Window
from harvest_simulator.http.serialization import ON_THE_WIRE, Json, Numbers
from harvest_simulator.http.visibility import sees_work

# Prefix of the name by which the rows of a report are sorted.
_NAMED = {
    "clients": "client",
    "projects": "project",
    "tasks": "task",
    "categories": "expense_category",
    "team": "user",
}


def name_with_code(project: Project) -> str:
    """Name of a project, preceded by its code, as in time and expense reports (not in the other two)."""
    return f"[{project.code}] {project.name}" if project.code else project.name


class ActivityReports:
    """Time and expense reports; `numbers` converts figures: for the wire, or exactly for the truth."""

    def __init__(self, tables: Tables, numbers: Numbers = ON_THE_WIRE) -> None:
        self.tables = tables
        self.numbers = numbers

    def time(self, subject: str, viewer: Viewer, window: Window, include_fixed_fee: bool) -> list[Json]:
        """Rows of a time report; amounts of fixed-fee projects count only on request, their hours always."""
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
        return by_name(results, f"{_NAMED[subject]}_name")

    def _time_subject(self, subject: str) -> tuple[Callable[[TimeEntry, Project], int], Callable[[int], Json]]:
        tables = self.tables
        if subject == "clients":
            return lambda _entry, project: project.client_id, self._client_head
        if subject == "projects":
            return lambda _entry, project: project.id, lambda i: self._project_head(i, has_client_first=False)
        if subject == "tasks":
            return lambda entry, _project: entry.task_id, lambda i: {"task_id": i, "task_name": tables.tasks[i].name}

        def person(user_id: int) -> Json:
            user = tables.users[user_id]
            return {
                "user_id": user.id,
                "user_name": user.name,
                "is_contractor": user.is_contractor,
                "weekly_capacity": user.weekly_capacity_seconds,
                "avatar_url": user.avatar_url,
            }

        return lambda entry, _project: entry.user_id, person

    def expenses(self, subject: str, viewer: Viewer, window: Window) -> list[Json]:
        """Rows of an expense report: sums of all and of billable expenses; with a currency for every role."""
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
        return by_name(results, f"{_NAMED[subject]}_name")

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

    def _entries(self, viewer: Viewer, window: Window) -> Iterable[TimeEntry]:
        entries = self.tables.entries_between(window.first, window.last)
        if viewer.is_administrator:
            return entries
        return (entry for entry in entries if sees_work(self.tables, viewer, entry))

    def _money(self, amount: Decimal) -> float | int | Decimal:
        shown: float | int | Decimal = self.numbers.decimal(half_up(amount))
        return shown


def by_name(rows: list[Json], *names: str) -> list[Json]:
    """Sort rows by name, as in every recorded report."""
    return sorted(rows, key=lambda row: [_collated(row[name]) for name in names])


def _collated(name: str) -> list[tuple[bool, str]]:
    """Sort key of a name: punctuation before letters, case-insensitive ("[SAMPLE] Client A" was listed before "First client")."""
    return [(letter.isalnum(), letter.casefold()) for letter in name]
