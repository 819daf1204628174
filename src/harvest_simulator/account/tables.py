"""In-memory tables of the account: rows by kind and id, and the few indexes needed for reading."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from harvest_simulator.account.arithmetic import Rounding, billable_rate_of, is_budgeted, rate_on
from harvest_simulator.account.conventions import Conventions
from harvest_simulator.account.documents import Estimate, Invoice, ItemCategory, Message, Payment
from harvest_simulator.account.rows import (
    Client,
    Company,
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
from harvest_simulator.clock import Clock

# First id of each kind. Harvest's time entries passed 2**31 in 2024; here, newer rows of the large tables do.
FIRST_IDS = {
    "client": 5_735_001,
    "contact": 4_706_001,
    "user": 1_782_001,
    "role": 617_001,
    "rate": 1_836_001,
    "task": 8_083_001,
    "project": 14_307_001,
    "assignment": 2_147_481_001,
    "expense_category": 4_195_001,
    "item_category": 1_466_001,
    "invoice": 13_150_001,
    "estimate": 1_439_001,
    "line": 2_147_470_001,
    "message": 27_835_001,
    "payment": 10_112_001,
    "time_entry": 2_147_000_001,
    "expense": 2_147_483_001,
    "retainer": 71_001,
}


class Tables:
    """All rows of the account, in dicts by id. `version` counts changes, to invalidate caches."""

    def __init__(self, company: Company, clock: Clock) -> None:
        self.lock = threading.RLock()
        self.version = 0
        self.clock = clock
        self.company = company
        self.rounding = Rounding()
        self.conventions = Conventions()
        self.clients: dict[int, Client] = {}
        self.contacts: dict[int, Contact] = {}
        self.users: dict[int, User] = {}
        self.roles: dict[int, Role] = {}
        self.tasks: dict[int, Task] = {}
        self.projects: dict[int, Project] = {}
        self.user_assignments: dict[int, UserAssignment] = {}
        self.task_assignments: dict[int, TaskAssignment] = {}
        self.time_entries: dict[int, TimeEntry] = {}
        self.expenses: dict[int, Expense] = {}
        self.expense_categories: dict[int, ExpenseCategory] = {}
        self.invoices: dict[int, Invoice] = {}
        self.estimates: dict[int, Estimate] = {}
        self.invoice_item_categories: dict[int, ItemCategory] = {}
        self.estimate_item_categories: dict[int, ItemCategory] = {}
        # Children by parent, in order of creation (rates: by start date).
        self.invoice_messages: dict[int, list[Message]] = defaultdict(list)
        self.invoice_payments: dict[int, list[Payment]] = defaultdict(list)
        self.estimate_messages: dict[int, list[Message]] = defaultdict(list)
        self.billable_rates: dict[int, list[Rate]] = defaultdict(list)
        self.cost_rates: dict[int, list[Rate]] = defaultdict(list)
        self.teammate_ids: dict[int, list[int]] = {}
        self._user_assignment_ids: dict[tuple[int, int], int] = {}
        self._task_assignment_ids: dict[tuple[int, int], int] = {}
        self._task_assignments_by_project: dict[int, dict[int, None]] = defaultdict(dict)
        self._entries_by_day: dict[date, list[TimeEntry]] = defaultdict(list)
        self._next_ids = dict(FIRST_IDS)

    def take_id(self, kind: str) -> int:
        """Generate the next id of a kind: increasing, with gaps as on a shared service."""
        taken = self._next_ids[kind]
        self._next_ids[kind] = taken + 1 + taken % 3
        return taken

    def start_ids_at(self, kind: str, first: int) -> None:
        """Continue ids from this one."""
        self._next_ids[kind] = first

    def add_user_assignment(self, row: UserAssignment) -> None:
        """Add a user assignment, indexed by project and person."""
        self.user_assignments[row.id] = row
        self._user_assignment_ids[row.project_id, row.user_id] = row.id

    def add_task_assignment(self, row: TaskAssignment) -> None:
        """Add a task assignment, indexed by project and task."""
        self.task_assignments[row.id] = row
        self._task_assignment_ids[row.project_id, row.task_id] = row.id
        self._task_assignments_by_project[row.project_id][row.id] = None

    def remove_user_assignment(self, row: UserAssignment) -> None:
        """Remove a user assignment from table and index."""
        del self.user_assignments[row.id]
        del self._user_assignment_ids[row.project_id, row.user_id]

    def remove_task_assignment(self, row: TaskAssignment) -> None:
        """Remove a task assignment from table and indexes."""
        del self.task_assignments[row.id]
        del self._task_assignment_ids[row.project_id, row.task_id]
        del self._task_assignments_by_project[row.project_id][row.id]

    def add_time_entry(self, row: TimeEntry) -> None:
        """Add a time entry, indexed by day."""
        self.time_entries[row.id] = row
        self._entries_by_day[row.spent_date].append(row)

    def remove_time_entry(self, row: TimeEntry) -> None:
        """Remove a time entry from table and index."""
        del self.time_entries[row.id]
        self._take_off_day(row)

    def move_time_entry(self, row: TimeEntry, spent_date: date) -> None:
        """Move a time entry to another day, and update the index."""
        self._take_off_day(row)
        row.spent_date = spent_date
        self._entries_by_day[spent_date].append(row)

    def _take_off_day(self, row: TimeEntry) -> None:
        rows = self._entries_by_day[row.spent_date]
        rows.remove(row)
        if not rows:
            del self._entries_by_day[row.spent_date]

    def user_assignment_of(self, project_id: int, user_id: int) -> UserAssignment | None:
        """Find the assignment of a person on a project, active or not."""
        found = self._user_assignment_ids.get((project_id, user_id))
        return None if found is None else self.user_assignments[found]

    def task_assignment_of(self, project_id: int, task_id: int) -> TaskAssignment | None:
        """Find the assignment of a task on a project, active or not."""
        found = self._task_assignment_ids.get((project_id, task_id))
        return None if found is None else self.task_assignments[found]

    def entries_between(self, first: date | None, last: date | None) -> Iterator[TimeEntry]:
        """Time entries by spent_date, latest first; within a day in a fixed order unrelated to ids or creation."""
        for day in sorted(self._entries_by_day, reverse=True):
            if (first is None or day >= first) and (last is None or day <= last):
                yield from sorted(self._entries_by_day[day], key=_order)

    def days_with_entries(self) -> list[date]:
        """Days with time entries, earliest first."""
        return sorted(self._entries_by_day)

    def task_assignments_of(self, project_id: int) -> list[TaskAssignment]:
        """All assignments of a project, oldest first."""
        found = self._task_assignments_by_project.get(project_id, {})
        return [self.task_assignments[row_id] for row_id in found]

    def currency_of_project(self, project_id: int) -> str:
        """Currency of the project's client, and so of the project's amounts."""
        return self.clients[self.projects[project_id].client_id].currency

    def default_rate_of(self, user_id: int, day: date) -> Decimal | None:
        """Default billable rate of a person on a day."""
        return rate_on(self.billable_rates.get(user_id, ()), day)

    def cost_rate_of(self, user_id: int, day: date) -> Decimal | None:
        """Cost rate of a person on a day."""
        return rate_on(self.cost_rates.get(user_id, ()), day)

    def stamp(self, entry: TimeEntry) -> None:
        """Set the derived fields of an entry (flags and rates) from its project, task, person and day."""
        project = self.projects[entry.project_id]
        by_user = self.user_assignment_of(entry.project_id, entry.user_id)
        by_task = self.task_assignment_of(entry.project_id, entry.task_id)
        entry.billable = project.is_billable and by_task is not None and by_task.billable
        entry.budgeted = is_budgeted(project, by_user, by_task)
        default_rate = self.default_rate_of(entry.user_id, entry.spent_date)
        rate = billable_rate_of(project, by_user, by_task, default_rate)
        entry.billable_rate = rate if entry.billable else None
        entry.cost_rate = self.cost_rate_of(entry.user_id, entry.spent_date)

    def hours_of(self, entry: TimeEntry) -> int:
        """Hours of an entry in hundredths, including the run of a running timer, which grows while updated_at does not move."""
        if entry.timer_started_at is None:
            return entry.hours_hundredths
        return entry.hours_hundredths + max(0, self.clock.now_seconds() - entry.timer_started_at) // 36

    def rounded_hours_of(self, entry: TimeEntry) -> int:
        """Rounded hours of an entry in hundredths, by the account's rounding rule."""
        return self.rounding.apply(self.hours_of(entry))

    def paid_of(self, invoice_id: int) -> Decimal:
        """Sum of the payments of an invoice."""
        return sum((payment.amount for payment in self.invoice_payments.get(invoice_id, ())), Decimal(0))


def order_inside_a_day(row_id: int) -> int:
    """Sort key within a day: a multiplicative hash, stable and unrelated to the order of ids or of creation."""
    return (row_id * 2_654_435_761) & 0xFFFFFFFF


def _order(entry: TimeEntry) -> int:
    return order_inside_a_day(entry.id)
