"""Which rows of a stream are parents: noted while their list is read, so that no list is read twice for its ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from .stream import Stream


class Roll:
    """The parents found in one reading of a list.

    Attributes:
        since: the `updated_since` of the reading; None where it was of the whole list.
        began_at: the server's clock at its first answer.
        is_complete: whether the reading came to its end.
        refused: why it never will.
    """

    def __init__(self, children: Iterable[Stream], since: str | None) -> None:
        self.since = since
        self.began_at: datetime | None = None
        self.is_complete = False
        self.refused: str | None = None
        self._children = tuple(child for child in children if child.parent)
        self._can_have: dict[str, dict[int, bool]] = {child.name: {} for child in self._children}

    def note(self, records: Iterable[Mapping[str, Any]], answered_at: datetime | None) -> None:
        """Keep the ids, and which of them can have children."""
        self.began_at = self.began_at or answered_at
        for child in self._children:
            only = child.parent.only if child.parent else None
            can_have = self._can_have[child.name]
            for record in records:
                can_have[record["id"]] = only is None or only.admits(record)

    def ids(self, child: Stream, *, can_have: bool = True) -> list[int]:
        """The parents that can have rows of `child`, or those that cannot (any more)."""
        return [parent_id for parent_id, it_can in self._can_have[child.name].items() if it_can is can_have]

    def covers(self, since: str | None) -> bool:
        """Whether everything that changed since then is in it."""
        return self.since is None or (since is not None and self.since <= since)


class Parents:
    """The rolls of one run."""

    def __init__(self, streams: Mapping[str, Stream]) -> None:
        self._children = {
            name: [child for child in streams.values() if child.parent and child.parent.stream == name]
            for name in streams
        }
        self._rolls: dict[str, list[Roll]] = {name: [] for name in streams}

    def begin(self, stream: Stream, since: str | None) -> Roll:
        """A reading of `stream` begins."""
        roll = Roll(self._children[stream.name], since)
        self._rolls[stream.name].append(roll)
        return roll

    def find(self, stream: Stream, since: str | None) -> Roll | None:
        """A reading of `stream`, ended or under way, that covers what changed since then."""
        return next((roll for roll in self._rolls[stream.name] if roll.covers(since)), None)
