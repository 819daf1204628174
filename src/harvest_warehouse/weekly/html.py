"""Render the weekly report as one HTML file: no scripts, no external resources, every name escaped."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import date
from html import escape
from typing import Any

from harvest_time_tracking import printable
from harvest_warehouse.alerts import AlertsReport, Raised
from harvest_warehouse.alerts.wording import alert_line, alert_title
from harvest_warehouse.dashboard.formatting import day, listed
from harvest_warehouse.dashboard.page import Column, Section, Tile
from harvest_warehouse.dashboard.render import verdict, without_rate
from harvest_warehouse.weekly.chart_svg import svg
from harvest_warehouse.weekly.content import Money, Week

_WIDE, _NARROW = 680, 340
_ROWS_OF_A_CALL = 3
_ROWS_OF_A_TABLE = 12
# What of a section's columns is printed, and what has to be known to read it: nobody can hover over paper.
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
_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { background: #fff; color: #1c2024; font: 15px/1.45 system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif;
  margin: 0 auto; max-width: 760px; padding: 24px 20px; }
h1 { font-size: 24px; line-height: 1.2; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { border-top: 2px solid #1c2024; font-size: 19px; margin: 36px 0 12px; padding-top: 10px; }
h3 { font-size: 16px; margin: 26px 0 6px; overflow-wrap: anywhere; }
p { margin: 0 0 8px; }
.facts, .note { color: #4a5058; font-size: 13px; }
.warning { border: 2px solid #b25a06; border-radius: 6px; margin: 12px 0; padding: 8px 12px; }
.facts b { color: #1c2024; font-weight: 600; }
.facts span { display: inline-block; margin-right: 16px; }
.tiles { display: grid; gap: 10px; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); margin: 12px 0; }
.tile { border: 1px solid #c4c9cf; border-radius: 6px; break-inside: avoid; padding: 10px 14px; }
.tile p { margin: 0; }
.figure { font-size: 24px; font-weight: 700; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.alarming { border-left: 5px solid #cf3838; }
.calls { list-style: none; margin: 0; padding: 0; }
.calls > li { border-left: 5px solid #b25a06; break-inside: avoid; margin: 0 0 12px; padding: 0 0 0 12px; }
.calls > li.urgent { border-color: #cf3838; }
.calls ul { margin: 2px 0 0; padding: 0 0 0 18px; }
.calls b, .calls li { overflow-wrap: anywhere; }
.legend { display: flex; flex-wrap: wrap; font-size: 13px; gap: 2px 16px; list-style: none; margin: 0; padding: 0; }
.legend span { display: inline-block; margin-right: 6px; vertical-align: -1px; }
figure { break-inside: avoid; margin: 6px 0; }
figure img { display: block; height: auto; max-width: 100%; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; width: 100%; }
th, td { border-bottom: 1px solid #dfe3e7; padding: 4px 10px 4px 0; text-align: left; vertical-align: top; }
th { font-weight: 600; }
td.number, th.number { font-variant-numeric: tabular-nums; padding-right: 14px; text-align: right; }
td.date { white-space: nowrap; }
tr { break-inside: avoid; }
@media (max-width: 560px) { body { padding: 14px 12px; } th, td, td.number, th.number { padding-right: 6px; } }
@media print { body { max-width: none; padding: 0; } h2, h3 { break-after: avoid; } }
"""


