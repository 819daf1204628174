"""Bisect a list by row counts to find the date windows that differ, with as few requests as possible. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from math import ceil, log2
from typing import NamedTuple

from harvest_time_tracking.sizes import PER_PAGE

_DAY = timedelta(days=1)
_PAGES_OF_A_PORTION = 20


class DayRange(NamedTuple):
    """A range of days, both inclusive; None for no bound."""

    first: date | None
    last: date | None

    def filters(self) -> dict[str, object]:
        """Query parameters `from` and `to` of Harvest's lists."""
        bounds = {"from": self.first, "to": self.last}
        return {name: day.isoformat() for name, day in bounds.items() if day}


def differing_windows(
    ours: Sequence[tuple[date, int]],
    theirs: int,
    whole: DayRange,
    count: Callable[[DayRange], int],
    rows_of_a_page: int = PER_PAGE,
) -> list[DayRange]:
    """Bisect by counts to the windows in which our rows and Harvest's differ, whose ids must then be read.

    Halves the rows rather than the days, and counts one half; the other follows from the total. Stops when reading the ids
    would take no more requests than counting on. A window in which a surplus row offsets a missing one counts as equal.

    Args:
        ours: number of our rows by day, in order.
        theirs: number of Harvest's rows.
        whole: window in which the list is loaded.
        count: counts Harvest's rows in a window, with one request.
        rows_of_a_page: Harvest's page size.
    """
    found: list[DayRange] = []
    left = [(list(ours), theirs, whole)]
    while left:
        days, wanted, window = left.pop()
        held = sum(rows for _, rows in days)
        if held == wanted:
            continue
        if len(days) <= 1 or is_cheaper_to_read(ceil(max(held, wanted) / rows_of_a_page), abs(held - wanted)):
            found.append(window)
            continue
        middle = _middle(days)
        later = DayRange(days[middle][0], window.last)
        counted = count(later)
        left.append((days[middle:], counted, later))
        left.append((days[:middle], wanted - counted, DayRange(window.first, days[middle][0] - _DAY)))
    return [portion for window in found for portion in _portions(ours, window, rows_of_a_page * _PAGES_OF_A_PORTION)]


def is_cheaper_to_read(pages: int, differences: int) -> bool:
    """True if reading `pages` pages takes no more requests than bisecting down to `differences` differences."""
    if pages <= differences + 1:
        return True
    # One count per halving, and one or two pages per difference, since windows do not end where pages do.
    return pages <= differences * (log2(pages / differences) + 1.5)


def _middle(days: Sequence[tuple[date, int]]) -> int:
    """Index of the day that splits the rows roughly in half, with at least one day on either side."""
    half, before = sum(rows for _, rows in days) / 2, 0
    for position, (_, rows) in enumerate(days):
        if before + rows / 2 >= half and position > 0:
            return position
        before += rows
    return len(days) - 1


def _portions(ours: Sequence[tuple[date, int]], window: DayRange, most_rows: int) -> list[DayRange]:
    """Split a window into parts short enough to be read again if they change during the read."""
    parts, rows = [window], 0
    for day, held in ours:
        is_inside = (not window.first or day > window.first) and (not window.last or day <= window.last)
        if is_inside and rows + held > most_rows and rows:
            last = parts.pop()
            parts += [DayRange(last.first, day - _DAY), DayRange(day, last.last)]
            rows = 0
        rows += held if is_inside else 0
    return parts
