"""Calendar of the marts: one row per day, with its week, its month and whether it is a working day. Pure."""

from __future__ import annotations

import calendar
from collections.abc import Collection, Iterator
from datetime import date
from types import MappingProxyType

_EPOCH = date(1970, 1, 1)
# Days outside these bounds are probably typing errors: their months are included, but not all the years between.
_FIRST = date(1990, 1, 1)
_YEARS_AHEAD = 20

DAY_COLUMNS = MappingProxyType(
    {
        "account_id": "text",
        "date_day": "date",
        "day_number": "integer",
        "weekday_number": "integer",
        "is_working_day": "boolean",
        "week_start": "date",
        "week_end": "date",
        "week_index": "integer",
        "is_complete_week": "boolean",
        "month_start": "date",
        "month_end": "date",
        "month_index": "integer",
        "days_in_month": "integer",
        "is_complete_month": "boolean",
        "quarter_start": "date",
        "year_start": "date",
        "is_as_of_date": "boolean",
        "is_far_off": "boolean",
    }
)
"""SQL types of the calendar's columns, by name."""


def days(
    account_id: str,
    named: Collection[date],
    as_of: date,
    *,
    week_start: int,
    working_days: Collection[int],
    holidays: Collection[date],
) -> Iterator[tuple[object, ...]]:
    """Calendar rows of one account, with the columns of `DAY_COLUMNS`.

    Covers whole months, from the first date in the account's records to the last, at least the eight weeks to come, and the
    months of outlying dates.

    Args:
        account_id: the account.
        named: dates in its records.
        as_of: day of the last load; weeks and months that ended before it are complete.
        week_start: first day of the week, 0 for Monday to 6 for Sunday.
        working_days: weekdays on which people work, numbered likewise.
        holidays: days on which nobody works.
    """
    last_sound = _last_sound(as_of)
    for day in _span(named, as_of):
        into_week = (day.weekday() - week_start) % 7
        first_of_week = date.fromordinal(max(day.toordinal() - into_week, 1))
        last_of_week = date.fromordinal(min(day.toordinal() - into_week + 6, date.max.toordinal()))
        in_month = calendar.monthrange(day.year, day.month)[1]
        last_of_month = day.replace(day=in_month)
        yield (
            account_id,
            day,
            (day - _EPOCH).days,
            day.isoweekday(),
            day.weekday() in working_days and day not in holidays,
            first_of_week,
            last_of_week,
            (first_of_week - _EPOCH).days // 7,
            last_of_week < as_of,
            day.replace(day=1),
            last_of_month,
            day.year * 12 + day.month,
            in_month,
            last_of_month < as_of,
            day.replace(month=day.month - (day.month - 1) % 3, day=1),
            day.replace(month=1, day=1),
            day == as_of,
            not _FIRST <= day <= last_sound,
        )


def _span(named: Collection[date], as_of: date) -> list[date]:
    last_sound = _last_sound(as_of)
    sound = [day for day in named if _FIRST <= day <= last_sound]
    first, last = min((*sound, as_of)), max((*sound, _ahead(as_of)))
    found = set(_between(first.replace(day=1), _month_end(last)))
    for day in set(named) - found:
        found.update(_between(day.replace(day=1), _month_end(day)))
    return sorted(found)


def _ahead(as_of: date) -> date:
    """Last day of the eight weeks after the present one, wherever weeks begin."""
    return date.fromordinal(min(as_of.toordinal() + 9 * 7, date.max.toordinal()))


def _last_sound(as_of: date) -> date:
    return date(min(as_of.year + _YEARS_AHEAD, date.max.year), 12, 31)


def _month_end(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _between(first: date, last: date) -> Iterator[date]:
    for number in range(first.toordinal(), last.toordinal() + 1):
        yield date.fromordinal(number)
