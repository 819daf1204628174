"""One comparison under way: which reports were asked, what they said, and what that means for our tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from harvest_time_tracking import Client
from harvest_time_tracking.calls import compact
from harvest_time_tracking.errors import BrokenPromise, NotThere, PermissionMissing, RequestRefused
from harvest_warehouse.account_sums import AccountSums
from harvest_warehouse.figures import figures, fingerprint
from harvest_warehouse.reconcile import MEANWHILE, Convention, Figure, Judged, is_rounding_changed, judge
from harvest_warehouse.reconciliation import Compared
from harvest_warehouse.report_calls import ReportCall, Window, halves, newest_first, planned, probe_before, whole
from harvest_warehouse.reports import BUDGET, REPORTS, UNINVOICED, Report, TheirRow, their_rows

# An interrupted comparison is gone on with for so long.
_RESUME_HOURS = 6
# What a comparison that is killed must ask again at most.
_KEEP_EVERY_CALLS = 50
_MOST_PAGES = 1_000
# Only the totals: they tell whether there is anything.
_PROBED = ("time/projects", "expenses/projects")


@dataclass(frozen=True)
class Touched:
    """A row that changed in Harvest while reports were read: where it was by our tables, or where it is now.

    Attributes:
        day: the day it is on.
        subject_ids: its project, person, task or category.
    """

    day: date
    subject_ids: frozenset[int]

    def is_in(self, figure: Figure) -> bool:
        """Whether it may be why a figure differs."""
        is_within = figure.first <= self.day <= figure.last or not figure.is_of_window
        return is_within and figure.subject_id in self.subject_ids


@dataclass(frozen=True)
class Reading:
    """What one report stated, when."""

    rows: tuple[TheirRow, ...]
    at: datetime
    pages: int


class Comparison:
    """Asks for reports, keeps their rows and judges them.

    Args:
        client: asks.
        sums: our side.
        months: the windows to be compared, oldest first.
        now: the server's clock.
        reports: the paths of the reports to ask.
        keep: is given what was compared and the verdicts, now and then.
        is_whole: whether all of history is loaded, so that figures of all time can be compared.

    Attributes:
        refused: the reports that Harvest does not give this token, and why.
        calls: how many reports were asked for, further pages included.
        touched: what changed in Harvest meanwhile.
        too_early: the first days of windows that have not begun yet, for Harvest.
    """

    def __init__(
        self,
        client: Client,
        sums: AccountSums,
        months: Sequence[Window],
        now: datetime,
        reports: Iterable[str],
        keep: Callable[[Sequence[Compared], Sequence[Judged]], None],
        *,
        is_whole: bool = True,
    ) -> None:
        self._client = client
        self._sums = sums
        self._months = tuple(months)
        self._now = now
        self._reports = tuple(reports)
        self._keep = keep
        self._is_whole = is_whole
        self._compared: dict[ReportCall, Compared] = {}
        self._figures: dict[ReportCall, list[Figure]] = {}
        self._kept: set[ReportCall] = set()
        self._resumed: set[ReportCall] = set()
        self._narrowed: set[ReportCall] = set()
        self.refused: dict[str, str] = {}
        self.calls = 0
        self.touched: tuple[Touched, ...] = ()
        self.too_early: set[date] = set()

    def plan(self, known: Iterable[Compared], *, is_probing: bool) -> list[ReportCall]:
        """What is to be asked, newest first; what an interrupted comparison has just asked is taken over."""
        windowed = [report for report in self._reports if report != BUDGET]
        prints = {
            (report, month): fingerprint(self._sums, report, month) for report in windowed for month in self._months
        }
        covered = {report: {month for month in self._months if not prints[report, month]} for report in windowed}
        firsts, lasts = ({getattr(month, end) for month in self._months} for end in ("first", "last"))
        for one in known:
            report, window = one.call.report, one.call.window
            if report not in covered:
                continue
            if one.is_finished and one.is_agreed and prints.get((report, window)) == one.fingerprint:
                covered[report].add(window)
            is_fresh = self._now - one.compared_at < timedelta(hours=_RESUME_HOURS) and not one.is_finished
            fits = window.first in firsts and window.last in lasts
            # What is left of fees is of all time: it is asked anew, in the newest window.
            is_of_days = report != UNINVOICED or window.last != self._months[-1].last
            if is_fresh and fits and is_of_days and one.fingerprint == fingerprint(self._sums, report, window):
                self._compared[one.call] = replace(one, is_agreed=False)
                self._kept.add(one.call)
                self._resumed.add(one.call)
        calls = planned(self._months, covered, list(self._compared))
        if BUDGET in self._reports:
            calls = [self._budget_call(), *calls]
        if is_probing and self._months:
            before = probe_before(self._months[0].first)
            calls += [ReportCall(report, before) for report in _PROBED if report in windowed]
        return calls

    def ask(self, calls: Iterable[ReportCall]) -> None:
        """Ask for these reports, those of one window at once."""
        for _, group in groupby(calls, key=lambda call: call.window):
            wanted = [call for call in group if call.report not in self.refused]
            asked = {call: self._client.in_background(self._read, call) for call in wanted}
            for call, answer in asked.items():
                self._take(call, answer)
            if len(self._compared.keys() - self._kept) >= _KEEP_EVERY_CALLS:
                self.keep()

    def narrow(self) -> None:
        """Find the months that differ in longer windows that do, asking only for the reports that do."""
        if is_rounding_changed(self.judged()[0]):
            # Every month differs then, and all of them are read again.
            return
        for call in [call for call in self._differing() if call.window not in self._months]:
            months = [month for month in self._months if call.window.holds(month)]
            if len(months) > 1 and call not in self._narrowed:
                self._narrowed.add(call)
                self._halve(call.report, months)

    def again(self, sums: AccountSums) -> list[ReportCall]:
        """After rows were read again: the reports that differed, and those about which our tables say another thing now."""
        wrong = {_call(one) for one in self.judged()[0] if one.is_repairable}
        self._sums = sums
        self._figures.clear()
        changed = {call for call, one in self._compared.items() if self._print(call) != one.fingerprint}
        budget = {call for call in self._compared if call.report == BUDGET}
        calls = newest_first(wrong | changed | budget | self._narrowed)
        self._narrowed.clear()
        for call in calls:
            self._compared.pop(call, None)
        self._kept.difference_update(calls)
        self._resumed.difference_update(calls)
        return [self._budget_call() if call.report == BUDGET else call for call in calls]

    def judged(self) -> tuple[tuple[Judged, ...], tuple[Convention, ...]]:
        """A verdict on each figure; a longer window that differs because of a month of it is told by the month."""
        for call in self._compared.keys() - self._figures:
            rows, is_whole = self._compared[call].rows, self._is_whole and call not in self._resumed
            self._figures[call] = figures(self._sums, REPORTS[call.report], call.window, rows, is_whole=is_whole)
        judged, conventions = judge([figure for call in self._compared for figure in self._figures[call]])
        judged = tuple(map(self._excused, judged))
        wrong = {_call(one) for one in judged if one.is_different}
        told = {span for span in self._narrowed if any(_is_inside(call, span) for call in wrong)}
        return tuple(one for one in judged if _call(one) not in told), conventions

    def _excused(self, judged: Judged) -> Judged:
        if judged.is_repairable and any(one.is_in(judged.figure) for one in self.touched):
            return replace(judged, verdict="not_provable", reason=MEANWHILE)
        return judged

    def keep(self) -> None:
        """Have what was asked until now written."""
        judged, _ = self.judged()
        self._keep([one for call, one in self._compared.items() if call not in self._kept], judged)
        self._kept |= self._compared.keys()

    def finish(self) -> None:
        """The comparison came to its end: all of it is written, with the verdicts that hold for the whole account."""
        judged, _ = self.judged()
        told = {_call(one) for one in judged}
        kept = [one for call, one in self._compared.items() if call in told or call not in self._narrowed]
        self._keep([replace(one, is_finished=True) for one in kept], judged)

    def _halve(self, report: str, months: Sequence[Window]) -> None:
        """Months of which one differs, newest first: where the newer half agrees, it is in the older one."""
        older, newer = halves(months)
        differs = self._differs(report, newer)
        if differs and len(newer) > 1:
            self._halve(report, newer)
        if not differs or self._differs(report, older):
            if len(older) > 1:
                self._halve(report, older)
            else:
                self._differs(report, older)

    def _differs(self, report: str, months: Sequence[Window]) -> bool:
        call = ReportCall(report, whole(months))
        if call not in self._compared:
            self.ask([call])
        differs = call in self._differing()
        if differs and len(months) > 1:
            self._narrowed.add(call)
        return differs

    def _differing(self) -> list[ReportCall]:
        return newest_first({_call(one) for one in self.judged()[0] if one.is_different and one.figure.is_of_window})

    def _budget_call(self) -> ReportCall:
        today = self._now.date()
        return ReportCall(BUDGET, Window(today, today))

    def _take(self, call: ReportCall, answer: Future[Reading]) -> None:
        try:
            reading = answer.result()
        except (PermissionMissing, NotThere) as error:
            self.refused[call.report] = str(error)
            return
        except RequestRefused:
            # By the account's own clock, it may be the day before: then its window lies in the future.
            if call.window.first < self._now.date():
                raise
            self.too_early.add(call.window.first)
            return
        self.calls += reading.pages
        self._figures.pop(call, None)
        is_month = call.window in self._months or call.report == BUDGET
        self._compared[call] = Compared(call, is_month, self._print(call), reading.at, rows=reading.rows)

    def _print(self, call: ReportCall) -> str:
        return "" if call.report == BUDGET else fingerprint(self._sums, call.report, call.window)

    def _read(self, call: ReportCall) -> Reading:
        report = REPORTS[call.report]
        page = self._client.page(f"reports/{report.path}", "results", _params(report, call.window))
        at, rows = page.date or datetime.now(UTC), their_rows(report, page.body)
        followed: set[str] = set()
        while page.next_url is not None:
            if page.next_url in followed or len(followed) > _MOST_PAGES:
                raise BrokenPromise(f"Harvest's links to the next page of {call.report} go round in a circle.")
            followed.add(page.next_url)
            page = self._client.page_at(page.next_url, "results")
            rows += their_rows(report, page.body)
        return Reading(tuple(rows), at, 1 + len(followed))


def _params(report: Report, window: Window) -> Mapping[str, str]:
    if report.path == BUDGET:
        return report.params
    return {"from": compact(window.first), "to": compact(window.last), **report.params}


def _call(judged: Judged) -> ReportCall:
    return ReportCall(judged.figure.report, Window(judged.figure.first, judged.figure.last))


def _is_inside(call: ReportCall, span: ReportCall) -> bool:
    return call != span and call.report == span.report and span.window.holds(call.window)
