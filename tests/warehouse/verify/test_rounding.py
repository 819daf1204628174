"""The rule by which an account rounds hours, found out from its entries; what no rule explains is told."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest_simulator.account.arithmetic import Rounding as Simulated
from harvest_warehouse.verify.rounding import Pair, Rounding, found_out

# Hours as people write and timers count them.
WORKED = [(n * 37) % 900 + 1 for n in range(400)]


def pairs(*entries: tuple[str | Decimal, str | Decimal]) -> list[Pair]:
    counted = Counter((Decimal(hours), Decimal(rounded)) for hours, rounded in entries)
    return [Pair(hours, rounded, count) for (hours, rounded), count in counted.items()]


def rounded_by(rule: Simulated, hundredths: list[int]) -> list[tuple[Decimal, Decimal]]:
    """By the simulator's own arithmetic, which counts in whole numbers."""
    return [(Decimal(hours) / 100, Decimal(rule.apply(hours)) / 100) for hours in hundredths]


def words(found: Rounding) -> list[str]:
    return [str(rule) for rule, _ in found.rules]


@pytest.mark.parametrize(
    ("mode", "minutes", "said"),
    [
        ("nearest", 0, "not rounded"),
        ("nearest", 6, "rounded to the nearest 6 minutes"),
        ("nearest", 15, "rounded to the nearest 15 minutes"),
        ("nearest", 30, "rounded to the nearest 30 minutes"),
        ("up", 6, "rounded up to 6 minutes"),
        ("up", 15, "rounded up to 15 minutes"),
        ("up", 30, "rounded up to 30 minutes"),
        ("down", 15, "rounded down to 15 minutes"),
        ("up", 5, "rounded up to 5 minutes"),
    ],
)
def test_the_rule_is_found_and_explains_every_entry(mode: Any, minutes: int, said: str) -> None:
    found = found_out(pairs(*rounded_by(Simulated(mode, minutes), WORKED)))
    assert words(found) == [said]
    assert (found.unlike, found.entries, found.step_minutes) == ((), 400, minutes)


@pytest.mark.parametrize("minutes", [0, 6, 15, 30])
def test_an_hour_too_many_and_two_that_were_exchanged_are_unlike_any_rule(minutes: int) -> None:
    entries = rounded_by(Simulated("up", minutes), WORKED)
    (first, one), (second, other) = entries[3], entries[11]
    assert abs(first - second) > 1
    entries[3], entries[11] = (second, one), (first, other)
    entries[5] = (entries[5][0] + 1, entries[5][1])
    found = found_out(pairs(*entries))
    assert len(found.rules) == 1
    assert {(pair.hours, pair.rounded) for pair in found.unlike} == {entries[3], entries[11], entries[5]}


def test_what_is_exchanged_within_a_step_cannot_be_told() -> None:
    entries = rounded_by(Simulated("up", 15), [*WORKED, 126, 148])
    entries[-2:] = [(Decimal("1.48"), Decimal("1.5")), (Decimal("1.26"), Decimal("1.5"))]
    found = found_out(pairs(*entries))
    assert found.unlike == ()
    assert found.step_minutes == 15


def test_one_entry_makes_no_rule_that_leaves_another_unexplained() -> None:
    # Quarters of an hour say nothing; that 0.30 is 0.50 could be "up to 15 minutes", or wrong.
    quarters = [(Decimal(n) / 4, Decimal(n) / 4) for n in range(1, 30)]
    wrong = ("9.00", "8.00")
    found = found_out(pairs(*quarters, ("0.30", "0.50"), wrong))
    assert words(found) == ["not rounded"]
    assert [pair.hours for pair in found.unlike] == [Decimal("0.30"), Decimal("9.00")]
    # It may be the only entry of a valid account that shows the rule.
    alone = found_out(pairs(*quarters, ("0.30", "0.50")))
    assert (words(alone), alone.unlike) == (["rounded up to 15 minutes"], ())
    two = found_out(pairs(*quarters, ("0.30", "0.50"), ("1.10", "1.25"), wrong))
    assert (words(two), [pair.hours for pair in two.unlike]) == (["rounded up to 15 minutes"], [Decimal("9.00")])


def test_entries_of_two_rules_are_no_false_alarm_and_an_hour_too_many_among_them_is_found() -> None:
    entries = [*rounded_by(Simulated("up", 6), WORKED), *rounded_by(Simulated("nearest", 15), WORKED[:80])]
    assert found_out(pairs(*entries)).unlike == ()
    assert len(found_out(pairs(*entries)).rules) > 1
    found = found_out(pairs(*entries, ("4.00", "3.00")))
    assert [(pair.hours, pair.rounded) for pair in found.unlike] == [(Decimal("4.00"), Decimal("3.00"))]


def test_half_a_hundredth_that_is_not_shown_is_no_difference() -> None:
    # 2 minutes and 50 seconds are 0.047 of an hour, shown as 0.05: nearer to 0 than to 6 minutes.
    found = found_out(pairs(*rounded_by(Simulated("nearest", 6), WORKED), ("0.05", "0.0"), ("0.05", "0.1")))
    assert found.unlike == ()
    # A minute is 0.0167, and rounded up it is a step more than the 0.02 that is shown says.
    assert found_out(pairs(*rounded_by(Simulated("up", 6), WORKED), ("1.00", "1.1"))).unlike == ()


def test_without_entries_nothing_is_found() -> None:
    assert found_out([]) == Rounding()


@given(
    st.lists(st.integers(min_value=0, max_value=2_400), max_size=40),
    st.sampled_from(["nearest", "up", "down"]),
    st.sampled_from([0, 6, 15, 30]),
)
def test_no_entry_of_a_valid_account_of_any_size_is_taken_for_wrong(
    hundredths: list[int], mode: Any, minutes: int
) -> None:
    assert found_out(pairs(*rounded_by(Simulated(mode, minutes), hundredths))).unlike == ()
