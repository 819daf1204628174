"""Verdicts and conventions, on figures made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest_warehouse.verify.verdicts import Figure, Judged, Verdict, compare, is_rounding_changed, judge, rounded

CENT = Decimal("0.01")
amounts = st.decimals(min_value=-10_000, max_value=10_000, places=4)


def money(subject_id: int, theirs: str, total: str, each: str, **facts: object) -> Figure:
    """A billable amount, with ours rounded once and rounded entry by entry."""
    values = {"per total": Decimal(total), "per entry": Decimal(each)}
    return figure(subject_id, "billable_amount", theirs, values, family="money", **facts)


def hours(subject_id: int, theirs: str, ours: str, **facts: object) -> Figure:
    return figure(subject_id, "total_hours", theirs, {"": Decimal(ours)}, **facts)


def figure(subject_id: int, measure: str, theirs: str, ours: Mapping[str, Decimal], **facts: object) -> Figure:
    first, last = date(2026, 1, 1), date(2026, 1, 31)
    named = f"Project {subject_id}"
    return Figure("time/projects", first, last, subject_id, named, "EUR", measure, ours, Decimal(theirs), **facts)  # type: ignore[arg-type]


def verdicts(*figures: Figure) -> list[Verdict]:
    return [one.verdict for one in judge(figures)[0]]


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        ("10", "10", "exact"),
        ("10.004", "10.0", "exact"),
        ("10.005", "10.01", "exact"),
        ("10.005", "10.00", "tie"),
        ("-10.005", "-10.01", "exact"),
        ("-10.005", "-10.00", "tie"),
        ("10.0050009", "10.00", "tie"),
        ("10.005001", "10.00", "mismatch"),
        ("10.0052", "10.00", "mismatch"),
        ("10.005", "10.02", "mismatch"),
        ("10.005", "9.99", "mismatch"),
        ("10.00", "10.01", "mismatch"),
        ("0.30", "0.30000000000000004", "exact"),
        ("0.30", "0.303", "mismatch"),
    ],
)
def test_a_half_cent_may_go_either_way_and_nothing_else_may(ours: str, theirs: str, verdict: Verdict) -> None:
    assert compare(Decimal(ours), Decimal(theirs)) == verdict


@given(amounts)
def test_an_exact_sum_agrees_with_its_rounding_by_either_rule_and_with_no_other_cent(ours: Decimal) -> None:
    shown = {ours.quantize(CENT, ROUND_HALF_UP), ours.quantize(CENT, ROUND_HALF_EVEN)}
    near = {rounded(ours) + CENT * step for step in (-2, -1, 0, 1, 2)}
    assert {theirs for theirs in near if compare(ours, theirs) != "mismatch"} >= shown
    for theirs in near - shown:
        is_other_side_of_a_half = abs(theirs - ours) == Decimal("0.005")
        assert (compare(ours, theirs) != "mismatch") == is_other_side_of_a_half


def test_money_rounded_once_is_found_where_it_fits_all_figures() -> None:
    figures = [money(n, f"{n}.01", f"{n}.006", f"{n}.03") for n in range(1, 6)]
    judged, (convention,) = judge(figures)
    assert [one.verdict for one in judged] == ["exact"] * 5
    assert (convention.accepted, convention.telling) == ("per total", 5)
    assert convention.fitting == {"per total": 5, "per entry": 0}


def test_money_rounded_entry_by_entry_is_found_where_it_fits_all_figures() -> None:
    figures = [money(n, f"{n}.03", f"{n}.006", f"{n}.03") for n in range(1, 6)]
    judged, (convention,) = judge(figures)
    assert [(one.verdict, one.convention) for one in judged] == [("exact", "per entry")] * 5
    assert convention.accepted == "per entry"


def test_a_convention_is_never_chosen_figure_by_figure() -> None:
    once = [money(n, f"{n}.01", f"{n}.006", f"{n}.03") for n in range(1, 6)]
    each = [money(n, f"{n}.03", f"{n}.006", f"{n}.03") for n in range(6, 9)]
    judged, (convention,) = judge([*once, *each])
    assert convention.accepted is None
    assert convention.fitting == {"per total": 5, "per entry": 3}
    assert [one.verdict for one in judged] == ["unresolved"] * 8


def test_where_no_convention_is_found_figures_on_which_all_agree_are_exact_still() -> None:
    split = [money(1, "1.01", "1.006", "1.03"), money(2, "2.03", "2.006", "2.03")]
    assert verdicts(*split, money(3, "5.00", "5", "5"))[-1] == "exact"


def test_a_restated_rate_is_a_mismatch_and_leaves_the_convention_found() -> None:
    right = [money(n, f"{n}.01", f"{n}.006", f"{n}.03") for n in range(1, 6)]
    judged, (convention,) = judge([*right, money(6, "99.00", "6.006", "6.03")])
    assert convention.accepted == "per total"
    assert judged[-1].verdict == "mismatch"
    assert judged[-1].ours == Decimal("6.01")


def test_rows_whose_hours_differ_say_nothing_about_conventions() -> None:
    right = [money(n, f"{n}.01", f"{n}.006", f"{n}.03") for n in range(1, 4)]
    # By chance, what is wrong here looks like the other convention.
    astray = [hours(9, "8.00", "7.00"), money(9, "9.03", "9.006", "9.03")]
    judged, conventions = judge([*right, *astray])
    assert conventions[0].accepted == "per total"
    assert [one.verdict for one in judged[-2:]] == ["mismatch", "mismatch"]


def test_what_neither_convention_explains_in_most_figures_is_unresolved() -> None:
    right = money(1, "1.01", "1.006", "1.03")
    unknown = [money(n, f"{n}.77", f"{n}.006", f"{n}.03") for n in range(2, 5)]
    assert verdicts(right, *unknown) == ["unresolved"] * 4


def test_one_project_alone_does_not_speak_for_another_convention_than_the_documented_one() -> None:
    alone = money(1, "1.03", "1.006", "1.03")
    again = money(1, "1.03", "1.006", "1.03", is_of_window=False)
    assert verdicts(alone, again) == ["unresolved", "unresolved"]
    assert verdicts(alone, money(2, "2.03", "2.006", "2.03")) == ["exact", "exact"]


def test_without_a_figure_that_tells_the_documented_convention_holds() -> None:
    judged, (convention,) = judge([money(1, "2.00", "2", "2"), money(2, "2.01", "2", "2")])
    assert (convention.accepted, convention.telling) == ("per total", 0)
    assert [one.verdict for one in judged] == ["exact", "mismatch"]


def test_a_row_that_one_side_lacks_is_missing_there_or_here_unless_it_is_zero() -> None:
    assert verdicts(
        hours(1, "0", "7", is_there=False),
        hours(2, "7", "0", is_here=False),
        hours(3, "0", "0", is_there=False),
        hours(4, "0", "0", is_here=False),
    ) == ["missing_there", "missing_here", "exact", "exact"]


def test_a_running_timer_that_grew_meanwhile_is_not_provable_and_no_mismatch() -> None:
    figures = [hours(1, "2.10", "2.00", moving="a timer runs"), hours(2, "2.00", "2.00", moving="a timer runs")]
    judged, _ = judge(figures)
    assert [one.verdict for one in judged] == ["not_provable", "exact"]
    assert judged[0].reason


def test_money_that_is_hidden_is_not_provable_with_the_reason() -> None:
    (judged,), _ = judge([hours(1, "0", "7", unprovable="no money")])
    assert (judged.verdict, judged.reason) == ("not_provable", "no money")


@pytest.mark.parametrize(("wrong", "is_changed"), [(5, False), (6, True), (10, True), (0, False)])
def test_more_than_half_of_all_rows_with_other_hours_are_another_rounding_rule(wrong: int, is_changed: bool) -> None:
    figures = [hours(n, "2.00", "1.75" if n < wrong else "2.00") for n in range(10)]
    assert is_rounding_changed(judge(figures)[0]) is is_changed


@given(st.lists(st.tuples(amounts, amounts, st.booleans()), min_size=1, max_size=30))
def test_no_figure_agrees_that_differs_by_more_than_a_cent_from_the_one_accepted_reading(
    rows: list[tuple[Decimal, Decimal, bool]],
) -> None:
    figures = [
        money(n, str(rounded(total if is_total else each)), str(total), str(each))
        for n, (total, each, is_total) in enumerate(rows)
    ]
    judged, (convention,) = judge(figures)
    for one in judged:
        if one.verdict in ("exact", "tie") and convention.accepted:
            assert abs(one.figure.ours[convention.accepted] - one.figure.theirs) <= CENT
        if one.verdict in ("exact", "tie") and convention.accepted is None:
            assert _fits_all(one)


def _fits_all(judged: Judged) -> bool:
    return all(abs(value - judged.figure.theirs) <= CENT for value in judged.figure.ours.values())
