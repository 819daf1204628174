"""What one run learns of an account that more than one stream needs, so that nothing is asked for twice."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future
from datetime import datetime
from math import ceil
from typing import Any

from .protocol import Page
from .stream import Stream


class Roll:
    """The parents found in one reading of a list.

    Attributes:
        is_whole: whether the whole list was read, not only what changed in it.
        began_at: the server's clock at its first answer.
        is_complete: whether the reading came to its end.
        refused: why it never will.
        is_abandoned: whether it ended before its end, for whatever reason: somebody else must read the list.
    """

    def __init__(self, children: Iterable[Stream], *, is_whole: bool) -> None:
        self.is_whole = is_whole
        self.began_at: datetime | None = None
        self.is_complete = False
        self.refused: str | None = None
        self.is_abandoned = False
        self._children = tuple(child for child in children if child.parent)
        self._can_have: dict[str, dict[int, bool]] = {child.name: {} for child in self._children}
        self._updated_at: dict[int, str] = {}

    def note(self, records: Iterable[Mapping[str, Any]], answered_at: datetime | None) -> None:
        """Keep the ids, when each changed, and which can have children."""
        self.began_at = self.began_at or answered_at
        if not self._children:
            return
        # An id that is no number is kept in its row, but leads nowhere.
        records = [record for record in records if type(record.get("id")) is int]
        for record in records:
            self._updated_at[record["id"]] = record.get("updated_at") or "9999"
        for child in self._children:
            only = child.parent.only if child.parent else None
            can_have = self._can_have[child.name]
            for record in records:
                can_have[record["id"]] = only is None or only.admits(record)

    def barren(self, child: Stream) -> list[int]:
        """The parents that cannot have rows of `child` (any more)."""
        return [parent_id for parent_id, it_can in self._can_have[child.name].items() if not it_can]

    def able(self, child: Stream) -> list[int]:
        """The parents that can have rows of `child`, in the order of their ids."""
        return sorted(parent_id for parent_id, it_can in self._can_have[child.name].items() if it_can)

    def changed(self, child: Stream, since: str) -> list[int]:
        """Those of them that changed since an instant."""
        return [parent_id for parent_id in self.able(child) if self._updated_at[parent_id] >= since]

    def due(
        self, child: Stream, since: str, told: Collection[int], within_runs: int, turn: int
    ) -> tuple[list[int], int]:
        """The parents to ask for `child` now, and the id at which the next run's share goes on.

        Those that changed, those that somebody `told` of, and a share of the others in the order of their ids from `turn` on, so that all are asked within
        so many runs (0: no others): a child can change without its parent's `updated_at`.
        """
        able = self.able(child)
        changed = sorted({*self.changed(child, since), *told}.intersection(able))
        others = sorted(set(able).difference(changed), key=lambda parent_id: (parent_id <= turn, parent_id))
        share = others[: share_of(len(others), within_runs)]
        return changed + share, share[-1] if share else turn


def share_of(parents: int, within_runs: int) -> int:
    """How many of so many parents are asked in one run, for all to be asked within so many runs."""
    return ceil(parents / within_runs) if within_runs else 0


class Session:
    """One run: the parents it found, and the records that several streams need.

    Attributes:
        singles: the answers to requests for one record, by path.
        begun: the streams of which this run began to read everything.
        rights: what decides which rows and values the token shows; empty where nobody looked.
    """

    def __init__(self, streams: Mapping[str, Stream]) -> None:
        self.singles: dict[str, Future[Page]] = {}
        self.begun: set[str] = set()
        self.rights: tuple[str, ...] = ()
        self._children = {
            name: [child for child in streams.values() if child.parent and child.parent.stream == name]
            for name in streams
        }
        self._rolls: dict[str, list[Roll]] = {name: [] for name in streams}

    def begin(self, stream: Stream, *, is_whole: bool) -> Roll:
        """A reading of `stream` begins."""
        roll = Roll(self._children[stream.name], is_whole=is_whole)
        self._rolls[stream.name].append(roll)
        return roll

    def find(self, stream: Stream) -> Roll | None:
        """A reading of all of `stream`, ended or under way."""
        rolls = (roll for roll in self._rolls[stream.name] if not roll.is_abandoned)
        return next((roll for roll in rolls if roll.is_whole or roll.refused), None)
