"""Coerce single values to a column's type without loss, or report a type mismatch."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, localcontext
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

from ..columns import DataType

_INT64 = range(-(2**63), 2**63)
# decimal(38, 9): digits before the decimal point, and the smallest unit after it.
_WHOLE_DIGITS = 29
_SMALLEST = Decimal("1e-9")
_WHOLE = re.compile(r"-?[0-9]{1,19}\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})\Z"
)
MISFIT = object()
"""Result of `fit` for a type mismatch: a value that its column cannot hold unchanged."""

# Placeholder values for key columns, which are not nullable.
NOTHING: Mapping[DataType, Any] = MappingProxyType(
    {
        "text": "",
        "bigint": 0,
        "decimal": Decimal(0),
        "bool": False,
        "date": date(1970, 1, 1),
        "timestamp": datetime.fromisoformat("1970-01-01T00:00:00+00:00"),
    }
)


def fit(value: Any, data_type: DataType) -> Any:  # noqa: PLR0911 (one answer for each type)
    """Coerce a value to a column's type without loss; `MISFIT` for a type mismatch.

    Accepts numbers written as text, and `1.0` as an integer; `true` is not 1.
    """
    if value is None:
        return None
    match data_type:
        case "text":
            return value if isinstance(value, str) else MISFIT
        case "bool":
            return value if isinstance(value, bool) else MISFIT
        case "bigint":
            return _fit_whole(value)
        case "decimal":
            return _fit_decimal(value)
        case "date":
            return _parsed(date.fromisoformat, _DATE, value)
        case "timestamp":
            return _parsed(datetime.fromisoformat, _INSTANT, value)


def _fit_whole(value: Any) -> Any:
    if (isinstance(value, float | Decimal) and -(2**63) <= value < 2**63 and value == int(value)) or (
        isinstance(value, str) and _WHOLE.match(value)
    ):
        value = int(value)
    return value if type(value) is int and value in _INT64 else MISFIT


def _fit_decimal(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return MISFIT
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except ArithmeticError:
        return MISFIT
    is_wide = not number.is_finite() or number.adjusted() >= _WHOLE_DIGITS
    return MISFIT if is_wide or _rounded(number) != number else number


def nearest(value: Any, data_type: DataType) -> Any:
    """Approximate a value that does not fit its column: a number with too many decimals is rounded, anything else is None."""
    if data_type == "decimal" and isinstance(value, float | Decimal):
        number = Decimal(repr(value) if isinstance(value, float) else value)
        if number.is_finite() and number.adjusted() < _WHOLE_DIGITS:
            return _rounded(number)
    return None


def stand_in(value: Any, data_type: DataType) -> Any:
    """Surrogate in a key column for a value that does not fit: deterministic, and never equal to an id of Harvest's.

    None for types other than integer and text.
    """
    text = as_text(value) or ""
    if data_type == "bigint":
        return -1 - (int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1)
    return text if data_type == "text" else None


def _rounded(number: Decimal) -> Decimal:
    with localcontext(prec=60):
        return number.quantize(_SMALLEST)


def _parsed(parse: Callable[[str], Any], pattern: re.Pattern[str], value: Any) -> Any:
    if not isinstance(value, str) or not pattern.match(value):
        return MISFIT
    try:
        return parse(value)
    except ValueError:
        return MISFIT


def type_of(values: Sequence[Any]) -> DataType:
    """Infer the type of an undocumented column from the first values seen in it."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return "bool"
    if kinds == {int}:
        return "bigint"
    if kinds <= {int, float, Decimal}:
        return "decimal"
    return "text"


def as_text(value: Any) -> str | None:
    """Render a value as JSON; strings without quotes."""
    if value is None or isinstance(value, str):
        return value
    return _spelled(value)


def _spelled(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, list):
        return f"[{','.join(map(_spelled, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{_spelled(key)}:{_spelled(held)}' for key, held in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)
