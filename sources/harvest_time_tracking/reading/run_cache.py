"""Run cache: parents and single records that several streams need, so that none is requested twice in a run."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

from ..http.protocol import Page
from ..stream import Stream
from .request_shares import Split, in_turn

_HARVESTS_OWN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class ParentIndex:
    """Index of the parents found in one read of a list.

    Attributes:
        is_whole: whether it is a full read, not one of changes only.
        began_at: server time of its first response.
        is_complete: whether the read is finished.
        refused: why the list cannot be read; None if it can.
        unproven: why completeness is not proven; else empty.
        is_abandoned: whether it was aborted, for whatever reason: another stream that needs the list must read it.
        lost: number of records without a valid id, whose children cannot be requested.
    """

    def __init__(self, children: Iterable[Stream], *, is_whole: bool) -> None:
        self.is_whole = is_whole
        self.began_at: datetime | None = None
        self.is_complete = False
        self.refused: str | None = None
        self.unproven = ""
        self.is_abandoned = False
        self._children = tuple(child for child in children if child.parent)
        self._can_have: dict[str, dict[int, bool]] = {child.name: {} for child in self._children}
        self._is_alive: dict[str, dict[int, bool]] = {child.name: {} for child in self._children}
        self._updated_at: dict[int, str] = {}
        self.lost = 0

    def note(self, records: Iterable[Mapping[str, Any]], answered_at: datetime | None) -> None:
        """Add records: their ids, when each changed, which can have children, and which are active."""
        self.began_at = self.began_at or answered_at
        if not self._children:
            return
        # An id that is not a number is kept in its row, but no children can be requested for it.
        records = list(records)
        found = [record for record in records if type(record.get("id")) is int]
        self.lost += len(records) - len(found)
        records = found
        for record in records:
            self._updated_at[record["id"]] = _changed_at(record)
        for child in self._children:
            only, alive = (child.parent.only, child.parent.alive) if child.parent else (None, None)
            for record in records:
                self._can_have[child.name][record["id"]] = only is None or only.admits(record)
                self._is_alive[child.name][record["id"]] = alive is not None and alive.admits(record)

    @property
    def size(self) -> int:
        """Number of distinct records found."""
        return len(self._updated_at)

    def barren(self, child: Stream) -> list[int]:
        """Childless parents: those that cannot (or can no longer) have rows of `child`; they need no request."""
        return [parent_id for parent_id, it_can in self._can_have[child.name].items() if not it_can]

    def able(self, child: Stream) -> list[int]:
        """Eligible parents: those that can have rows of `child`, sorted by id."""
        return sorted(parent_id for parent_id, it_can in self._can_have[child.name].items() if it_can)

    def changed(self, child: Stream, since: str) -> list[int]:
        """Eligible parents changed since an instant, in Harvest's format."""
        return [parent_id for parent_id in self.able(child) if self._updated_at[parent_id] >= since]

    def split(self, child: Stream) -> Split:
        """Count the eligible parents: active ones, and the others."""
        alive, others = self._halves(child)
        return Split(len(alive), len(others))

    def due(
        self, child: Stream, since: str, told: Collection[int], share: Split, after: Split
    ) -> tuple[list[int], Split]:
        """Choose the parents to read `child` for in this run.

        Args:
            child: a child stream of these parents.
            since: parents changed since this instant are chosen.
            told: parents known to have changed rows; chosen too.
            share: how many active and other parents to choose by round-robin besides, since a child can change without its
                parent's `updated_at`.
            after: last parents chosen by the round-robin.

        Returns:
            Ids of the parents, and `after` for the next run.
        """
        changed = {*self.changed(child, since), *told}.intersection(self.able(child))
        alive, others = self._halves(child)
        first = in_turn(alive, changed, share.alive, after.alive)
        then = in_turn(others, changed, share.others, after.others)
        after = Split(first[-1] if first else after.alive, then[-1] if then else after.others)
        return sorted(changed) + first + then, after

    def _halves(self, child: Stream) -> tuple[list[int], list[int]]:
        able, is_alive = self.able(child), self._is_alive[child.name]
        return [one for one in able if is_alive[one]], [one for one in able if not is_alive[one]]


def _changed_at(record: Mapping[str, Any]) -> str:
    """`updated_at` of a record in Harvest's format; `9999` (always changed) if it is missing or invalid."""
    text = record.get("updated_at")
    # The usual format; any other, or another time zone, is converted so that the texts compare.
    if isinstance(text, str) and _HARVESTS_OWN.fullmatch(text):
        return text
    try:
        moment = datetime.fromisoformat(str(text))
        moment = moment.astimezone(UTC) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        return "9999"
    return f"{moment.replace(microsecond=0, tzinfo=None).isoformat()}Z"


class Session:
    """Run cache of one run: the parents it found, and the records that several streams need.

    Attributes:
        singles: responses to requests for one record, by path.
        begun: streams of which this run began a full read.
        rights: rights that decide which rows and values the token sees; empty if they were not looked up.
    """

    def __init__(self, streams: Mapping[str, Stream]) -> None:
        self.singles: dict[str, Future[Page]] = {}
        self.begun: set[str] = set()
        self.rights: tuple[str, ...] = ()
        self._children = {
            name: [child for child in streams.values() if child.parent and child.parent.stream == name]
            for name in streams
        }
        self._rolls: dict[str, list[ParentIndex]] = {name: [] for name in streams}

    def begin(self, stream: Stream, *, is_whole: bool) -> ParentIndex:
        """Begin a read of `stream`, with a parent index of its own."""
        roll = ParentIndex(self._children[stream.name], is_whole=is_whole)
        self._rolls[stream.name].append(roll)
        return roll

    def find(self, stream: Stream) -> ParentIndex | None:
        """Find a full (or refused) read of `stream`, finished or in progress."""
        rolls = (roll for roll in self._rolls[stream.name] if not roll.is_abandoned)
        return next((roll for roll in rolls if roll.is_whole or roll.refused), None)
