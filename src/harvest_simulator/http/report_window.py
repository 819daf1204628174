"""Parse the range of days of a report request. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from harvest_simulator.http.filters import read_day
from harvest_simulator.http.responses import not_valid

# Last day minus first day: Harvest accepted 2021-01-01 to 2022-01-01, and refuses a day more.
LONGEST_WINDOW_DAYS = 365


@dataclass(frozen=True, slots=True)
class Window:
    """Range of days, both ends inclusive."""

    first: date
    last: date


def read_window(query: dict[str, str], today: date) -> Window:
    """Parse `from` and `to`. Raises Refusal 422 unless they are in order, at most 365 days apart, and begin by today."""
    if not query.get("from") or not query.get("to"):
        raise not_valid("From and to dates are required")
    window = Window(read_day("from", query["from"]), read_day("to", query["to"]))
    if window.last < window.first:
        raise not_valid("To date must not be before from date")
    if (window.last - window.first).days > LONGEST_WINDOW_DAYS:
        raise not_valid("Date range must not exceed 1 year")
    if window.first > today:
        raise not_valid("Date range must not be in the future")
    return window
