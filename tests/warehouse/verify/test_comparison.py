"""What is asked next, what stands in the end, and what takes the place of what: one project, and its hours by month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from harvest_warehouse.verify.comparison import Comparison, Touched
from harvest_warehouse.verify.comparison_plan import begun
from harvest_warehouse.verify.figures import fingerprint
from harvest_warehouse.verify.harvest_reports import BUDGET, TheirRow
from harvest_warehouse.verify.local_totals import LocalTotals, Part
from harvest_warehouse.verify.report_plan import ReportCall, Window, months_of, whole
from harvest_warehouse.verify.report_reader import Answers, Reading
from harvest_warehouse.verify.results import Compared, outdated
from harvest_warehouse.verify.verdicts import MEANWHILE

NOW = datetime(2026, 3, 16, 9, tzinfo=UTC)
TIME = "time/projects"
MONTHS = months_of(date(2025, 4, 1), date(2026, 3, 15), NOW.date())
YEAR = ReportCall(TIME, whole(MONTHS))

Hours = Mapping[int, int]
"""By number of the month, from 0 for April 2025."""


def month(number: int) -> ReportCall:
    return ReportCall(TIME, MONTHS[number])


def ours(hours: Hours) -> LocalTotals:
    names = ("billable_hours", "money", "money_each")
    parts = tuple(
        Part(
            1, "Site", "EUR", MONTHS[number].first, False, {"hours": Decimal(count)} | dict.fromkeys(names, Decimal(0))
        )
        for number, count in hours.items()
    )
    return LocalTotals({TIME: parts}, {}, {})


def begin(hours: Hours, known: Sequence[Compared] = (), *, is_by_month: bool = False) -> Comparison:
    return begun(ours(hours), MONTHS, [TIME], known, NOW, is_whole=True, is_by_month=is_by_month, is_probing=False)


def answered(comparison: Comparison, theirs: Hours, calls: Sequence[ReportCall]) -> Comparison:
    """Harvest's answers, worked out from its hours by month."""
    readings = {}
    for call in calls:
        total = sum(count for number, count in theirs.items() if call.window.holds(MONTHS[number]))
        values = {"total_hours": Decimal(total), "billable_hours": Decimal(0), "billable_amount": Decimal(0)}
        rows = (TheirRow(1, "Site", "EUR", values),) if total else ()
        readings[call] = Reading(rows, NOW, 1)
    return comparison.with_answers(Answers(readings, {}, frozenset()))


def ended(comparison: Comparison, theirs: Hours) -> tuple[Comparison, list[ReportCall]]:
    """The comparison when nothing is left to ask, and what was asked."""
    asked: list[ReportCall] = []
    while calls := comparison.unasked or comparison.narrower:
        asked += calls
        comparison = answered(comparison, theirs, calls)
    return comparison, asked


def verdicts(comparison: Comparison) -> dict[ReportCall, str]:
    return {
        ReportCall(one.figure.report, Window(one.figure.first, one.figure.last)): one.verdict
        for one in comparison.judged
        if one.figure.measure == "total_hours"
    }


def earlier(call: ReportCall, hours: Hours, *, is_agreed: bool = True, is_finished: bool = True) -> Compared:
    is_month = call.window in MONTHS
    print_ = fingerprint(ours(hours), call.report, call.window)
    return Compared(call, is_month, print_, NOW, is_agreed=is_agreed, is_finished=is_finished)


def test_a_year_that_agrees_takes_one_report_and_says_that_its_months_were_not_compared_alone() -> None:
    comparison, asked = ended(begin({0: 5, 11: 7}), {0: 5, 11: 7})
    assert asked == [YEAR]
    assert verdicts(comparison) == {YEAR: "exact"}
    assert comparison.months_not_alone == 2


def test_a_year_that_differs_is_told_by_its_month_and_by_what_agrees() -> None:
    comparison, asked = ended(begin({0: 5, 1: 3, 11: 7}), {0: 5, 1: 4, 11: 7})
    assert YEAR not in verdicts(comparison)
    assert {call for call, verdict in verdicts(comparison).items() if verdict != "exact"} == {month(1)}
    assert len(asked) == 7
    assert {one.call for one in comparison.finished} == set(asked) - {YEAR, ReportCall(TIME, whole(MONTHS[1:3]))}


