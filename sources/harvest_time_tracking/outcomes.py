"""Run outcomes of the streams: recorded by the source, shown and stored by the caller that passed the ledger in."""

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
        stream: name of the stream.
        table: table its rows went to.
        outcome: `complete`; `unproven` (loaded, but completeness could not be proven, so the next run reads it again);
            `skipped` (with a reason; old rows stay); `failed` (the run stopped here); `stopped` (the run stopped
            elsewhere); `begun` (the next extract resumes); `reading` (in progress).
        reason: why it is not complete, or a note on a complete one; else empty.
        is_full: True for a full read, False for an incremental one.
        rows: number of records read, without repeats.
        requests: requests sent to Harvest, including retries.
        retries: how many of these were retries.
        seconds: from the start of the stream to its end.
        odd_values: number of type mismatches by column; the values are kept in variant columns.
        new_columns: columns that Harvest does not document.
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
    """Outcomes of one run, by stream. Pass one to the source, and read it at any time, from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        self._lock = threading.Lock()

    def open(self, stream: str, table: str) -> Entry:
        """Start the outcome of a stream, or resume one that is `begun`; any other is replaced."""
        with self._lock:
            entry = self._entries.get(stream)
            if entry is not None and entry.outcome == "begun":
                entry.outcome, entry.ended = "reading", None
                return entry
            entry = Entry(stream, table, self._clock, started=self._clock())
            self._entries[stream] = entry
            return entry

    def outcomes(self) -> tuple[StreamOutcome, ...]:
        """List the outcomes of the streams started so far, in the order in which they started."""
        with self._lock:
            return tuple(entry.shown() for entry in self._entries.values())
