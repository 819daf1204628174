"""Render the weekly report as one HTML file: no scripts, no external resources, every name escaped."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from harvest_time_tracking import printable
from harvest_warehouse.alerts import AlertsReport, Raised
from harvest_warehouse.alerts.wording import alert_line, alert_title
from harvest_warehouse.dashboard.chart_svg import svg
from harvest_warehouse.dashboard.formatting import day, listed
from harvest_warehouse.dashboard.markup import templates
from harvest_warehouse.dashboard.page import Column, Section, Tile
from harvest_warehouse.dashboard.render import verdict, without_rate
from harvest_warehouse.weekly.content import Week

_WIDE, _NARROW = 680, 340
_ROWS_OF_A_CALL = 3
_ROWS_OF_A_TABLE = 12
# Columns to print, and notes that replace the dashboard's tooltips.
_COLUMNS = {
    "utilisation-by-week": ("week_start", "share", "billable_hours", "available_hours"),
    "budgets": ("project", "state", "spent_share", "budget_spent", "budget", "budget_unit"),
    "unbilled-by-client": ("client_name", "age", "uninvoiced_amount", "oldest_date"),
    "receivables-by-age": ("age", "open_amount", "invoices"),
}
_PROJECT = Column("project", "Project and client")
_NOTES = {
    "utilisation-by-week": "Billable hours ÷ hours available, of all clients together. The dashed line is the target.",
    "budgets": "Active projects with a budget. The dashed line is the whole budget; a bar ends at 150 %.",
    "unbilled-by-client": "Billable time and expenses that are on no invoice. What is left of fixed fees is not in it.",
    "receivables-by-age": "Open invoices with taxes; no drafts, none written off.",
}
_PLACES = {"money": 2, "hours": 2, "share": 0, "number": 1, "count": 0}
_TEMPLATES = templates(__file__)


class _Call(NamedTuple):
    """A raised alert: its severity and title, its first rows, and how many more there are."""

    severity: str
    title: str
    lines: list[str]
    more: int


class _Drawing(NamedTuple):
    """A chart as two images, for wide and narrow screens, as data URLs."""

    wide: str
    narrow: str
    width: int = _WIDE


class _Table(NamedTuple):
    """A table: each heading and each cell with its CSS class, and how many more rows there are."""

    head: list[tuple[str, str]]
    rows: list[list[tuple[str, str]]]
    more: int


class _Section(NamedTuple):
    title: str
    legend: Mapping[str, str]
    drawing: _Drawing | None
    note: str
    table: _Table | None


class _Money(NamedTuple):
    currency: str
    tiles: Sequence[Tile]
    sections: list[_Section]


class _Account(NamedTuple):
    name: str
    facts: Sequence[tuple[str, str]]
    warning: str
    calls: list[_Call]
    tiles: Sequence[Tile]
    utilisation: _Section
    money: list[_Money]


def page(accounts: Sequence[Week], alerts: AlertsReport) -> str:
    """Render the HTML page."""
    title = " and ".join(printable(week.header.account_name) for week in accounts)
    shown = [_account(week, alerts) for week in accounts]
    return _TEMPLATES.get_template("week.html").render(title=title, accounts=shown)


def _account(week: Week, alerts: AlertsReport) -> _Account:
    head = week.header
    facts = (
        ("As of", f"{day(head.as_of_date)} (loaded {head.loaded_at:%Y-%m-%d %H:%M} UTC)"),
        ("Compared with Harvest", verdict(head)),
        ("Without a rate", without_rate(head)),
    )
    return _Account(
        head.account_name,
        facts,
        warning(week) if head.never_read else "",
        [_call(raised, alerts) for raised in week.calls],
        week.tiles,
        _section(week.utilisation),
        [_Money(money.currency, money.tiles, [_section(one) for one in money.sections]) for money in week.money],
    )


def warning(week: Week) -> str:
    """Warning that figures are missing, and why."""
    return f"Never read from Harvest: {listed(week.header.never_read)}. Figures that rest on them are not known."


def _call(raised: Raised, alerts: AlertsReport) -> _Call:
    lines = [alert_line(raised, row) for row in raised.rows[:_ROWS_OF_A_CALL]]
    return _Call(raised.alert.severity, alert_title(raised, alerts), lines, len(raised.rows) - len(lines))


def _section(section: Section) -> _Section:
    drawing = None
    if section.chart is not None:
        drawing = _Drawing(_data(svg(section.chart, _WIDE)), _data(svg(section.chart, _NARROW)))
    if not section.rows:
        return _Section(section.title, section.legend, drawing, "", None)
    note = f"{section.rest} {_NOTES[section.name]}".strip()
    return _Section(section.title, section.legend, drawing, note, _table(section))


def _table(section: Section) -> _Table:
    known = {column.key: column for column in section.columns} | {_PROJECT.key: _PROJECT}
    columns = [known[key] for key in _COLUMNS[section.name]]
    rows = list(section.rows)
    # Weeks are sorted oldest first, so show the last rows.
    shown = rows[-_ROWS_OF_A_TABLE:] if section.name == "utilisation-by-week" else rows[:_ROWS_OF_A_TABLE]
    return _Table(
        [(_aligned(column.kind), column.title) for column in columns],
        [[(_aligned(column.kind), _said(column.kind, row[column.key])) for column in columns] for row in shown],
        len(rows) - len(shown),
    )


def _aligned(kind: str) -> str:
    """CSS class of a column."""
    return "number" if kind in _PLACES else "date" if kind == "date" else ""


def _said(kind: str, value: Any) -> str:
    if value is None:
        return "–"
    if kind in _PLACES:
        return f"{value * 100 if kind == 'share' else value:,.{_PLACES[kind]}f}"
    return day(value) if isinstance(value, date) else str(value)


def _data(drawn: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn.encode()).decode()}"
