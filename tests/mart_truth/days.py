"""Days, weeks and months, ratios and ages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any


def day_of(text: str | None) -> date | None:
    return date.fromisoformat(text[:10]) if text else None


def instant_of(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def month_of(day: date) -> date:
    return day.replace(day=1)


def next_month(month: date) -> date:
    return (month_of(month) + timedelta(days=32)).replace(day=1)


def month_end(day: date) -> date:
    return next_month(day) - timedelta(1)


def months(first: date, last: date) -> Iterator[date]:
    """First days of all months from that of `first` to that of `last`."""
    month = month_of(first)
    while month <= last:
        yield month
        month = next_month(month)


def days(first: date, last: date) -> Iterator[date]:
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def ratio(above: Any, below: Any) -> Fraction | None:
    return Fraction(above) / Fraction(below) if below and below > 0 else None


def bucket(age: int) -> str:
    return "0-30" if age <= 30 else "31-60" if age <= 60 else "61-90" if age <= 90 else "90+"