def page(accounts: Sequence[Week], alerts: AlertsReport) -> str:
    """Render the HTML page."""
    title = " and ".join(printable(week.header.account_name) for week in accounts)
    body = "\n".join(_account(week, alerts) for week in accounts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # Even a name that slipped through could load or run nothing.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">\n"
        f"<title>{escape(title)}: the week</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _account(week: Week, alerts: AlertsReport) -> str:
    head = week.header
    facts = (
        ("As of", f"{day(head.as_of_date)} (loaded {head.loaded_at:%Y-%m-%d %H:%M} UTC)"),
        ("Compared with Harvest", verdict(head)),
        ("Without a rate", without_rate(head)),
    )
    said = "".join(f"<span><b>{escape(name)}</b> {escape(words)}</span>" for name, words in facts)
    return "\n".join(
        [
            f'<h1>{_text(head.account_name)}: the week</h1>\n<p class="facts">{said}</p>',
            *([f'<p class="warning">{escape(warning(week))}</p>'] if week.header.never_read else []),
            _calls(week.calls, alerts),
            "<h2>Hours</h2>",
            _tiles(week.tiles),
            _section(week.utilisation),
            *(_money(money, is_one_of_many=len(week.money) > 1) for money in week.money),
            *(["<h2>Money</h2>\n<p>There is no client yet, and no currency.</p>"] if not week.money else []),
        ]
    )


def warning(week: Week) -> str:
    """Warning that figures are missing, and why."""
    return f"Never read from Harvest: {listed(week.header.never_read)}. Figures that rest on them are not known."


def _calls(calls: Sequence[Raised], alerts: AlertsReport) -> str:
    lines = ["<h2>Who to call this Monday</h2>"]
    if not calls:
        lines.append("<p>Nobody: no alert was raised.</p>")
    lines.append('<ul class="calls">' if calls else "")
    for raised in calls:
        rows = "".join(f"<li>{escape(alert_line(raised, row))}</li>" for row in raised.rows[:_ROWS_OF_A_CALL])
        more = len(raised.rows) - _ROWS_OF_A_CALL
        rest = f"<li>and {more:,} more</li>" if more > 0 else ""
        title = escape(alert_title(raised, alerts))
        lines.append(f'<li class="{raised.alert.severity}"><b>{title}</b><ul>{rows}{rest}</ul></li>')
    return "\n".join([*lines, "</ul>" if calls else ""])


def _money(money: Money, *, is_one_of_many: bool) -> str:
    note = '<p class="note">Clients that are billed in this currency. Currencies are never added up.</p>'
    parts = [f"<h2>{escape(money.currency)}</h2>", *([note] if is_one_of_many else []), _tiles(money.tiles)]
    return "\n".join([*parts, *(_section(section) for section in money.sections)])


def _tiles(tiles: Sequence[Tile]) -> str:
    return '<div class="tiles">' + "".join(_tile(tile) for tile in tiles) + "</div>"


def _tile(tile: Tile) -> str:
    flag = " alarming" if tile.is_alarming else ""
    return (
        f'<div class="tile{flag}"><p>{_text(tile.label)}</p><p class="figure">{_text(tile.figure)}</p>'
        f'<p class="note">{_text(tile.note)}</p></div>'
    )


def _section(section: Section) -> str:
    parts = [f"<h3>{_text(section.title)}</h3>"]
    if section.chart is not None:
        wide, narrow = (_data(svg(section.chart, width)) for width in (_WIDE, _NARROW))
        parts.append(_legend(section))
        parts.append(
            f'<figure><picture><source media="(max-width: 560px)" srcset="{narrow}">'
            f'<img src="{wide}" width="{_WIDE}" alt="{_text(section.title)}"></picture></figure>'
        )
    if section.rows:
        note = f"{section.rest} {_NOTES[section.name]}".strip()
        parts += [f'<p class="note">{escape(note)}</p>', _table(section)]
    return "\n".join(parts)


def _legend(section: Section) -> str:
    # A border, since printers leave backgrounds out.
    items = "".join(
        f'<li><span style="border: 6px solid {colour}"></span>{escape(words)}</li>'
        for words, colour in section.legend.items()
    )
    return f'<ul class="legend" aria-label="Colours">{items}</ul>' if items else ""


def _table(section: Section) -> str:
    known = {column.key: column for column in section.columns} | {_PROJECT.key: _PROJECT}
    columns = [known[key] for key in _COLUMNS[section.name]]
    rows = list(section.rows)
    # Weeks run on to now: there, the last ones are those to show.
    shown = rows[-_ROWS_OF_A_TABLE:] if section.name == "utilisation-by-week" else rows[:_ROWS_OF_A_TABLE]
    head = "".join(f"<th{_aligned(column.kind)}>{escape(column.title)}</th>" for column in columns)
    body = "".join(
        "<tr>"
        + "".join(f"<td{_aligned(column.kind)}>{_text(_said(column.kind, row[column.key]))}</td>" for column in columns)
        + "</tr>"
        for row in shown
    )
    more = len(rows) - len(shown)
    rest = f'<p class="note">and {more:,} more, in the dashboard</p>' if more > 0 else ""
    return f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{rest}'


def _text(words: str) -> str:
    """Escape text that may contain a name."""
    return escape(printable(words))


def _aligned(kind: str) -> str:
    return ' class="number"' if kind in _PLACES else ' class="date"' if kind == "date" else ""


def _said(kind: str, value: Any) -> str:
    if value is None:
        return "–"
    if kind in _PLACES:
        return f"{value * 100 if kind == 'share' else value:,.{_PLACES[kind]}f}"
    return day(value) if isinstance(value, date) else str(value)


def _data(drawn: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn.encode()).decode()}"
