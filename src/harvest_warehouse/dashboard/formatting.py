"""Format numbers, dates and counts for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from harvest_warehouse.dashboard.reader import Row
from harvest_warehouse.messages.text import MINUS, percent

__all__ = [
    "ZERO", "count", "day", "hours", "joined", "listed", "money", "month", "percent", "points", "ratio", "rounds_to_zero",
    "short_day", "short_money", "total",
]  # fmt: skip

ZERO = Decimal(0)


def money(amount: Decimal, currency: str) -> str:
    """Format money in whole units (`EUR 139,065`); the table has the cents."""
    return f"{currency} {_whole(amount)}"


def hours(amount: Decimal) -> str:
    """Format hours: `1,234 h`."""
    return f"{_whole(amount)} h"


def short_money(amount: Decimal, currency: str) -> str:
    """Format money for a label in a chart: `CAD 216k`."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if abs(amount) >= size:
            return f"{currency} {amount / size:,.{1 if abs(amount) < 10 * size else 0}f}{unit}".replace("-", MINUS)
    return money(amount, currency)


def rounds_to_zero(amount: Decimal) -> bool:
    """True for amounts that `money` and `hours` show as 0, such as a cent."""
    return _whole(amount) == "0"


def points(difference: Decimal) -> str:
    """Format a difference between two shares in percentage points: `4 points`."""
    said = _whole(abs(difference) * 100)
    return f"{said} point{'' if said == '1' else 's'}"


def count(number: int, one: str, many: str | None = None) -> str:
    """Format a count with its noun: `1 person`, `9 people`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def joined(words: Sequence[str], joint: str = "and") -> str:
    """Join words: `EUR, GBP and USD`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {joint} {words[-1]}"


def listed(names: Sequence[str], joint: str = "and") -> str:
    """Join names of Harvest's lists in words: `clients, projects and time entries`."""
    return joined([name.replace("_", " ") for name in names], joint)


def day(when: date) -> str:
    """Format a date: `16 Nov 2026`."""
    return f"{when.day} {when:%b %Y}"


def short_day(when: date, now: date) -> str:
    """Format a date as `16 Nov`, with the year if it is not that of `now`."""
    return f"{when.day} {when:%b}" if when.year == now.year else day(when)


def month(when: date) -> str:
    """Format a month: `Nov 2026`."""
    return f"{when:%b %Y}"


def ratio(above: Decimal | None, below: Decimal | None) -> Decimal | None:
    """Divide one sum by another; None if there is nothing to divide by."""
    return Decimal(above) / Decimal(below) if above is not None and below else None


def total(rows: Iterable[Row], key: str) -> Decimal:
    """Sum a column, leaving out nulls."""
    return sum((Decimal(row[key]) for row in rows if row[key] is not None), ZERO)


def _whole(amount: Decimal) -> str:
    said = f"{amount:,.0f}".replace("-", MINUS)
    return "0" if said == f"{MINUS}0" else said
