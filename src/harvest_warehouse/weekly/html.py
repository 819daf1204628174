"""Render the weekly report as one HTML file for two printed pages: no scripts, nothing fetched, every name escaped."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from harvest_time_tracking import printable
from harvest_warehouse.alerts import AlertsReport
from harvest_warehouse.alerts.wording import alert_line, alert_title
from harvest_warehouse.dashboard.chart_svg import png
from harvest_warehouse.dashboard.formatting import listed
from harvest_warehouse.dashboard.header import verdict, without_rate
from harvest_warehouse.dashboard.markup import templates
from harvest_warehouse.dashboard.page import Section, Tile
from harvest_warehouse.weekly.content import Week

_WIDTH = 680
CALLS = 8
_PEOPLE = 3
# Alerts whose rows are not among the calls: about people of the company.
_OF_PEOPLE = ("missing_timesheets", "timers_over_night", "changed_after_invoicing")
_BY_CURRENCY = ("currency", "overdue", "unbilled", "unbilled_old", "budgets_over", "revenue")
_NOTES = {
    "budgets": "The budgets of active projects that cost most beyond their amount; hours count at the project's average rate. "
    "The dashed line is the whole budget, a bar ends at 150%.",
    "utilisation-by-week": "Billable hours ÷ hours available, of all clients. The dashed line is the target; the axis does "
    "not start at 0.",
}
_TEMPLATES = templates(__file__)


class Call(NamedTuple):
    """A call to make: the client, the amount and what about, whom to talk to, and the record in Harvest."""

    client: str
    amount: str
    what: str
    people: str
    url: str | None


class _Chart(NamedTuple):
    title: str
    legend: Mapping[str, str]
    drawing: str
    note: str


class _Account(NamedTuple):
    name: str
    facts: Sequence[tuple[str, str]]
    warnings: Sequence[str]
    title: str
    calls: Sequence[Call]
    more: int
    alerts: Sequence[tuple[str, str, Sequence[str]]]
    tiles: Sequence[Tile]
    currencies: Section
    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    charts: Sequence[_Chart]


def page(accounts: Sequence[Week], alerts: AlertsReport) -> str:
    """Render the HTML page."""
    title = " and ".join(printable(week.header.account_name) for week in accounts)
    shown = [_account(week, alerts) for week in accounts]
    return _TEMPLATES.get_template("week.html").render(title=title, accounts=shown, width=_WIDTH)


def warnings(week: Week) -> list[str]:
    """Warnings that go before everything else: old figures, and missing ones."""
    old = [f"{week.header.warning}. Run `dlt-harvest sync`, and look why it did not run."] if week.header.is_old else []
    unread = listed(week.header.never_read) if week.header.never_read else ""
    return old + ([f"Never read from Harvest: {unread}. Figures that rest on them are not known."] if unread else [])


def calls(week: Week) -> list[Call]:
    """Calls to make, the most important first."""
    return [
        Call(
            row["client_name"],
            f"{row['currency']} {row['amount']:,.0f}",
            row["what"],
            "; ".join(
                f"{who}{f', {email}' if email else ''}"
                for who, email in ((row["contact"], row["contact_email"]), (row["manager"], row["manager_email"]))
                if who or email
            ),
            row["url"],
        )
        for row in week.page.sections[0].rows
    ]


def currency_lines(section: Section) -> tuple[list[str], list[list[str]]]:
    """Headings, and a line of whole amounts for each currency."""
    columns = [column for column in section.columns if column.key in _BY_CURRENCY]
    return [column.title for column in columns], [
        [_said(row[column.key]) for column in columns] for row in section.rows
    ]


def _account(week: Week, alerts: AlertsReport) -> _Account:
    head = week.header
    facts = (("As of", head.dated), ("Compared with Harvest", verdict(head)), ("Without a rate", without_rate(head)))
    called, currencies, *others = week.page.sections
    everyone = calls(week)
    names, lines = currency_lines(currencies)
    return _Account(
        head.account_name,
        facts,
        warnings(week),
        called.title,
        everyone[:CALLS],
        max(len(everyone) - CALLS, 0),
        [
            (
                raised.alert.severity,
                alert_title(raised, alerts),
                [alert_line(raised, row) for row in raised.rows[:_PEOPLE]] if raised.alert.name in _OF_PEOPLE else [],
            )
            for raised in week.raised
        ],
        week.page.tiles,
        currencies,
        names,
        lines,
        [_chart(section) for section in others],
    )


def _chart(section: Section) -> _Chart:
    drawing = "" if section.chart is None else base64.b64encode(png(section.chart, _WIDTH)).decode()
    return _Chart(section.title, section.legend, drawing, _NOTES[section.name] if drawing else "")


def _said(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, date | str):
        return str(value)
    return f"{Decimal(value):,.0f}"
