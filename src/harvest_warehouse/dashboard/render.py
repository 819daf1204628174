"""Render a page with marimo: escaped text, charts, and each chart's table below it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

import marimo as mo

from harvest_warehouse.dashboard.formatting import count, day, listed
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.page import Page, Section, Tile
from harvest_warehouse.database.system_tables import AGREED

_FORMATS = {"money": "{:,.2f}", "hours": "{:,.2f}", "share": "{:,.1f}", "number": "{:,.1f}", "count": "{:,.0f}"}
_ROWS_OF_A_TABLE = 10
_VERDICTS = {"missing_here": "missing here", "missing_there": "missing at Harvest", "not_provable": "not provable"}


def head(header: Header, currency: str | None, page: object, filters: Sequence[object]) -> mo.Html:
    """Render the header of a page: account, facts, navigation and filters."""
    choices = mo.hstack(filters, justify="start", align="end", wrap=True, gap=1)
    return mo.Html(
        f'<header class="head">{standing(header, currency)}<nav aria-label="Pages">{mo.as_html(page).text}</nav>'
        f"{choices.text}</header>"
    )


def standing(header: Header, currency: str | None) -> str:
    """Render the account's name and the facts that its figures rest on."""
    facts = (
        ("As of", f"{day(header.as_of_date)} (loaded {header.loaded_at:%Y-%m-%d %H:%M} UTC)"),
        ("Currency", currency or "none"),
        ("Compared with Harvest", verdict(header)),
        ("Without a rate", without_rate(header)),
        *([("Never read from Harvest", listed(header.never_read))] if header.never_read else []),
    )
    items = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(words)}</dd></div>" for name, words in facts)
    return f'<p class="account">{escape(header.account_name)}</p><dl class="standing">{items}</dl>'


def problem(words: str, again: object) -> mo.Html:
    """Render a message that there is nothing to show now, with the control that retries."""
    told = mo.callout(mo.md(f"{words}\n\nThis page tries again by itself every 5 seconds."), kind="warn")
    return mo.Html(
        f'<main class="page" role="alert">{told.text}<div class="again">{mo.as_html(again).text}</div></main>'
    )


def verdict(header: Header) -> str:
    """Summarise the comparison with Harvest in one line: exact, ties, and all other verdicts."""
    if not header.verdicts or header.compared_at is None:
        return "not run"
    exact, ties = (header.verdicts.get(name, 0) for name in AGREED)
    said = [f"{exact:,} exact", count(ties, "tie")]
    said += [
        f"{number:,} {_VERDICTS.get(name, name)}"
        for name, number in sorted(header.verdicts.items())
        if name not in AGREED
    ]
    return f"{', '.join(said)} ({day(header.compared_at)})"


def without_rate(header: Header) -> str:
    """Count the time entries without a billable rate or a cost rate, as text."""
    unread = [name for name in ("time_entries", "projects") if name in header.never_read]
    if unread:
        # Which of them need a rate is written in their projects.
        return f"not known: {listed(unread)} were never read from Harvest"
    return f"{count(header.without_billable_rate, 'billable entry', 'billable entries')}, {header.without_cost_rate:,} without a cost rate"


class Drawn(mo.Html):
    """Rendered page that keeps its tables and buttons alive: marimo holds them by weak references only."""

    def __init__(self, text: str, parts: Sequence[object]) -> None:
        super().__init__(text)
        self.parts = parts


def drawn(page: Page) -> Drawn:
    """Render a page; the result must be kept for as long as it is shown."""
    parts: list[object] = []
    sections = "".join(_section(section, parts) for section in page.sections)
    return Drawn(f'<main class="page">{_above(page)}<div class="sections">{sections}</div></main>', parts)


def outlined(page: Page, header: Header, currency: str) -> str:
    """Render a page's figures and conclusions as plain HTML, shown until marimo has drawn the rest."""
    titles = "".join(
        f'<section class="section wide"><h2>{_said(section.title)}</h2></section>' for section in page.sections
    )
    return (
        f'<div class="head">{standing(header, currency)}<p role="status">Filters, charts and tables follow in a moment.</p>'
        f'</div><div class="page">{_above(page)}<div class="sections">{titles}</div></div>'
    )


def _above(page: Page) -> str:
    tiles = "".join(_tile(tile) for tile in page.tiles)
    return (
        f'<h1>{escape(page.title)}</h1><p class="question">{_said(page.question)}</p><div class="tiles">{tiles}</div>'
    )


def _tile(tile: Tile) -> str:
    flag = '<span class="flag" role="img" aria-label="needs attention">▲</span> ' if tile.is_alarming else ""
    return (
        f'<section class="tile"><h2>{escape(tile.label)}</h2><p class="figure">{flag}{escape(tile.figure)}</p>'
        f'<p class="note">{_said(tile.note)}</p></section>'
    )


def _section(section: Section, kept: list[object]) -> str:
    parts = [f"<h2>{_said(section.title)}</h2>"]
    if section.chart is not None:
        parts.append(_legend(section))
        parts.append(f'<figure aria-label="{escape(section.title)}">{mo.as_html(section.chart).text}</figure>')
    if section.rows and (note := f"{section.rest} {section.note}".strip()):
        parts.append(f'<p class="note">{_said(note)}</p>')
    if section.rows:
        table, download = _table(section), _download(section)
        kept += [table, download]
        words = f"Table: {count(len(section.rows), 'row')}"
        shown = mo.vstack([table, mo.hstack([download], justify="start")])
        parts.append((mo.accordion({words: shown}) if section.chart is not None else shown).text)
    return f'<section class="section{"" if section.chart is not None else " wide"}">{"".join(parts)}</section>'


def _said(words: str) -> str:
    """Escape text as HTML; text between backticks becomes code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(words))


def _legend(section: Section) -> str:
    items = "".join(
        f'<li><span class="swatch" style="background: {colour}"></span>{escape(words)}</li>'
        for words, colour in section.legend.items()
    )
    return f'<ul class="legend" aria-label="Colours">{items}</ul>' if items else ""


def _table(section: Section) -> mo.Html:
    return mo.ui.table(
        section.table(),
        selection=None,
        pagination=len(section.rows) > _ROWS_OF_A_TABLE,
        page_size=_ROWS_OF_A_TABLE,
        show_column_summaries=False,
        show_data_types=False,
        show_download=False,
        show_search=len(section.rows) > _ROWS_OF_A_TABLE,
        format_mapping={column.title: _FORMATS[column.kind] for column in section.columns if column.kind in _FORMATS},
        text_justify_columns={column.title: "right" for column in section.columns if column.kind in _FORMATS},
        wrapped_columns=[column.title for column in section.columns if column.kind == "text"],
    )


def _download(section: Section) -> mo.Html:
    return mo.download(section.csv, filename=f"{section.name}.csv", mimetype="text/csv", label="Download CSV")
