"""Texts of alerts: titles, rows and formatted values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from harvest_time_tracking import printable
from harvest_warehouse.alerts.alerts import AlertsReport, Raised
from harvest_warehouse.messages.text import MINUS, counted, percent


def alert_title(raised: Raised, report: AlertsReport) -> str:
    """Title of a raised alert: number of rows, what they are, and their totals by currency."""
    one, many = raised.alert.nouns
    title = f"{len(raised.rows):,} {one if len(raised.rows) == 1 else many} {said(raised.alert.words, report.settings.values())}"
    return ": ".join([title, *filter(None, [", ".join(_totals(raised))])])


def alert_line(raised: Raised, row: Mapping[str, Any]) -> str:
    """Text of one row of a raised alert."""
    is_loss = raised.alert.loss_line and (row.get("loss_amount") or 0) > 0
    return said(raised.alert.loss_line if is_loss else raised.alert.line, row)


def said(words: str, values: Mapping[str, Any]) -> str:
    """Fill a template with formatted values."""
    return words.format_map({name: shown(values, name) for name in values})


def shown(row: Mapping[str, Any], name: str) -> str:
    """Format a value for people, by the suffix of its column's name (`_share`, `_amount`, `_days`, `_hours`)."""
    value = row[name]
    if value is None or isinstance(value, str | date):
        return _word(value, "unknown" if name.endswith("_share") else "–")
    kind = name.rpartition("_")[2]
    if kind == "share":
        return percent(Decimal(value))
    if kind == "amount":
        return f"{printable(str(row.get('currency') or ''))} {_signed(f'{Decimal(value):,.2f}')}".strip()
    if kind in {"days", "months"}:
        return counted(int(value), kind.removesuffix("s"))
    return f"{_number(value)} h" if kind == "hours" else _number(value)


def dated(when: date) -> str:
    """Format a date: `16 Nov 2026`."""
    return f"{when.day} {when:%b %Y}"


def _word(value: str | date | None, unknown: str) -> str:
    if isinstance(value, datetime):
        return f"{dated(value)} {value:%H:%M}"
    if isinstance(value, date):
        return dated(value)
    return unknown if value is None else printable(str(value))


def _number(value: Any) -> str:
    rounded = round(Decimal(value), 2)
    return f"{rounded:,.0f}" if rounded == rounded.to_integral_value() else f"{rounded:,}"


def _signed(number: str) -> str:
    return number.replace("-", MINUS)


def _totals(raised: Raised) -> list[str]:
    name = raised.alert.total or ""
    return [shown({name: total, "currency": currency}, name) for currency, total in raised.totals.items()]
