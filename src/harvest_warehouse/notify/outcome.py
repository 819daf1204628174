"""Outcome of a run, and the events in it that somebody may want to know: what messages are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from harvest_warehouse.notify.settings import EventName

DONE, WRONG_USE, NEEDS_SOMEBODY = 0, 2, 3


@dataclass(frozen=True)
class Event:
    """Something in a run that somebody may want to know.

    Attributes:
        name: kind of the event.
        words: one line about it: names of streams and columns, and counts, but nothing that stands in a row.
    """

    name: EventName
    words: str


@dataclass(frozen=True)
class Outcome:
    """How a run of a command went.

    Attributes:
        command: the command: `sync`.
        run_id: id of this run of the command, as in its log lines.
        started_at: when it began (aware).
        ended_at: when it ended (aware).
        exit_code: exit code; None if the run was killed, which only the next one finds out.
        events: what happened in it.
        harvest_run_id: the run's id in `harvest_runs`; empty if it did not come to that.
        rows: number of records that Harvest sent.
        requests: number of requests sent to Harvest.
        streams: number of streams by outcome.
    """

    command: str
    run_id: str
    started_at: datetime
    ended_at: datetime
    exit_code: int | None
    events: tuple[Event, ...] = ()
    harvest_run_id: str = ""
    rows: int = 0
    requests: int = 0
    streams: Mapping[str, int] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Duration."""
        return round((self.ended_at - self.started_at).total_seconds(), 3)

    @property
    def has_failed(self) -> bool:
        """True if the run did not get to its end."""
        return self.exit_code not in (DONE, NEEDS_SOMEBODY)
