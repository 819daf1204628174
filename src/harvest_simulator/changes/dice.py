"""Draw random rows for random changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

from harvest_simulator.account import vocabulary
from harvest_simulator.account.rows import TimeEntry
from harvest_simulator.changes.changes import NotPossible
from harvest_simulator.changes.store import Store

Row = TypeVar("Row")


class Dice:
    """Seeded random source for changes of a store."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store = store
        self.rng = Random(f"{seed}:disturbance")

    def pick(self, rows: Sequence[Row]) -> Row:
        """Draw one of the rows. Raises NotPossible if there are none."""
        if not rows:
            raise NotPossible("nothing of that kind is left")
        return rows[self.rng.randrange(len(rows))]

    def entry(self) -> TimeEntry:
        """Draw a time entry, mostly a recent one."""
        entries = list(self.store.time_entries.values())
        return self.pick(entries[-400:] if self.rng.random() < 0.6 else entries)

    def word(self) -> str:
        """Draw a short label, which is hardly ever repeated."""
        return f"{self.rng.choice(vocabulary.CLIENT_FIRST_WORDS)} {self.rng.randrange(10_000)}"


Act = Callable[[Dice], str]
