"""Run outcomes of the streams: recorded by the source, shown and stored by whoever passed the ledger in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from .http.client import Spent

Outcome = Literal["reading", "begun", "complete", "unproven", "skipped", "failed", "stopped"]


@dataclass(frozen=True)
class StreamOutcome:
    """Run outcome of one stream.

    Attributes:
        stream: its name.
        table: where its rows went.
        outcome: `complete`; `unproven` (what came is loaded, but it could not be shown to be all; the next run asks for the
            same again); `skipped` (with the reason; old rows stay); `failed` (the run stopped here); `stopped` (the run
            stopped elsewhere); `begun` where the next extract goes on; `reading` while it goes on.
        reason: why it is not complete, or what is worth knowing though it is; else empty.
        is_full: True where everything was read, False where only what changed.
        rows: records handed to dlt.
        requests: sent to Harvest for it, tries again included.
        retries: how many of these were tries again.
        seconds: from its first request to its end.
        odd_values: how many values did not fit their column, by column; they are kept beside it.
        new_columns: columns that Harvest's documentation does not know.
    """

    stream: str
    table: str
    outcome: Outcome
    reason: str
    is_full: bool
    rows: int
    requests: int
    retries: int
    seconds: float
    odd_values: Mapping[str, int]
    new_columns: tuple[str, ...]


@dataclass
class Entry:
    """Outcome builder of one stream; `unproven` collects the reasons why it may be incomplete."""

    stream: str
    table: str
    clock: Callable[[], float]
    outcome: Outcome = "reading"
    reason: str = ""
    unproven: list[str] = field(default_factory=list)
    is_full: bool = True
    rows: int = 0
    spent: Spent = field(default_factory=Spent)
    odd_values: dict[str, int] = field(default_factory=dict)
    new_columns: tuple[str, ...] = ()
    started: float = 0.0
    ended: float | None = None

    def close(self, outcome: Outcome, reason: str = "") -> None:
        """Record how the stream ended."""
        self.outcome = outcome
        self.reason = "; ".join(filter(None, (self.reason, reason)))
        self.ended = self.clock()

    def shown(self) -> StreamOutcome:
        """Outcome as of now."""
        return StreamOutcome(
            self.stream,
            self.table,
            self.outcome,
            self.reason,
            self.is_full,
            self.rows,
            self.spent.requests,
            self.spent.retries,
            round((self.clock() if self.ended is None else self.ended) - self.started, 3),
            dict(self.odd_values),
            self.new_columns,
        )


class Ledger:
    """Run outcomes of one run, by stream. Pass one to the source, and read it at any time, from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        self._lock = threading.Lock()

    def open(self, stream: str, table: str) -> Entry:
        """Begin the outcome of a stream, or resume it if it has begun; one that ended is replaced."""
        with self._lock:
            entry = self._entries.get(stream)
            if entry is not None and entry.outcome == "begun":
                entry.outcome, entry.ended = "reading", None
                return entry
            entry = Entry(stream, table, self._clock, started=self._clock())
            self._entries[stream] = entry
            return entry

    def outcomes(self) -> tuple[StreamOutcome, ...]:
        """List the outcomes of the streams that were begun, in that order."""
        with self._lock:
            return tuple(entry.shown() for entry in self._entries.values())
