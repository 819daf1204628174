"""What is remembered of a stream from run to run, in dlt's state: it moves only together with the rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import dlt
from dlt.common.configuration.exceptions import ContextDefaultCannotBeCreated
from dlt.common.exceptions import PipelineStateNotAvailable

from .clocks import MOST_DIFFERENCE
from .columns import DataType
from .settings import Settings
from .stream import Stream


class Memory:
    """The state of one stream of one account.

    The cursor is the moment before the stream's last complete read began, by the server's clock or by ours, whichever was
    the earlier: never the largest `updated_at` seen, which a row that is committed late would fall behind. One that lies in
    the future was made by clocks that were wrong, and is none.

    Args:
        stream: the stream.
        settings: the account.
        now: our clock.

    Attributes:
        is_first_run: whether the stream was never read.
        added: the types of the columns that nobody documented.
        are_owners_hidden: set where this run may not see the owners of the rows.
    """

    def __init__(self, stream: Stream, settings: Settings, now: datetime) -> None:
        try:
            state: dict[str, Any] = dlt.current.resource_state(stream.name)
            source: dict[str, Any] = dlt.current.source_state()
        except (PipelineStateNotAvailable, ContextDefaultCannotBeCreated):
            # Somebody looks at the rows without a pipeline.
            state, source = {}, {}
        self.are_owners_hidden = False
        self._now = now
        self.is_first_run = settings.account_id not in state
        self._own: dict[str, Any] = state.setdefault(settings.account_id, {})
        self._start_date = settings.start_date.isoformat() if settings.start_date else ""
        added: dict[str, dict[str, DataType]] = source.setdefault("undocumented_columns", {})
        self.added: dict[str, DataType] = added.setdefault(stream.table_name, {})

    def since(self, overlap: timedelta) -> str | None:
        """The `updated_since` that misses nothing; None where everything must be read."""
        return None if self._reaches_further_back() else self._before(self._own.get("cursor"), overlap)

    def owners_since(self, overlap: timedelta) -> str | None:
        """The `updated_since` for the owners of the rows: further back, where they could not be read for a while."""
        cursor = self._own.get("owners_cursor", self._own.get("cursor")) or (self.unfinished or {}).get("began_at")
        return self._before(cursor, overlap)

    @property
    def turn(self) -> int:
        """The parent at which the last run's share of unchanged parents ended."""
        turn: int = self._own.get("turn", 0)
        return turn

    def remember(self, began_at: datetime | None, turn: int = 0) -> None:
        """The stream was read completely, from `began_at` on."""
        if self.are_owners_hidden:
            self._own.setdefault("owners_cursor", self._own.get("cursor"))
        else:
            self._own.pop("owners_cursor", None)
        if turn:
            self._own["turn"] = turn
        self._own.pop("unfinished", None)
        if began_at:
            self._own["cursor"] = instant(began_at)
            self._own["start_date"] = self._start_date

    def keep_place(self, began_at: datetime | None, **place: Any) -> None:
        """A reading of everything goes on in the next extract, from `place` on."""
        self._own["unfinished"] = {
            "began_at": instant(began_at or datetime.now(UTC)),
            "start_date": self._start_date,
            **place,
        }

    @property
    def unfinished(self) -> dict[str, Any] | None:
        """Where a reading of everything, begun by an earlier extract, goes on; None where there is none."""
        place: dict[str, Any] | None = self._own.get("unfinished")
        is_mine = place and place["start_date"] == self._start_date and not self._is_to_come(place["began_at"])
        return place if is_mine else None

    def _before(self, cursor: str | None, overlap: timedelta) -> str | None:
        """So long before a cursor, and before now; None where there is no cursor to go by."""
        return None if not cursor or self._is_to_come(cursor) else before(min(cursor, instant(self._now)), overlap)

    def _is_to_come(self, cursor: str) -> bool:
        return parsed(cursor) > self._now + MOST_DIFFERENCE

    def _reaches_further_back(self) -> bool:
        """Whether `start_date` lies before the one of the last complete read: what lies between was never read."""
        before = self._own.get("start_date", "")
        return bool(before) and (not self._start_date or self._start_date < before)


def cursors(state: Mapping[str, Any], account_id: str) -> dict[str, datetime]:
    """Since when each stream has every change: the moment before its last complete read.

    Args:
        state: the source's state as dlt keeps it (`pipeline.state["sources"][...]`).
        account_id: the account.
    """
    memories = {stream: kept.get(account_id, {}) for stream, kept in state.get("resources", {}).items()}
    return {stream: parsed(memory["cursor"]) for stream, memory in memories.items() if memory.get("cursor")}


def instant(moment: datetime) -> str:
    """As Harvest writes it; the year with four digits, which `strftime` does not give to one before 1000."""
    return f"{moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()}Z"


def parsed(moment: str) -> datetime:
    """What `instant` wrote."""
    return datetime.fromisoformat(moment)


def before(cursor: str, overlap: timedelta) -> str:
    """So long before an instant."""
    return instant(parsed(cursor) - overlap)
