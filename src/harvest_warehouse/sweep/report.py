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
        stream: its name.
        verdict: `equal` where our rows are Harvest's as of a moment after the load (once the vanished ones are moved, and
            but for what changed since the load); `unsettled` where more differed than was found, or is missing here: the
            next sweep goes on; `not compared` where Harvest does not say how many there are; `doubled` where records are
            here twice.
        rows: how many we have, the vanished ones left out.
        vanished: how many are no longer in Harvest.
        missing: how many Harvest has that the load did not bring, though it should have.
        requests: what it cost.
    """

    stream: str
    verdict: Verdict
    rows: int
    vanished: int
    missing: int
    requests: int

    def besides(self, earlier: Swept) -> Swept:
        """Merge this result with that of an earlier sweep of the same list in the same run."""
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
        streams: the lists that were looked at.
        not_swept: the other lists, each with the reason.
        too_many: the lists in which so much vanished at once that nothing was moved, in any of them.
        again: filters by which `load` brings what is missing, and what changed with what vanished.
        seconds: how long it took.
    """

    streams: tuple[Swept, ...]
    not_swept: Mapping[str, str]
    too_many: tuple[Swept, ...]
    again: RereadFilters
    seconds: float

    @property
    def moved(self) -> int:
        """Number of rows moved to `harvest_deletions`, without rows of other streams that were moved along with them."""
        return 0 if self.too_many else sum(swept.vanished for swept in self.streams)

    @property
    def requests(self) -> int:
        """Requests sent to Harvest."""
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
        """Lines that say why nothing was moved, and how to go on; none if rows could be moved."""
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
        """True if something was left undone that the next sweep will not do either."""
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
