"""Format numbers and values for people and for JSON."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import simplejson

# What a full disk or quota is called, by Python, DuckDB and PostgreSQL alike.
_FULL = ("No space left on device", "Disk quota exceeded")

MINUS = "\N{MINUS SIGN}"


def counted(number: int, noun: str) -> str:
    """Format a number with its noun: `1 row`, `2,000 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def advised(message: str) -> str:
    """Add what to do to a message of a full disk; other messages stay as they are."""
    is_full = any(words in message for words in _FULL)
    return f"{message}: make room, and run again. What was loaded stays." if is_full else message


def percent(share: Decimal | float | None) -> str:
    """Format a share as percent (`76%`); a dash for None. Only a whole is 100%, and only nothing is 0%."""
    if share is None:
        return "–"
    if not share:
        return "0%"
    said = f"{share * 100:,.0f}".replace("-", MINUS)
    if said == "100" and share != 1:
        return ">99%" if share < 1 else ">100%"
    if said.removeprefix(MINUS) == "0":
        return "<1%" if share > 0 else f">{MINUS}1%"
    return f"{said}%"


def exact(value: object) -> str:
    """Format a value as exact text; trailing zeros of a decimal are dropped."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{_trimmed(value):f}"
    if isinstance(value, datetime | date | time):
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, list | tuple | dict):
        return str(simplejson.dumps(plain(value), use_decimal=True, ensure_ascii=False, default=str))
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return str(value)


def plain(value: Any) -> Any:
    """Convert a value to JSON types; decimals stay decimals."""
    if isinstance(value, Decimal):
        return _trimmed(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if value is None or isinstance(value, str | int | float):
        return value
    return value.isoformat() if isinstance(value, datetime) else exact(value)


def _trimmed(value: Decimal) -> Decimal:
    if not value.is_finite():
        return value
    text = f"{value:f}"
    return Decimal(text.rstrip("0").rstrip(".")) if "." in text else value
