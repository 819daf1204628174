"""Report plan: which of Harvest's reports to request for which windows of days. Pure."""

from __future__ import annotations

import calendar
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from harvest_time_tracking.http.protocol import WINDOW_SECONDS

# Both ends inclusive: https://help.getharvest.com/api-v2/reports-api/reports/time-reports/
LONGEST_DAYS = 365
_WINDOW_MINUTES = round(WINDOW_SECONDS["reports"] / 60)


@dataclass(frozen=True, order=True)
class Window:
    """Range of days, both ends inclusive."""

    first: date
    last: date

    def holds(self, other: Window) -> bool:
        """True if the other window lies entirely in this one."""
        return self.first <= other.first and other.last <= self.last


@dataclass(frozen=True)
class ReportCall:
    """Request of one report for one window."""

    report: str
    window: Window


def months_of(first: date, last: date, today: date) -> tuple[Window, ...]:
    """Split a range of days into calendar months, oldest first.

    The last window, from the month of `today`, includes later days, since Harvest refuses windows that begin in the future.
    """
    found: list[Window] = []
    while first <= last:
        end = first.replace(day=calendar.monthrange(first.year, first.month)[1])
        if end >= today:
            end = min(last, first + timedelta(days=LONGEST_DAYS - 1))
            return (*found, Window(first, end)) if first <= today else tuple(found)
        found.append(Window(first, min(end, last)))
        first = end + timedelta(days=1)
    return tuple(found)


def spans_over(months: Iterable[Window]) -> list[Window]:
    """Fewest windows of at most 365 days that cover all these months, newest first."""
    left = sorted(months, reverse=True)
    spans = []
    while left:
        last = left[0].last
        inside = [month for month in left if (last - month.first).days < LONGEST_DAYS]
        spans.append(Window(inside[-1].first, last))
        left = left[len(inside) :]
    return spans


def planned(
    months: Sequence[Window],
    covered: Mapping[str, Collection[Window]],
    done: Collection[ReportCall] = (),
) -> list[ReportCall]:
    """Report calls of a run, newest window first.

    Args:
        months: months to compare.
        covered: months, by report, that may be compared as part of a longer window.
        done: calls that an interrupted run has made; the months that they cover need no other.
    """
    calls = []
    for report, quiet in covered.items():
        answered = [call.window for call in done if call.report == report]
        left = [month for month in months if month in quiet and not any(window.holds(month) for window in answered)]
        calls += [ReportCall(report, span) for span in spans_over(left)]
        calls += [ReportCall(report, month) for month in months if month not in quiet and month not in answered]
    return newest_first(calls)


def newest_first(calls: Iterable[ReportCall]) -> list[ReportCall]:
    """Sort calls by window, newest first, where changes are most likely."""
    return sorted(calls, key=lambda call: (call.window.last, call.window.first), reverse=True)


def probe_before(first: date) -> Window:
    """Window of the year before the first day, to check whether the oldest rows are missing."""
    return Window(first - timedelta(days=LONGEST_DAYS), first - timedelta(days=1))


def unfound(months: Sequence[Window], differs: Mapping[Window, bool]) -> list[Window]:
    """Bisect months of which at least one differs: windows to request next; none when all that differ are known.

    The newer half is requested first. If it agrees, the older half must differ, and is not itself requested.

    Args:
        months: consecutive months, oldest first.
        differs: windows requested so far, and whether they differ.
    """
    if len(months) == 1:
        return [] if months[0] in differs else [months[0]]
    middle = len(months) // 2
    older, newer = months[:middle], months[middle:]
    if whole(newer) not in differs:
        return [whole(newer)]
    if not differs[whole(newer)]:
        return unfound(older, differs)
    if whole(older) not in differs:
        return [*unfound(newer, differs), whole(older)]
    return unfound(newer, differs) + (unfound(older, differs) if differs[whole(older)] else [])


def whole(months: Sequence[Window]) -> Window:
    """Window from the first of these months to the last."""
    return Window(months[0].first, months[-1].last)


def is_covered(window: Window, others: Iterable[Window]) -> bool:
    """True if every day of a window is in one of the others."""
    day = window.first
    for other in sorted(others):
        if other.first <= day <= other.last:
            day = other.last + timedelta(days=1)
    return day > window.last


def minutes_for(calls: int, per_15_minutes: int) -> int:
    """Minutes that the rate limit alone makes this many calls take; 0 without a limit. The first batch is sent at once."""
    return (max(calls, 1) - 1) // per_15_minutes * _WINDOW_MINUTES if per_15_minutes else 0
