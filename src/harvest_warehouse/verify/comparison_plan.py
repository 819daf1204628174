"""Start a comparison: the report calls that it needs, and results of an interrupted one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from harvest_warehouse.verify.comparison import Comparison, print_of, prints_of, proven
from harvest_warehouse.verify.harvest_reports import BUDGET, UNINVOICED
from harvest_warehouse.verify.local_totals import LocalTotals
from harvest_warehouse.verify.report_plan import ReportCall, Window, planned, probe_before
from harvest_warehouse.verify.results import Compared

# How long an interrupted comparison can be resumed.
_RESUME_HOURS = 6
# Reports by project, for the probe: they are enough to tell whether there are any rows.
_PROBED = ("time/projects", "expenses/projects")


def begun(
    sums: LocalTotals,
    months: Sequence[Window],
    reports: Iterable[str],
    known: Sequence[Compared],
    now: datetime,
    *,
    is_whole: bool,
    is_by_month: bool,
    is_probing: bool,
) -> Comparison:
    """Start a comparison, or resume an interrupted one.

    Args:
        sums: local totals.
        months: days to compare, as months, oldest first.
        reports: paths of the reports to request.
        known: windows compared by earlier runs.
        now: server time.
        is_whole: whether the whole history is loaded.
        is_by_month: whether to request each month that has not yet agreed on its own; else windows of about a year.
        is_probing: whether to also check the year before the first month.
    """
    reports, by_day = tuple(reports), tuple(report for report in reports if report != BUDGET)
    prints = prints_of(sums, by_day, months)
    resumed = {
        one.call: replace(one, is_agreed=False)
        for one in known
        if one.call.report in by_day
        and not one.is_finished
        and now - one.compared_at < timedelta(hours=_RESUME_HOURS)
        and _fits(one.call, months)
        and one.fingerprint == print_of(sums, one.call)
    }
    enough = proven(known, prints) | {call for call, found in prints.items() if not found}
    if not is_by_month:
        enough = frozenset(prints) - _known_to_differ(known, months)
    covered = {report: {month for month in months if ReportCall(report, month) in enough} for report in by_day}
    wanted = planned(months, covered, list(resumed))
    if BUDGET in reports:
        wanted = [ReportCall(BUDGET, Window(now.date(), now.date())), *wanted]
    if is_probing and months:
        before = probe_before(months[0].first)
        wanted += [ReportCall(report, before) for report in _PROBED if report in by_day]
    return Comparison(sums, tuple(months), by_day, tuple(known), tuple(wanted), prints, is_whole, is_by_month).resuming(
        resumed
    )


def _fits(call: ReportCall, months: Sequence[Window]) -> bool:
    """True if a window of an interrupted run can be reused; the newest uninvoiced one cannot, as it includes all-time fees."""
    firsts, lasts = {month.first for month in months}, {month.last for month in months}
    is_of_days = call.report != UNINVOICED or call.window.last != months[-1].last
    return call.window.first in firsts and call.window.last in lasts and is_of_days


def _known_to_differ(known: Iterable[Compared], months: Iterable[Window]) -> frozenset[ReportCall]:
    """Months that differed on their own: in a year's total, differences of two months could cancel out."""
    wrong = [one.call for one in known if one.is_month and not one.is_agreed]
    return frozenset(
        ReportCall(call.report, month)
        for month in months
        for call in wrong
        if month.first <= call.window.last and call.window.first <= month.last
    )
