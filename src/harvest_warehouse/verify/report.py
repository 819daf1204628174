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
"""Data that Harvest's reports say nothing about, so that no comparison with them can prove it."""


@dataclass(frozen=True)
class VerifyReport:
    """Result of a comparison.

    Attributes:
        account_id: the Harvest account.
        run_id: the comparison's id in `harvest_reconciliation`.
        first: the first day that was compared.
        last: the last one.
        planned_calls: how many reports it wanted to ask, before it asked any.
        planned_minutes: how long the pace alone makes these take.
        calls: how many it asked.
        judged: every figure with its verdict; where a longer window differed, the months that are why.
        conventions: what was found of what Harvest does not document.
        months_not_alone: how many months were compared only as parts of longer windows: differences of two of them that cancel
            out, for the same subject and currency, would not show.
        refused: the reports that Harvest does not give this token, and why.
        left_out: the reports whose module is switched off in the account, and why.
        notes: what is worth knowing beside.
        is_rounding_changed: whether the account's rule for rounding hours was changed.
        repaired: what was read again, round by round.
        started_at: when it began.
        seconds: how long it took.
        rows: what our rows say without a report.
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
        """Figures that did not agree, or could not be compared."""
        return tuple(one for one in self.judged if one.verdict not in AGREED)

    @property
    def not_proven(self) -> tuple[str, ...]:
        """Limits of this comparison, as messages: data that no report shows, and hours that rounding hides."""
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
        """True if every figure agrees, no report was refused, and no row contradicts itself."""
        return not self.refused and not self.differing and self.rows.is_clean
