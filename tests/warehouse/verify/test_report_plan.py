"""Which reports are asked for which days, and what is read again where they differ."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest_warehouse.verify.repairs import repairs
from harvest_warehouse.verify.report_plan import (
    ReportCall,
    Window,
    is_covered,
    minutes_for,
    months_of,
    planned,
    probe_before,
    spans_over,
    unfound,
    whole,
)
from harvest_warehouse.verify.verdicts import Figure, Judged

TODAY = date(2026, 3, 16)
days = st.dates(min_value=date(2015, 1, 1), max_value=date(2027, 12, 31))


@given(days, days)
def test_months_follow_each_other_without_a_gap_and_none_begins_in_the_future(first: date, last: date) -> None:
    months = months_of(first, last, TODAY)
    for earlier, later in itertools.pairwise(months):
        assert later.first == earlier.last + timedelta(days=1)
        assert later.first.day == 1
    assert all(month.first <= month.last and month.first <= TODAY for month in months)
    assert all((month.last - month.first).days < 365 for month in months)
    if months:
        assert months[0].first == first
        assert months[-1].last == last or months[-1].last == months[-1].first + timedelta(days=364)
    else:
        assert last < first or first > TODAY


def test_what_is_dated_in_the_future_belongs_to_the_window_of_today() -> None:
    assert months_of(date(2026, 2, 10), date(2026, 5, 2), TODAY) == (
        Window(date(2026, 2, 10), date(2026, 2, 28)),
        Window(date(2026, 3, 1), date(2026, 5, 2)),
    )


@given(st.sets(st.integers(0, 130)))
def test_spans_hold_every_month_and_never_more_than_365_days(chosen: set[int]) -> None:
    months = months_of(date(2015, 1, 1), date(2026, 3, 1), TODAY)
    wanted = [months[number] for number in chosen]
    spans = spans_over(wanted)
    assert all((span.last - span.first).days + 1 <= 365 for span in spans)
    assert all(any(span.holds(month) for span in spans) for month in wanted)


def test_a_year_with_a_leap_day_takes_a_span_of_eleven_months_and_one_of_one() -> None:
    spans = spans_over(months_of(date(2024, 1, 1), date(2024, 12, 31), TODAY))
    assert spans == [Window(date(2024, 2, 1), date(2024, 12, 31)), Window(date(2024, 1, 1), date(2024, 1, 31))]


def test_quiet_months_share_a_span_and_the_newest_are_asked_first() -> None:
    months = months_of(date(2025, 11, 1), date(2026, 2, 28), TODAY)
    november, december, january, february = months
    assert planned(months, {"time/team": {november, december}}) == [
        ReportCall("time/team", february),
        ReportCall("time/team", january),
        ReportCall("time/team", Window(november.first, december.last)),
    ]


def test_what_an_interrupted_run_asked_is_not_asked_again() -> None:
    months = months_of(date(2025, 11, 1), date(2026, 2, 28), TODAY)
    november, december, january, february = months
    done = [ReportCall("time/team", february), ReportCall("time/team", Window(november.first, december.last))]
    assert planned(months, {"time/team": {november}}, done) == [
        ReportCall("time/team", january),
        # Inside the longer window, but not for itself.
        ReportCall("time/team", december),
    ]


def test_the_probe_ends_the_day_before_and_is_a_year_long() -> None:
    probe = probe_before(date(2025, 3, 1))
    assert (probe.first, probe.last) == (date(2024, 3, 1), date(2025, 2, 28))
    assert (probe.last - probe.first).days + 1 == 365


MONTHS = months_of(date(2025, 4, 1), date(2026, 3, 15), TODAY)


@given(st.sets(st.integers(0, 11), min_size=1))
def test_the_months_that_differ_are_found_with_few_reports_where_they_are_few(wrong: set[int]) -> None:
    differing = {MONTHS[number] for number in wrong}
    asked: dict[Window, bool] = {}
    while windows := unfound(MONTHS, asked):
        assert not asked.keys() & set(windows)
        asked |= {window: any(window.holds(month) for month in differing) for window in windows}
    assert {window for window, differs in asked.items() if differs and window in MONTHS} == differing
    # Each month is in a window that was asked: what is known of all twelve is of today.
    assert all(any(window.holds(month) for window in asked) for month in MONTHS)
    # Twelve months are halved four times at most, and each half is asked once.
    assert len(asked) <= 8 * len(differing)


def test_one_month_of_twelve_is_found_by_halves_and_the_older_half_is_asked_only_where_it_must() -> None:
    asked: dict[Window, bool] = {}
    order = []
    while windows := unfound(MONTHS, asked):
        order += windows
        asked |= {window: window.holds(MONTHS[1]) for window in windows}
    # May: the newer half, the newer part of the older one, two of the three that are left. These differ, so April may, too.
    assert order == [whole(MONTHS[6:]), whole(MONTHS[3:6]), whole(MONTHS[1:3]), MONTHS[2], MONTHS[0], MONTHS[1]]


def test_days_are_covered_by_windows_that_meet_or_overlap_and_by_none_with_a_gap() -> None:
    december, january, february = (
        Window(date(2025, 12, 1), date(2025, 12, 31)),
        JANUARY,
        Window(date(2026, 2, 1), date(2026, 2, 28)),
    )
    winter = whole((december, january, february))
    assert is_covered(winter, [february, december, january])
    assert is_covered(
        winter, [Window(date(2025, 11, 1), date(2026, 1, 10)), Window(date(2026, 1, 5), date(2026, 3, 1))]
    )
    assert not is_covered(winter, [december, february])
    assert not is_covered(winter, [december, january])
    assert not is_covered(january, [])


def test_two_years_take_at_most_25_reports_whatever_day_it_is() -> None:
    """Seven reports for each window, the budgets, and two for the year before: the longest two years have a leap day."""
    for number in range(4 * 366):
        today = date(2023, 1, 1) + timedelta(days=number)
        months = months_of(today - timedelta(days=730), today, today)
        reports = {name: set(months) for name in ("1", "2", "3", "4", "5", "6", "7")}
        calls = planned(months, reports)
        assert len(calls) + 1 + 2 <= 25
        assert all((call.window.last - call.window.first).days < 365 for call in calls)
        assert all(is_covered(month, [call.window for call in calls if call.report == "1"]) for month in months)


@pytest.mark.parametrize(("calls", "minutes"), [(0, 0), (100, 0), (101, 15), (200, 15), (841, 120)])
def test_a_hundred_reports_go_at_once_and_each_further_hundred_waits_a_quarter_of_an_hour(
    calls: int, minutes: int
) -> None:
    assert minutes_for(calls, 100) == minutes
    assert minutes_for(calls, 0) == 0


JANUARY = Window(date(2026, 1, 1), date(2026, 1, 31))
YEAR = Window(date(2025, 1, 1), date(2025, 12, 31))


def wrong(report: str, measure: str, window: Window = JANUARY, subject_id: int = 7, **facts: object) -> Judged:
    values = {"": Decimal(1)}
    figure = Figure(report, window.first, window.last, subject_id, "x", "EUR", measure, values, Decimal(2), **facts)  # type: ignore[arg-type]
    return Judged(figure, "mismatch", Decimal(1))


IN_JANUARY = {"from": "2026-01-01", "to": "2026-01-31"}
SHORT_LISTS = {"clients": [{}], "projects": [{}]}


def test_a_month_that_differs_is_read_again_once_whatever_reports_say_so() -> None:
    again = repairs([wrong("time/projects", "total_hours"), wrong("time/team", "total_hours", subject_id=9)])
    assert again == {"time_entries": [IN_JANUARY], **SHORT_LISTS}


def test_of_a_longer_window_only_the_project_is_read_again() -> None:
    again = repairs([wrong("time/projects", "total_hours", YEAR)])
    assert again["time_entries"] == [{"from": "2025-01-01", "to": "2025-12-31", "project_id": 7}]


def test_expenses_and_time_are_read_again_where_either_may_be_why_the_uninvoiced_amount_differs() -> None:
    assert repairs([wrong("expenses/team", "total_amount")]) == {"expenses": [IN_JANUARY], **SHORT_LISTS}
    again = repairs([wrong("uninvoiced", "uninvoiced_amount")])
    assert again == {"time_entries": [IN_JANUARY], "expenses": [IN_JANUARY], **SHORT_LISTS}


def test_a_fee_is_read_again_with_the_invoices_and_no_days() -> None:
    again = repairs([wrong("uninvoiced", "uninvoiced_amount", is_of_window=False)])
    assert again == {**SHORT_LISTS, "invoices": [{}]}


def test_a_budget_that_differs_alone_has_its_project_and_the_assignments_read_again() -> None:
    budget = wrong("project_budget", "budget_spent", is_of_window=False)
    assignments = {"task_assignments": [{}], "user_assignments": [{}]}
    project = {"project_id": 7}
    assert repairs([budget]) == {"time_entries": [project], "expenses": [project], **SHORT_LISTS, **assignments}
    # Where days of the project differ, they are why.
    again = repairs([budget, wrong("time/projects", "total_hours")])
    assert again == {"time_entries": [IN_JANUARY], **SHORT_LISTS, **assignments}


def test_another_rounding_rule_has_every_window_read_again_and_nothing_twice() -> None:
    months = months_of(date(2025, 12, 1), date(2026, 1, 31), TODAY)
    again = repairs([wrong("time/projects", "total_hours")], months)
    assert again["time_entries"] == [{"from": "2025-12-01", "to": "2025-12-31"}, IN_JANUARY]


def test_what_agrees_or_cannot_be_compared_has_nothing_read_again() -> None:
    agreed = wrong("time/projects", "total_hours")
    for verdict in ("exact", "tie", "not_provable"):
        assert repairs([Judged(agreed.figure, verdict, Decimal(1))]) == {}  # type: ignore[arg-type]