def test_two_months_that_make_up_for_each_other_are_seen_once_one_of_them_is_known() -> None:
    mine, theirs = {0: 5, 1: 3}, {0: 4, 1: 4}
    assert set(verdicts(ended(begin(mine), theirs)[0]).values()) == {"exact"}
    comparison, asked = ended(begin(mine, [earlier(month(1), mine, is_agreed=False)]), theirs)
    assert asked == [ReportCall(TIME, whole(MONTHS)), month(1)]
    assert verdicts(comparison) == {YEAR: "exact", month(1): "mismatch"}


def test_by_month_a_month_is_asked_until_it_has_agreed_by_itself() -> None:
    hours = {0: 5, 1: 3, 11: 7}
    # December never agreed, and our hours of April are others since.
    known = [earlier(month(0), {0: 6}), earlier(month(1), hours)]
    comparison = begin(hours, known, is_by_month=True)
    assert set(comparison.unasked) == {month(0), month(11), ReportCall(TIME, whole(MONTHS[1:11]))}
    assert comparison.proven == {month(1)}
    assert ended(comparison, hours)[0].months_not_alone == 0


def test_what_our_tables_say_another_thing_about_is_asked_again_and_nothing_else() -> None:
    hours = {0: 5, 11: 7}
    comparison, _ = ended(begin(hours, is_by_month=True), hours)
    assert comparison.with_sums(ours(hours)).unasked == []
    now = {0: 5, 3: 2, 11: 8}
    changed = comparison.with_sums(ours(now))
    # July had no work before: it was in the window over the empty months.
    assert set(changed.unasked) == {month(3), month(11), ReportCall(TIME, whole(MONTHS[1:11]))}
    settled, _ = ended(changed, now)
    assert set(verdicts(settled).values()) == {"exact"}


def test_what_changes_again_and_again_is_not_proven_and_no_difference() -> None:
    hours = {0: 5, 11: 7}
    comparison, _ = ended(begin(hours, is_by_month=True), hours)
    changed = comparison.unsettled_by(ours({0: 6, 11: 7}))
    assert verdicts(changed) == {month(0): "not_provable", month(11): "exact"}
    assert {one.reason for one in changed.judged if one.verdict == "not_provable"} == {MEANWHILE}


def test_a_year_is_told_by_its_months_also_where_their_difference_is_excused() -> None:
    comparison, _ = ended(begin({0: 5, 1: 3}), {0: 5, 1: 4})
    touched = comparison.with_touched([Touched(MONTHS[1].first, frozenset({1}))])
    assert YEAR not in verdicts(touched)
    assert verdicts(touched)[month(1)] == "not_provable"


def test_after_a_repair_what_differed_is_asked_again_and_the_year_that_it_is_in() -> None:
    comparison, _ = ended(begin({0: 5, 1: 3}), {0: 5, 1: 4})
    again = comparison.again().with_sums(ours({0: 5, 1: 4}))
    assert set(again.unasked) == {YEAR, month(1)}
    assert set(verdicts(ended(again, {0: 5, 1: 4})[0]).values()) == {"exact"}


def test_what_an_interrupted_run_has_just_asked_is_taken_over_while_our_figures_stay() -> None:
    halves = [ReportCall(TIME, whole(months)) for months in (MONTHS[:6], MONTHS[6:])]
    known = [earlier(half, {0: 5, 11: 7}, is_finished=False) for half in halves]
    assert begin({0: 5, 11: 7}, known).unasked == []
    assert begin({0: 5, 11: 8}, known).unasked == [halves[1]]
    old = [replace(one, compared_at=datetime(2026, 3, 16, 2, tzinfo=UTC)) for one in known]
    assert begin({0: 5, 11: 7}, old).unasked == [YEAR]


def test_what_was_compared_takes_the_place_of_what_lies_in_it_but_for_months_that_hold() -> None:
    last_year = ReportCall(TIME, Window(date(2024, 4, 1), date(2025, 3, 31)))
    half, other_report = ReportCall(TIME, whole(MONTHS[2:8])), ReportCall("time/team", MONTHS[3])
    known = [YEAR, last_year, half, month(2), month(3), other_report, ReportCall(BUDGET, MONTHS[0])]
    assert outdated(known, {YEAR}, {YEAR}, {month(2)}) == [YEAR, half, month(3)]
    # Windows of this run that are written already stay, and what reaches further than all that was asked.
    assert outdated(known, {month(5)}, {month(5), half}, {half}) == [month(2), month(3)]
    assert outdated(known, set(), {ReportCall(BUDGET, MONTHS[11])}, set()) == [ReportCall(BUDGET, MONTHS[0])]
