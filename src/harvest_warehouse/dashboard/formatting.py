"""Format numbers, dates and counts for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from harvest_warehouse.dashboard.reader import Row

ZERO = Decimal(0)


def money(amount: Decimal, currency: str) -> str:
    """Format money in whole units (`EUR 139,065`); the table has the cents."""
    return f"{currency} {_whole(amount)}"


def hours(amount: Decimal) -> str:
    """Format hours: `1,234 h`."""
    return f"{_whole(amount)} h"


def percent(share: Decimal | None) -> str:
    """Format a share as percent (`76 %`); a dash for None."""
    return "–" if share is None else f"{_whole(share * 100)} %"


def points(difference: Decimal) -> str:
    """Format a difference between two shares in percentage points: `4 points`."""
    said = _whole(abs(difference) * 100)
    return f"{said} point{'' if said == '1' else 's'}"


def count(number: int, one: str, many: str | None = None) -> str:
    """Format a count with its noun: `1 person`, `9 people`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(names: Sequence[str], joint: str = "and") -> str:
    """Join names to a list in words: `clients, projects and time entries`."""
    words = [name.replace("_", " ") for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {joint} {words[-1]}"


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


def total(rows: list[Row], key: str) -> Decimal:
    """Sum a column, leaving out nulls."""
    return sum((Decimal(row[key]) for row in rows if row[key] is not None), ZERO)


def _whole(amount: Decimal) -> str:
    said = f"{amount:,.0f}"
    return "0" if said == "-0" else said
