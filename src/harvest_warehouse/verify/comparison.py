"""State of one comparison with Harvest's reports: requests to send, responses received, verdicts on our tables. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property

from harvest_warehouse.verify.figures import figures, fingerprint
from harvest_warehouse.verify.harvest_reports import BUDGET, REPORTS, UNINVOICED
from harvest_warehouse.verify.local_totals import LocalTotals
from harvest_warehouse.verify.report_plan import ReportCall, Window, newest_first, unfound
from harvest_warehouse.verify.report_reader import Answers
from harvest_warehouse.verify.results import Compared
from harvest_warehouse.verify.verdicts import MEANWHILE, Convention, Figure, Judged, is_rounding_changed, judge


@dataclass(frozen=True)
class Touched:
    """Day and subjects of a row that changed in Harvest while reports were read: as loaded, or as changed.

    Attributes:
        day: date of the row.
        subject_ids: ids of its project, person, and task or category.
    """

    day: date
    subject_ids: frozenset[int]

    def is_in(self, figure: Figure) -> bool:
        """True if this change may explain a difference in a figure."""
        is_within = figure.first <= self.day <= figure.last or not figure.is_of_window
        return is_within and figure.subject_id in self.subject_ids


@dataclass(frozen=True)
class Comparison:
    """Immutable state of a comparison in progress; each step returns a new one.

    Attributes:
        sums: local totals.
        months: days to compare, as months, oldest first.
        reports: paths of the reports that are compared by day.
        known: windows compared by earlier runs.
        wanted: report calls that are needed in any case, newest first.
        prints: fingerprints of the local totals by report and month, to tell which months changed.
        is_whole: whether the whole history is loaded, so that all-time figures can be compared.
        is_by_month: whether each month must agree on its own.
        compared: windows compared so far.
        figures: figures of both sides for each of these.
        resumed: calls that an interrupted run had made.
        written: calls already written to `harvest_reconciliation`.
        refused: reports that Harvest denies this token, and why.
        too_early: calls refused because their window begins in the future for Harvest.
        touched: rows that changed in Harvest meanwhile.
        unsettled: calls whose local totals kept changing: their differences are not provable.
    """

    sums: LocalTotals
    months: tuple[Window, ...]
    reports: tuple[str, ...]
    known: tuple[Compared, ...]
    wanted: tuple[ReportCall, ...]
    prints: Mapping[ReportCall, str]
    is_whole: bool
    is_by_month: bool
    compared: Mapping[ReportCall, Compared] = field(default_factory=dict)
    figures: Mapping[ReportCall, Sequence[Figure]] = field(default_factory=dict)
    resumed: frozenset[ReportCall] = frozenset()
    written: frozenset[ReportCall] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)
    too_early: frozenset[ReportCall] = frozenset()
    touched: tuple[Touched, ...] = ()
    unsettled: frozenset[ReportCall] = frozenset()

    @property
    def unasked(self) -> list[ReportCall]:
        """Report calls that are wanted and not made yet, newest first."""
        return [call for call in self.wanted if self._may_ask(call)]

    @property
    def narrower(self) -> list[ReportCall]:
        """Report calls to make next, to bisect longer windows that differ down to their months, newest first."""
        differing = self._differing
        if not differing or is_rounding_changed(self._verdicts[0]):
            # Then every month differs, and all are read again.
            return []
        found: set[ReportCall] = set()
        for call in differing:
            months = self._months_of(call)
            if len(months) > 1:
                asked = {one.window: one in differing for one in self.compared if one.report == call.report}
                found |= {ReportCall(call.report, window) for window in unfound(months, asked)}
        return newest_first(filter(self._may_ask, found))

    @property
    def judged(self) -> tuple[Judged, ...]:
        """Verdicts on all figures, without longer windows whose differences were traced to a window inside them."""
        return tuple(one for one in self._verdicts[0] if _call(one) not in self._told)

    @property
    def conventions(self) -> tuple[Convention, ...]:
        """Findings about conventions that Harvest does not document."""
        return self._verdicts[1]

    @property
    def is_wrong(self) -> bool:
        """True if a figure differs that re-reading rows may correct."""
        return any(one.is_repairable for one in self._verdicts[0])

    @property
    def unwritten(self) -> list[Compared]:
        """Compared windows that are not written to `harvest_reconciliation` yet."""
        return [one for call, one in self.compared.items() if call not in self.written]

    @property
    def finished(self) -> list[Compared]:
        """Compared windows to write when the comparison ends, marked as finished."""
        return [replace(one, is_finished=True) for call, one in self.compared.items() if call not in self._told]

    @property
    def proven(self) -> frozenset[ReportCall]:
        """Months that agreed on their own in an earlier comparison, and whose rows are unchanged since."""
        return proven(self.known, self.prints)

    @property
    def months_not_alone(self) -> int:
        """Number of non-empty months that were compared only as parts of longer windows."""
        alone = self.proven | self.compared.keys()
        return len(
            {
                call.window
                for call, found in self.prints.items()
                if found and call not in alone and call.report not in self.refused
            }
        )

    def resuming(self, compared: Mapping[ReportCall, Compared]) -> Comparison:
        """Resume from what an interrupted run compared and wrote."""
        calls = frozenset(compared)
        return replace(self, resumed=calls, written=calls)._with(compared)

    def as_written(self) -> Comparison:
        """Mark everything compared so far as written to `harvest_reconciliation`."""
        return replace(self, written=frozenset(self.compared))

    def with_answers(self, answers: Answers) -> Comparison:
        """Add Harvest's responses."""
        read = {
            call: Compared(
                call,
                call.window in self.months or call.report == BUDGET,
                print_of(self.sums, call),
                reading.at,
                rows=reading.rows,
            )
            for call, reading in answers.readings.items()
        }
        asked = replace(
            self._without(read),
            refused={**self.refused, **answers.refused},
            too_early=self.too_early | answers.too_early,
        )
        return asked._with(read)

    def with_sums(self, sums: LocalTotals) -> Comparison:
        """Replace the local totals by current ones; calls whose figures changed must be made again."""
        if sums == self.sums:
            return self
        kept, prints = self._without(self._changed(sums)), prints_of(sums, self.reports, self.months)
        others = {call for call, found in prints.items() if self.is_by_month and found and found != self.prints[call]}
        wanted = tuple(newest_first({*self.wanted, *others}))
        return replace(kept, sums=sums, prints=prints, wanted=wanted, figures={})._with(kept.compared)

    def unsettled_by(self, sums: LocalTotals) -> Comparison:
        """Replace the local totals by current ones; differences in calls whose figures changed are not provable."""
        if sums == self.sums:
            return self
        prints, changed = prints_of(sums, self.reports, self.months), self._changed(sums)
        return replace(self, sums=sums, prints=prints, figures={}, unsettled=changed)._with(self.compared)

    def with_touched(self, touched: Iterable[Touched]) -> Comparison:
        """Add rows that changed in Harvest while reports were read; differences they may explain are not provable."""
        return replace(self, touched=tuple(touched))

    def again(self) -> Comparison:
        """Start another round after a re-read: calls that differed, and those for budgets, must be made again."""
        wrong = {_call(one) for one in self.judged if one.is_repairable} | self._told
        wrong |= {call for call in self.compared if call.report == BUDGET}
        # Windows inside a longer one are requested only if the longer one differs again.
        parts = {call for call in self._told if any(_is_inside(call, other) for other in self._told)}
        wanted = tuple(newest_first({*self.wanted, *(wrong - parts)}))
        return replace(self, wanted=wanted, touched=(), unsettled=frozenset())._without(wrong)

    def _with(self, compared: Mapping[ReportCall, Compared]) -> Comparison:
        found = {
            call: figures(
                self.sums,
                REPORTS[call.report],
                call.window,
                one.rows,
                is_whole=self.is_whole and call not in self.resumed,
            )
            for call, one in compared.items()
        }
        return replace(self, compared={**self.compared, **compared}, figures={**self.figures, **found})

    def _without(self, calls: Collection[ReportCall]) -> Comparison:
        return replace(
            self,
            compared={call: one for call, one in self.compared.items() if call not in calls},
            figures={call: found for call, found in self.figures.items() if call not in calls},
            resumed=self.resumed - frozenset(calls),
            written=self.written - frozenset(calls),
        )

    def _changed(self, sums: LocalTotals) -> frozenset[ReportCall]:
        """Calls whose local figures changed; fees and budgets, which belong to no month, have no fingerprint."""
        other_projects = sums.projects != self.sums.projects
        return frozenset(
            call
            for call, one in self.compared.items()
            if call.report == BUDGET
            or (call.report == UNINVOICED and other_projects)
            or print_of(sums, call) != one.fingerprint
        )

    def _may_ask(self, call: ReportCall) -> bool:
        return call not in self.compared and call.report not in self.refused and call not in self.too_early

    def _months_of(self, call: ReportCall) -> tuple[Window, ...]:
        return tuple(month for month in self.months if call.window.holds(month))

    @cached_property
    def _verdicts(self) -> tuple[tuple[Judged, ...], tuple[Convention, ...]]:
        judged, conventions = judge([figure for call in self.compared for figure in self.figures[call]])
        return tuple(map(self._excused, judged)), conventions

    def _excused(self, judged: Judged) -> Judged:
        is_touched = _call(judged) in self.unsettled or any(one.is_in(judged.figure) for one in self.touched)
        if judged.is_repairable and is_touched:
            return replace(judged, verdict="not_provable", reason=MEANWHILE)
        return judged

    @cached_property
    def _differing(self) -> frozenset[ReportCall]:
        return frozenset(_call(one) for one in self._verdicts[0] if one.is_different and one.figure.is_of_window)

    @cached_property
    def _told(self) -> frozenset[ReportCall]:
        """Calls for longer windows whose difference was traced to a window inside them."""
        wrong = {
            _call(one)
            for one in self._verdicts[0]
            if one.figure.is_of_window and (one.is_different or one.reason == MEANWHILE)
        }
        return frozenset(call for call in wrong if any(_is_inside(other, call) for other in wrong))


def prints_of(sums: LocalTotals, reports: Iterable[str], months: Sequence[Window]) -> dict[ReportCall, str]:
    """Fingerprints of the local totals, by report and month; empty for a month without rows."""
    calls = [ReportCall(report, month) for report in reports for month in months]
    return {call: print_of(sums, call) for call in calls}


def print_of(sums: LocalTotals, call: ReportCall) -> str:
    """Fingerprint of the local totals for one call; empty for budgets and if there are no rows."""
    return "" if call.report == BUDGET else fingerprint(sums, call.report, call.window)


def proven(known: Iterable[Compared], prints: Mapping[ReportCall, str]) -> frozenset[ReportCall]:
    """Months that agreed on their own in an earlier comparison, and whose fingerprint is unchanged."""
    return frozenset(
        one.call for one in known if one.is_finished and one.is_agreed and prints.get(one.call) == one.fingerprint
    )


def _call(judged: Judged) -> ReportCall:
    return ReportCall(judged.figure.report, Window(judged.figure.first, judged.figure.last))


def _is_inside(call: ReportCall, span: ReportCall) -> bool:
    return call != span and call.report == span.report and span.window.holds(call.window)
