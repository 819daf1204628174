"""Random changes of tracked time and of expenses. Each returns one line that describes it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from harvest_simulator.account import vocabulary
from harvest_simulator.changes.changes import NotPossible
from harvest_simulator.changes.dice import Act, Dice


def _create_entry(it: Dice) -> str:
    store, rng = it.store, it.rng
    active = [
        row for row in store.user_assignments.values() if row.is_active and store.projects[row.project_id].is_active
    ]
    place = it.pick(active)
    day = store.today() - timedelta(days=rng.choice((0, 0, 1, 1, 2, 5, 40, 200)))
    hours = Decimal(rng.randrange(5, 900)) / 100
    made = store.create_time_entry(place.user_id, place.project_id, None, day, hours, rng.choice(vocabulary.NOTES))
    return f"created time entry {made} on {day} with {hours} h"


def _edit_hours(it: Dice) -> str:
    entry = it.entry()
    hours = Decimal(it.rng.randrange(5, 900)) / 100
    return f"set hours of time entry {it.store.edit_time_entry(entry.id, hours=hours)} to {hours}"


def _edit_notes(it: Dice) -> str:
    return f"rewrote the note of time entry {it.store.edit_time_entry(it.entry().id, notes=it.word())}"


def _move_entry(it: Dice) -> str:
    entry = it.entry()
    day = entry.spent_date + timedelta(days=it.rng.choice((-45, -7, -1, 1, 3)))
    return f"moved time entry {it.store.move_to_date(entry.id, day)} to {day}"


def _move_entry_to_project(it: Dice) -> str:
    entry = it.entry()
    if entry.is_billed:
        raise NotPossible("billed time stays on its project")
    project_id = it.pick(
        [project.id for project in it.store.projects.values() if it.store.task_assignments_of(project.id)]
    )
    return f"moved time entry {it.store.move_to_project(entry.id, project_id)} to project {project_id}"


def _move_entry_to_task(it: Dice) -> str:
    entry = it.entry()
    if entry.is_billed:
        raise NotPossible("billed time stays on its task")
    task_id = it.pick([row.task_id for row in it.store.task_assignments_of(entry.project_id)])
    return f"moved time entry {it.store.move_to_task(entry.id, task_id)} to task {task_id}"


def _move_entry_to_user(it: Dice) -> str:
    entry = it.entry()
    if entry.timer_started_at is not None:
        raise NotPossible("a running timer stays with its person")
    user_id = it.pick(list(it.store.users))
    return f"gave time entry {it.store.move_to_user(entry.id, user_id)} to user {user_id}"


def _toggle_timer(it: Dice) -> str:
    running = [row for row in it.store.time_entries.values() if row.timer_started_at is not None]
    if running and it.rng.random() < 0.5:
        return f"stopped the timer of time entry {it.store.stop_timer(it.pick(running).id)}"
    today = [row for row in it.store.entries_between(it.store.today() - timedelta(days=4), None) if not row.is_billed]
    return f"started the timer of time entry {it.store.start_timer(it.pick(today).id)}"


def _approve(it: Dice) -> str:
    open_entries = [row for row in it.store.time_entries.values() if row.approval_status != "approved"]
    return f"approved time entry {it.store.approve_time_entry(it.pick(open_entries).id)}"


def _create_expense(it: Dice) -> str:
    cost = Decimal(it.rng.randrange(300, 90_000)) / 100
    category = it.pick([row.id for row in it.store.expense_categories.values() if row.is_active])
    day = it.store.today() - timedelta(days=it.rng.randrange(40))
    made = it.store.create_expense(expense_category_id=category, spent_date=day, total_cost=cost, units=Decimal(3))
    return f"created expense {made}"


def _edit_expense(it: Dice) -> str:
    row = it.pick(list(it.store.expenses.values()))
    return f"edited expense {it.store.edit_expense(row.id, total_cost=row.total_cost + 1, notes=it.word())}"


def _delete_entry(it: Dice) -> str:
    return f"deleted time entry {it.store.delete_time_entry(it.entry().id)}"


def _delete_expense(it: Dice) -> str:
    return f"deleted expense {it.store.delete_expense(it.pick(list(it.store.expenses)))}"


ACTS: tuple[Act, ...] = (
    _create_entry,
    _edit_hours,
    _edit_notes,
    _move_entry,
    _move_entry_to_project,
    _move_entry_to_task,
    _move_entry_to_user,
    _toggle_timer,
    _approve,
    _create_expense,
    _edit_expense,
)
DELETIONS: tuple[Act, ...] = (
    _delete_entry,
    _delete_expense,
)
