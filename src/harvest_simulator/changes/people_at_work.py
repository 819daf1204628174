"""Concurrent changes during reads: time entries are edited, created, deleted or moved at random, by seed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from harvest_simulator.account import vocabulary
from harvest_simulator.account.rows import TimeEntry
from harvest_simulator.changes.changes import NotPossible
from harvest_simulator.changes.dice import Act, Dice
from harvest_simulator.changes.store import Store

# One change per second, at Harvest's limit of 100 requests in 15 seconds.
A_CHANGE_A_SECOND = 100 / 15

_RECENT_DAYS = 14
_RECENT_SHARE = 0.7
_TRIES = 20


class PeopleAtWork:
    """Generator of concurrent changes: one time entry per `requests_each` answered requests, on average.

    Most changes affect the last two weeks, others any day with time entries; moves go from any of these days to any other.
    The changes depend only on the seed; their timing depends on the requests and the clock.
    """

    def __init__(self, store: Store, requests_each: float = A_CHANGE_A_SECOND, seed: int = 1) -> None:
        if requests_each <= 0:
            raise ValueError("people change something every so many requests, more than none")
        self._dice = Dice(store, seed)
        self._requests_each = requests_each
        self._answered = 0
        self._lock = threading.Lock()
        self.done: list[str] = []

    def answered(self) -> None:
        """Count an answered request, and apply the changes that are due."""
        with self._lock:
            self._answered += 1
            due = int(self._answered / self._requests_each) - int((self._answered - 1) / self._requests_each)
            for _ in range(due):
                self.done.append(self._change())

    def _change(self) -> str:
        with self._dice.store.lock:
            for _ in range(_TRIES):
                try:
                    return self._dice.rng.choice(_ACTS)(self._dice)
                except NotPossible:
                    continue
        return "nobody could do anything"


def _day(it: Dice, is_recent: bool) -> date:
    """Draw a recent day, or any day with time entries."""
    if is_recent:
        return it.store.today() - timedelta(days=it.rng.randrange(_RECENT_DAYS))
    return it.pick(it.store.days_with_entries())


def _any_day(it: Dice) -> date:
    return _day(it, it.rng.random() < _RECENT_SHARE)


def _entry(it: Dice) -> TimeEntry:
    """Draw a time entry that is not invoiced; few old ones are left."""
    is_recent = it.rng.random() < _RECENT_SHARE
    for _ in range(_TRIES):
        day = _day(it, is_recent)
        rows = [row for row in it.store.entries_between(day, day) if not row.is_billed]
        if rows:
            return it.pick(rows)
    raise NotPossible("all is invoiced")


def _edit(it: Dice) -> str:
    entry = _entry(it)
    hours = Decimal(it.rng.randrange(5, 900)) / 100
    return f"set hours of time entry {it.store.edit_time_entry(entry.id, hours=hours)} of {entry.spent_date} to {hours}"


def _create(it: Dice) -> str:
    """Create an entry with the person, project and task of a drawn one."""
    like, day = _entry(it), _any_day(it)
    made = it.store.create_time_entry(
        like.user_id,
        like.project_id,
        like.task_id,
        day,
        Decimal(it.rng.randrange(5, 900)) / 100,
        it.rng.choice(vocabulary.NOTES),
    )
    return f"created time entry {made} on {day}"


def _delete(it: Dice) -> str:
    entry = _entry(it)
    return f"deleted time entry {it.store.delete_time_entry(entry.id)} of {entry.spent_date}"


def _move(it: Dice) -> str:
    entry, day = _entry(it), _any_day(it)
    if day == entry.spent_date:
        raise NotPossible("it is there already")
    before = entry.spent_date
    return f"moved time entry {it.store.move_to_date(entry.id, day)} from {before} to {day}"


_ACTS: Sequence[Act] = (_edit, _create, _delete, _move)
