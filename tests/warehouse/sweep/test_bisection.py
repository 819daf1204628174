"""The search from counts to windows: every difference is in a window that it names, and it is cheap."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from harvest_warehouse.sweep.bisection import DayRange, differing_windows, is_cheaper_to_read

START = date(2018, 1, 1)
DAYS = 8 * 365
ROWS_A_DAY = 171


def day(number: int) -> date:
    return START + timedelta(days=number)


class Harvest:
    """Rows by day, and what it costs to count them."""

    def __init__(self, rows: dict[int, int]) -> None:
        self.rows = rows
        self.requests = 0

    def count(self, window: DayRange) -> int:
        self.requests += 1
        return sum(rows for number, rows in self.rows.items() if has(window, number))


def has(window: DayRange, number: int) -> bool:
    return (window.first is None or window.first <= day(number)) and (window.last is None or day(number) <= window.last)


def searched(ours: dict[int, int], theirs: dict[int, int]) -> tuple[list[DayRange], Harvest]:
    harvest = Harvest(theirs)
    days = [(day(number), rows) for number, rows in sorted(ours.items()) if rows]
    return differing_windows(days, sum(theirs.values()), DayRange(None, None), harvest.count), harvest


ACCOUNT = dict.fromkeys(range(DAYS), ROWS_A_DAY)  # 499,320 rows


@given(st.integers(0, DAYS - 1))
def test_one_deletion_in_half_a_million_rows_is_found_with_ten_requests(number: int) -> None:
    windows, harvest = searched(ACCOUNT, {**ACCOUNT, number: ROWS_A_DAY - 1})
    assert [has(window, number) for window in windows] == [True]
    assert harvest.requests <= 9
    assert sum(has(windows[0], other) for other in range(DAYS)) * ROWS_A_DAY <= 4_000


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 5)), max_size=12))
def test_every_deletion_lies_in_a_window_that_is_read(gone: list[tuple[int, int]]) -> None:
    ours = dict.fromkeys(range(0, 401, 3), 900)
    theirs = dict(ours)
    for number, rows in gone:
        theirs[number - number % 3] -= rows
    windows, _ = searched(ours, theirs)
    for number in ours:
        if ours[number] != theirs[number]:
            assert any(has(window, number) for window in windows)


@given(st.lists(st.integers(0, 500), min_size=1, max_size=5))
def test_rows_that_we_lack_are_found_also_on_days_without_rows(new: list[int]) -> None:
    ours = dict.fromkeys(range(100, 400, 7), 1_500)
    theirs = dict(ours)
    for number in new:
        theirs[number] = theirs.get(number, 0) + 1
    windows, _ = searched(ours, theirs)
    for number in new:
        assert any(has(window, number) for window in windows)


def test_a_hundred_scattered_deletions_are_cheaper_to_find_by_reading_everything() -> None:
    theirs = {number: ROWS_A_DAY - (number % 29 == 0) for number in ACCOUNT}
    windows, harvest = searched(ACCOUNT, theirs)
    pages = sum(-(-sum(rows for number, rows in theirs.items() if has(window, number)) // 2_000) for window in windows)
    assert harvest.requests + pages <= 275  # 250 full pages, and one that is not full for each portion
    assert len(windows) > 1  # so that a change costs a portion and not the list


def test_where_pages_are_short_reading_costs_more_and_counting_goes_on_longer() -> None:
    theirs = {**ACCOUNT, 1_000: ROWS_A_DAY - 1}
    harvest = Harvest(theirs)
    days = [(day(number), rows) for number, rows in sorted(ACCOUNT.items())]
    windows = differing_windows(days, sum(theirs.values()), DayRange(None, None), harvest.count, rows_of_a_page=100)
    [window] = windows
    assert has(window, 1_000)
    pages = -(-sum(rows for number, rows in theirs.items() if has(window, number)) // 100)
    # Halving 2,920 days down to one takes twelve counts; a page of 2,000 would have been read eight counts on, in forty of 100.
    assert (harvest.requests, pages) <= (13, 4)


def test_a_whole_year_that_vanished_costs_few_counts() -> None:
    theirs = {number: 0 if 365 <= number < 730 else rows for number, rows in ACCOUNT.items()}
    _, harvest = searched(ACCOUNT, theirs)
    assert harvest.requests <= 12


def test_reading_is_preferred_only_where_it_is_cheaper() -> None:
    assert is_cheaper_to_read(1, 1)
    assert is_cheaper_to_read(2, 1)
    assert not is_cheaper_to_read(250, 1)
    assert not is_cheaper_to_read(250, 20)
    assert is_cheaper_to_read(250, 100)
