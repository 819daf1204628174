"""Stream state (cursor) kept from run to run in dlt's state, which is committed only together with the rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dlt
from dlt.common.configuration.exceptions import ContextDefaultCannotBeCreated
from dlt.common.exceptions import PipelineStateNotAvailable

from ..clocks import MOST_DIFFERENCE
from ..columns import DataType
from ..settings import Settings
from ..stream import Stream
from .request_shares import NONE, Split


@dataclass(frozen=True)
class Complete:
    """Progress of a complete read: the stream's new cursor.

    Attributes:
        began_at: start of the read.
        asked_last: last parents chosen by the round-robin.
    """

    began_at: datetime
    asked_last: Split = NONE


@dataclass(frozen=True)
class Place:
    """Checkpoint at which the next extract resumes a full read.

    Attributes:
        began_at: start of the read.
        at: the last parent read (`after`), or the windows left, and what is unproven.
    """

    began_at: datetime
    at: Mapping[str, Any]


Progress = Complete | Place


class Memory:
    """Stream state of one stream of one account.

    The cursor is the start of the stream's last complete read, by the server's or the local clock, whichever was earlier;
    never the largest `updated_at` seen, since a row committed late would fall behind it. A cursor in the future comes from a
    wrong clock and is ignored. It holds for the rights of the token that read: for a token that sees more, the stream is read
    in full again.

    Args:
        stream: the stream.
        settings: the account.
        now: local time.
        rights: rights that decide which rows and values the token sees; empty if they were not looked up.

    Attributes:
        is_first_run: whether the stream was never read.
        added: types of the undocumented columns.
        are_owners_hidden: set if this run could not read all owners of the rows.
    """

    def __init__(self, stream: Stream, settings: Settings, now: datetime, rights: Collection[str] = ()) -> None:
        try:
            state: dict[str, Any] = dlt.current.resource_state(stream.name)
            source: dict[str, Any] = dlt.current.source_state()
        except (PipelineStateNotAvailable, ContextDefaultCannotBeCreated):
            # The rows are iterated without a pipeline.
            state, source = {}, {}
        self.are_owners_hidden = False
        self._now = now
        self.is_first_run = settings.account_id not in state
        self._state, self._account_id = state, settings.account_id
        self._own: dict[str, Any] = state.get(settings.account_id, {})
        self._start_date = settings.start_date.isoformat() if settings.start_date else ""
        self._rights = sorted(rights)
        self._excluded = list(settings.columns.excluded_below(stream.table_name))
        added: dict[str, dict[str, DataType]] = source.setdefault("undocumented_columns", {})
        self.added: dict[str, DataType] = added.setdefault(stream.table_name, {})

    def open(self) -> None:
        """Attach the state to dlt's, so that changes are saved; a state that is not opened only reads."""
        self._state[self._account_id] = self._own

    def since(self, overlap: timedelta) -> str | None:
        """`updated_since` for an incremental read that misses nothing; None if everything must be read."""
        if (
            self._reaches_further_back()
            or self._is_otherwise(self._own)
            or sees_more(self._rights, self._own.get("rights", ()))
        ):
            return None
        return self._before(self._own.get("cursor"), overlap)

    def parents_since(self, overlap: timedelta) -> str | None:
        """Instant since which changed parents must be read again; None if no parent was ever read."""
        return self.since(overlap) or (self._before(self.unfinished["began_at"], overlap) if self.unfinished else None)

    def owners_since(self, overlap: timedelta) -> str | None:
        """`updated_since` for the owners of the rows: further back if they could not be read for a while."""
        cursor = self._own.get("owners_cursor", self._own.get("cursor")) or (self.unfinished or {}).get("began_at")
        return self._before(cursor, overlap)

    @property
    def asked_last(self) -> Split:
        """Last parents chosen by the round-robin, among active parents and among the others."""
        # In older states, `turn` covers all parents.
        return Split(self._own.get("alive_turn", 0), self._own.get("turn", 0))

    def save(self, progress: Progress | None) -> None:
        """Save the progress of a read: the cursor of a complete one, or the place where the next extract resumes."""
        if isinstance(progress, Complete):
            self._save_cursor(progress)
        elif progress:
            self._own["unfinished"] = {
                "began_at": instant(progress.began_at),
                "start_date": self._start_date,
                "rights": self._rights,
                **({"excluded": self._excluded} if self._excluded else {}),
                **progress.at,
            }

    def _save_cursor(self, complete: Complete) -> None:
        if self.are_owners_hidden:
            self._own.setdefault("owners_cursor", self._own.get("cursor"))
        else:
            self._own.pop("owners_cursor", None)
        turns = {"alive_turn": complete.asked_last.alive, "turn": complete.asked_last.others}
        self._own.update({name: parent for name, parent in turns.items() if parent})
        self._own.pop("unfinished", None)
        self._own["cursor"] = instant(complete.began_at)
        self._own["start_date"] = self._start_date
        self._own["rights"] = self._rights
        self._own.pop("excluded", None)
        if self._excluded:
            self._own["excluded"] = self._excluded

    @property
    def unfinished(self) -> dict[str, Any] | None:
        """Place at which to resume a full read that an earlier extract began; None if there is none."""
        place: dict[str, Any] | None = self._own.get("unfinished")
        if not place or place["start_date"] != self._start_date or self._is_to_come(place["began_at"]):
            return None
        if self._is_otherwise(place):
            return None
        return None if sees_more(self._rights, place.get("rights", ())) else place

    def _before(self, cursor: str | None, overlap: timedelta) -> str | None:
        """Cursor, or now if that is earlier, minus the overlap; None if there is no valid cursor."""
        return None if not cursor or self._is_to_come(cursor) else before(min(cursor, instant(self._now)), overlap)

    def _is_to_come(self, cursor: str) -> bool:
        return parsed(cursor) > self._now + MOST_DIFFERENCE

    def _is_otherwise(self, read: Mapping[str, Any]) -> bool:
        """True if other columns were left empty when that was read: it is read again, so that all rows are alike."""
        return bool(read) and read.get("excluded", []) != self._excluded

    def _reaches_further_back(self) -> bool:
        """True if `start_date` is earlier than at the last complete read: the days between were never read."""
        before = self._own.get("start_date", "")
        return bool(before) and (not self._start_date or self._start_date < before)


def sees_more(rights: Collection[str], earlier: Collection[str]) -> bool:
    """True if a token's rights may show more than the earlier rights did; False if either is unknown.

    All administrators see the same; what anybody else sees depends on the person as well.
    """
    return bool(rights and earlier) and "administrator" not in earlier and not set(rights) <= set(earlier)


def cursors(state: Mapping[str, Any], account_id: str) -> dict[str, datetime]:
    """Cursors of all streams of an account: the start of each one's last complete read.

    Args:
        state: the source's state as dlt keeps it (`pipeline.state["sources"][...]`).
        account_id: the account.
    """
    memories = {stream: kept.get(account_id, {}) for stream, kept in state.get("resources", {}).items()}
    return {stream: parsed(memory["cursor"]) for stream, memory in memories.items() if memory.get("cursor")}


def instant(moment: datetime) -> str:
    """Format an instant as Harvest does; years before 1000 get four digits too (unlike with `strftime`)."""
    return f"{moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()}Z"


def parsed(moment: str) -> datetime:
    """Parse what `instant` wrote."""
    return datetime.fromisoformat(moment)


def before(cursor: str, overlap: timedelta) -> str:
    """Subtract an overlap from a cursor."""
    return instant(parsed(cursor) - overlap)
