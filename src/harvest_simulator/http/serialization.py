"""Serialise values for JSON: decimals, timestamps, dates. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Converters of decimals, and of hundredths of an hour, to values in a response."""

    decimal: Callable[[Decimal], Any]
    hundredths: Callable[[int], Any]

    def maybe(self, value: Decimal | None) -> Any:
        """Convert a decimal; null stays null."""
        return None if value is None else self.decimal(value)


@lru_cache(maxsize=100_000)
def float_of(value: Decimal) -> float:
    """Convert to the float whose shortest representation is the same number. Raises ValueError if there is none."""
    number = float(value)
    if Decimal(repr(number)) != value:
        raise ValueError(f"{value} has no float with the same text")
    return number


@lru_cache(maxsize=10_000)
def _exact_hundredths(value: int) -> Decimal:
    # As on the wire: 1.5, not 1.50; integers with one decimal.
    return Decimal(repr(value / 100))


def exact_of(value: Decimal) -> Decimal:
    """Return the decimal itself."""
    return value


ON_THE_WIRE = Numbers(float_of, lambda value: value / 100)
EXACT = Numbers(exact_of, _exact_hundredths)


@lru_cache(maxsize=20_000)
def _day_text(day_number: int) -> str:
    return date.fromordinal(719_163 + day_number).isoformat()


@lru_cache(maxsize=86_400)
def _time_text(second: int) -> str:
    return f"T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"


def instant(at: int | None) -> str | None:
    """Format seconds since 1970 as YYYY-MM-DDTHH:MM:SSZ."""
    return None if at is None else _day_text(at // 86_400) + _time_text(at % 86_400)


def day_or_none(day: date | None) -> str | None:
    """Format a day as YYYY-MM-DD, or null."""
    return None if day is None else day.isoformat()
