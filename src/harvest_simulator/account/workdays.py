"""Calendar arithmetic of the generated company: working days, holidays, months and timestamps. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

_FIXED_HOLIDAYS = {(1, 1), (5, 1), (7, 1), (12, 24), (12, 25), (12, 26)}


def is_holiday(day: date) -> bool:
    """True on a fixed public holiday."""
    return (day.month, day.day) in _FIXED_HOLIDAYS


def is_working_day(day: date) -> bool:
    """True from Monday to Friday, except on holidays."""
    return day.weekday() < 5 and not is_holiday(day)


def next_working_day(day: date) -> date:
    """Next working day, or the day itself if it is one."""
    while not is_working_day(day):
        day += timedelta(days=1)
    return day


def months_between(first: date, last: date) -> Iterator[tuple[date, date]]:
    """List (first day, last day) of each calendar month in a range, cut to the range, in order."""
    day = first
    while day <= last:
        following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield day, min(last, following - timedelta(days=1))
        day = following


def days_between(first: date, last: date) -> Iterator[date]:
    """List the days of the range, both ends included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def seconds_at(day: date, hour: int, minute: int = 0, second: int = 0) -> int:
    """Seconds since 1970 of a time of day, UTC."""
    return midnight(day) + hour * 3600 + minute * 60 + second


@lru_cache(maxsize=20_000)
def midnight(day: date) -> int:
    """Seconds since 1970 at the start of the day, UTC."""
    return int(datetime.combine(day, time(), UTC).timestamp())
