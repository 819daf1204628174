"""Report of a sweep: a verdict for each list, and what needs a person's attention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from harvest_warehouse.database.reread_filters import RereadFilters

Verdict = Literal["equal", "unsettled", "not compared", "doubled"]

MOST_SHARE = 0.05
MOST_ROWS = 50


@dataclass(frozen=True)
class Swept:
    """Result of the sweep for one list.

    Attributes:
        stream: name of the stream.
        verdict: `equal`: our rows are Harvest's as of a moment after the load, once deleted ones are moved, and except for
            changes since the load; `unsettled`: more rows differ than were found, or the list kept changing, so the next
            sweep tries again; `not compared`: Harvest does not state the number of records; `doubled`: there are duplicates.
        rows: number of our rows, without deleted ones.
        vanished: number of rows that are no longer in Harvest.
        missing: number of Harvest's records that should have been loaded but are missing here.
        requests: number of requests sent.
    """

    stream: str
    verdict: Verdict
    rows: int
    vanished: int
    missing: int
    requests: int

    def besides(self, earlier: Swept) -> Swept:
        """Merge with the result of an earlier sweep of the same list in the same run."""
        return replace(
            self,
            vanished=self.vanished + earlier.vanished,
            missing=self.missing + earlier.missing,
            requests=self.requests + earlier.requests,
        )


@dataclass(frozen=True)
class SweepReport:
    """Result of one sweep.

    Attributes:
        streams: results of the swept lists.
        not_swept: reasons why lists were not swept, by stream.
        too_many: lists with so many deletions at once that nothing was moved, in any list.
        again: re-read filters for `load`: missing rows, duplicates, and rows that changed with a deletion.
        seconds: duration.
    """

    streams: tuple[Swept, ...]
    not_swept: Mapping[str, str]
    too_many: tuple[Swept, ...]
    again: RereadFilters
    seconds: float

    @property
    def moved(self) -> int:
        """Number of rows moved to `harvest_deletions`, without the rows of child streams moved with them."""
        return 0 if self.too_many else sum(swept.vanished for swept in self.streams)

    @property
    def requests(self) -> int:
        """Number of requests sent to Harvest."""
        return sum(swept.requests for swept in self.streams)

    def followed_by(self, later: SweepReport) -> SweepReport:
        """Merge with the report of a later sweep of some of the lists."""
        newer = {swept.stream: swept for swept in later.streams}
        streams = tuple(newer[old.stream].besides(old) if old.stream in newer else old for old in self.streams)
        return SweepReport(
            streams,
            {**self.not_swept, **later.not_swept},
            self.too_many + later.too_many,
            later.again,
            self.seconds + later.seconds,
        )

    @property
    def stopped(self) -> tuple[str, ...]:
        """Lines that say why nothing was moved, and how to continue; none if rows could be moved."""
        if not self.too_many:
            return ()
        return (
            *map(_too_many, self.too_many),
            "If it is right, `dlt-harvest sync --accept-deletions` moves them to harvest_deletions.",
        )

    @property
    def is_proven(self) -> bool:
        """True if every list was swept and found equal."""
        return not self.too_many and not self.not_swept and all(swept.verdict == "equal" for swept in self.streams)

    @property
    def needs_somebody(self) -> bool:
        """True if something needs a person, because the next sweep will not resolve it either."""
        return bool(self.too_many) or any(swept.verdict in ("not compared", "doubled") for swept in self.streams)


def is_too_much(swept: Swept) -> bool:
    """True if more than `MOST_ROWS` rows and `MOST_SHARE` of a list were deleted at once, so that a person must confirm."""
    return swept.vanished > MOST_ROWS and swept.vanished > MOST_SHARE * (swept.rows + swept.vanished)


def _too_many(swept: Swept) -> str:
    before = swept.rows + swept.vanished
    return (
        f"{swept.stream}: {swept.vanished:,} of {before:,} rows ({swept.vanished / before:.0%}) are no longer in Harvest. "
        f"More than {MOST_SHARE:.0%} and {MOST_ROWS} at once may be a mistake: nothing was moved, in any list."
    )
