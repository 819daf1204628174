"""Report of a comparison with Harvest's reports, and what such a comparison cannot prove."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from harvest_warehouse.database.reread_filters import FiltersByStream
from harvest_warehouse.database.system_tables import AGREED, Verdict
from harvest_warehouse.verify.row_checks import RowChecks
from harvest_warehouse.verify.verdicts import Convention, Judged

NOT_IN_REPORTS = (
    "cost rates, labour cost and margin",
    "invoices, payments and the lines of time-and-materials invoices",
    "estimates",
    "people, their rates, capacities and roles",
    "assignments, except for the sums of their budgets",
    "contacts, notes and approvals",
    "changes that leave all sums of a window the same: an entry moved to another of its days, two entries that swapped places",
)
"""Data that Harvest's reports do not cover, so that no comparison with them can prove it."""


@dataclass(frozen=True)
class VerifyReport:
    """Result of a comparison.

    Attributes:
        account_id: the Harvest account.
        run_id: id of the comparison in `harvest_reconciliation`.
        first: first day compared.
        last: last day compared.
        planned_calls: number of report requests planned at the start.
        planned_minutes: minutes that the rate limit alone makes these take.
        calls: number of report requests sent.
        judged: figures with their verdicts; for a longer window that differed, the months that explain it.
        conventions: findings about conventions that Harvest does not document.
        months_not_alone: number of months compared only as parts of longer windows: differences of two months in the same
            subject and currency that cancel out would not show.
        refused: reports that Harvest denies this token, and why.
        left_out: reports that were not requested, and why: their module is switched off, or their data is not loaded.
        notes: further notes for the user.
        is_rounding_changed: whether the account's rule for rounding hours seems to have changed.
        repaired: re-read filters of each repair round.
        started_at: start of the comparison, by Harvest's clock.
        seconds: duration.
        rows: results of the row checks.
    """

    account_id: str
    run_id: str
    first: date
    last: date
    planned_calls: int
    planned_minutes: int
    calls: int
    judged: tuple[Judged, ...]
    conventions: tuple[Convention, ...]
    months_not_alone: int
    refused: Mapping[str, str]
    left_out: Mapping[str, str]
    notes: tuple[str, ...]
    is_rounding_changed: bool
    repaired: tuple[FiltersByStream, ...]
    started_at: datetime
    seconds: float
    rows: RowChecks = field(default_factory=RowChecks)

    @property
    def counts(self) -> Mapping[Verdict, int]:
        """Number of figures by verdict."""
        return Counter(one.verdict for one in self.judged)

    @property
    def differing(self) -> tuple[Judged, ...]:
        """Figures that differ, or could not be compared."""
        return tuple(one for one in self.judged if one.verdict not in AGREED)

    @property
    def not_proven(self) -> tuple[str, ...]:
        """Limits of this comparison, as messages: data that no report covers, and precision lost to rounding."""
        minutes = self.rows.rounding.step_minutes
        hours = (f"hours before they are rounded, within {minutes} minutes",) if minutes else ()
        unrounded = self.rows.without_rounding
        return (
            *hours,
            *((f"the hours of {unrounded:,} entries without rounded hours",) if unrounded else ()),
            *NOT_IN_REPORTS,
        )

    @property
    def is_proven(self) -> bool:
        """True if every figure agrees, no report was refused, and all rows pass the row checks."""
        return not self.refused and not self.differing and self.rows.is_clean
