"""Changes of tracked time and of expenses.

https://help.getharvest.com/api-v2/timesheets-api/timesheets/time-entries/
Every change of an entry moves its own updated_at and no other row's; a deletion leaves no trace.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from harvest_simulator.account.arithmetic import half_up
from harvest_simulator.account.rows import Expense, ExternalReference, TimeEntry
from harvest_simulator.changes.changes import Changes, NotPossible, change, set_fields


class TimeChanges(Changes):
    """Changes of time entries, timers and expenses, as methods of the store."""

    @change
    def create_time_entry(
        self,
        user_id: int | None = None,
        project_id: int | None = None,
        task_id: int | None = None,
        spent_date: date | None = None,
        hours: Decimal | float | str = Decimal(1),
        notes: str | None = None,
        external_reference: ExternalReference | None = None,
    ) -> int:
        """Create a time entry; missing arguments default to the first active assignment and to today."""
        user_id, project_id, task_id = self._place(user_id, project_id, task_id)
        now = self.now_seconds()
        entry = TimeEntry(
            id=self.take_id("time_entry"),
            spent_date=spent_date or self.today(),
            user_id=user_id,
            project_id=project_id,
            task_id=task_id,
            hours_hundredths=0,
            notes=notes,
            billable=False,
            budgeted=False,
            billable_rate=None,
            cost_rate=None,
            created_at=now,
            updated_at=now,
            external_reference=external_reference,
        )
        set_fields(entry, {"hours": hours})
        self.stamp(entry)
        self.add_time_entry(entry)
        return entry.id

    def _place(self, user_id: int | None, project_id: int | None, task_id: int | None) -> tuple[int, int, int]:
        """Find a person, a project and a task that are assigned together. Raises NotPossible if there are none."""
        for row in self.user_assignments.values():
            if user_id not in (None, row.user_id) or project_id not in (None, row.project_id):
                continue
            project = self.projects[row.project_id]
            if project_id is None and not (row.is_active and project.is_active and project.is_billable):
                continue
            for task in self.task_assignments_of(row.project_id):
                if task_id in (None, task.task_id):
                    return row.user_id, row.project_id, task.task_id
        raise NotPossible("Project can't be blank, Task can't be blank")

    @change
    def edit_time_entry(self, entry_id: int, **values: Any) -> int:
        """Change fields by the API's names, e.g. hours=1.5, notes=..., spent_date=..., project_id=..., billable=...

        A move to another day, project, task or person sets flags and rates accordingly.
        """
        entry = self.time_entries[entry_id]
        day = values.pop("spent_date", entry.spent_date)
        self.edit(entry, values)
        if day != entry.spent_date:
            self.move_time_entry(entry, day)
        if day != entry.spent_date or not {"user_id", "project_id", "task_id"}.isdisjoint(values):
            self.stamp(entry)
        return entry_id

    def move_to_date(self, entry_id: int, spent_date: date) -> int:
        """Move an entry to another day; its id and created_at stay."""
        return self.edit_time_entry(entry_id, spent_date=spent_date)

    def move_to_project(self, entry_id: int, project_id: int) -> int:
        """Move an entry to another project, onto the first of that project's tasks."""
        task_id = self.task_assignments_of(project_id)[0].task_id
        return self.edit_time_entry(entry_id, project_id=project_id, task_id=task_id)

    def move_to_task(self, entry_id: int, task_id: int) -> int:
        """Move an entry to another task of its project."""
        return self.edit_time_entry(entry_id, task_id=task_id)

    def move_to_user(self, entry_id: int, user_id: int) -> int:
        """Move an entry to another person."""
        return self.edit_time_entry(entry_id, user_id=user_id)

    @change
    def delete_time_entry(self, entry_id: int) -> int:
        """Delete an entry; Harvest's API does not report that (harvesthq/api #146)."""
        self.remove_time_entry(self.time_entries[entry_id])
        return entry_id

    @change
    def start_timer(self, entry_id: int) -> int:
        """Start or restart the timer of an entry; another running timer of the same person stops."""
        entry = self.time_entries[entry_id]
        now = self.now_seconds()
        for other in self.time_entries.values():
            if other.timer_started_at is not None and other.user_id == entry.user_id and other is not entry:
                self._stop(other, now)
        if entry.timer_started_at is None:
            entry.timer_started_at = now
        entry.updated_at = now
        return entry_id

    @change
    def stop_timer(self, entry_id: int) -> int:
        """Stop a running timer, which adds its run to the hours."""
        entry = self.time_entries[entry_id]
        if entry.timer_started_at is None:
            raise NotPossible("Timer is not running")
        self._stop(entry, self.now_seconds())
        return entry_id

    def _stop(self, entry: TimeEntry, at: int) -> None:
        entry.hours_hundredths = self.hours_of(entry)
        entry.timer_started_at = None
        entry.updated_at = at

    @change
    def restate_rate(self, user_id: int, amount: Decimal, from_date: date, to_date: date | None = None) -> int:
        """Apply a rate retroactively: billable_rate of past entries is rewritten, and no updated_at moves.

        Returns the number of entries changed, instead of the id of a row.
        """
        count = 0
        for entry in self.entries_between(from_date, to_date):
            if entry.user_id == user_id and entry.billable_rate is not None:
                entry.billable_rate = amount
                count += 1
        return count

    @change
    def approve_time_entry(self, entry_id: int, approval_status: str = "approved") -> int:
        """Approve an entry, or with another status submit or withdraw it."""
        return self.edit(self.time_entries[entry_id], {"approval_status": approval_status})

    @change
    def mark_time_entry_billed(self, entry_id: int, is_billed: bool = True) -> int:
        """Mark an entry as invoiced by hand, without an invoice."""
        entry = self.time_entries[entry_id]
        if not entry.billable:
            raise NotPossible("Time entry is not billable")
        return self.edit(entry, {"is_billed": is_billed, "invoice_id": None})

    @change
    def create_expense(
        self,
        user_id: int | None = None,
        project_id: int | None = None,
        expense_category_id: int | None = None,
        spent_date: date | None = None,
        total_cost: Decimal | None = None,
        units: Decimal = Decimal(1),
        notes: str | None = None,
        billable: bool = True,
    ) -> int:
        """Record an expense; with a unit price in its category, the cost is price times units."""
        user_id, project_id, _ = self._place(user_id, project_id, None)
        category = self.expense_categories[expense_category_id or next(iter(self.expense_categories))]
        if category.unit_price is not None:
            total_cost = half_up(category.unit_price * units)
        now = self.now_seconds()
        expense = Expense(
            id=self.take_id("expense"),
            spent_date=spent_date or self.today(),
            user_id=user_id,
            project_id=project_id,
            expense_category_id=category.id,
            notes=notes,
            units=units,
            total_cost=Decimal("42.50") if total_cost is None else total_cost,
            # On non-billable projects, too (seen in captured records).
            billable=billable,
            created_at=now,
            updated_at=now,
        )
        self.expenses[expense.id] = expense
        return expense.id

    @change
    def edit_expense(self, expense_id: int, **values: Any) -> int:
        """Change fields by the API's names, including the day and the project."""
        return self.edit(self.expenses[expense_id], values)

    @change
    def delete_expense(self, expense_id: int) -> int:
        """Delete an expense."""
        del self.expenses[expense_id]
        return expense_id
