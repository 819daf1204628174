"""Render a page with marimo: escaped text, and charts with their tables below."""

from __future__ import annotations

from collections.abc import Sequence

import marimo as mo
from markupsafe import Markup

from harvest_warehouse.dashboard.formatting import count, listed
from harvest_warehouse.dashboard.header import Header, verdict, without_rate
from harvest_warehouse.dashboard.markup import code, rendered, templates
from harvest_warehouse.dashboard.page import Page, Section

_FORMATS = {"money": "{:,.2f}", "hours": "{:,.2f}", "share": "{:,.1f}", "number": "{:,.1f}", "count": "{:,.0f}"}
_ROWS_OF_A_TABLE = 10
_TEMPLATES = templates(__file__)


def head(header: Header, currency: str | None, page: object, filters: Sequence[object]) -> mo.Html:
    """Render the header of a page: account, facts, navigation and filters."""
    choices = mo.hstack(filters, justify="start", align="end", wrap=True, gap=1)
    html = _TEMPLATES.get_template("head.html").render(
        _standing(header, currency), pages=rendered(mo.as_html(page).text), filters=rendered(choices.text)
    )
    return mo.Html(html)


def _standing(header: Header, currency: str | None) -> dict[str, object]:
    """Values for standing.html: the account's name, and facts about the reliability of its figures."""
    facts = (
        ("As of", header.dated),
        ("Currency", currency or "none"),
        ("Compared with Harvest", verdict(header)),
        ("Without a rate", without_rate(header)),
        *([("Never read from Harvest", listed(header.never_read))] if header.never_read else []),
    )
    return {"account_name": header.account_name, "facts": facts}


def problem(words: str, again: object) -> mo.Html:
    """Render a message that nothing can be shown now, with the control that retries."""
    # The words are inserted after Markdown was rendered, so that they are not taken as markup.
    paragraphs = rendered(mo.md("{words}\n\nThis page tries again by itself every 5 seconds.").text)
    told = mo.callout(mo.Html(str(paragraphs.format(words=code(words)))), kind="warn")
    html = _TEMPLATES.get_template("problem.html").render(
        told=rendered(told.text), again=rendered(mo.as_html(again).text)
    )
    return mo.Html(html)


class Drawn(mo.Html):
    """Rendered page that keeps its tables and buttons alive: marimo holds them by weak references only."""

    def __init__(self, text: str, parts: Sequence[object]) -> None:
        super().__init__(text)
        self.parts = parts


def drawn(page: Page) -> Drawn:
    """Render a page; the result must be kept for as long as it is shown."""
    parts: list[object] = []
    sections = [_section(section, parts) for section in page.sections]
    return Drawn(_TEMPLATES.get_template("page.html").render(page=page, sections=sections), parts)


def outlined(page: Page, header: Header, currency: str, style: str) -> str:
    """Render a page's figures and conclusions as plain HTML, shown until marimo has drawn the rest."""
    outline = _TEMPLATES.get_template("outline.html")
    return outline.render(_standing(header, currency), page=page, style=rendered(style))


def _section(section: Section, kept: list[object]) -> tuple[Section, Markup, str, Markup]:
    """Section with its chart, its note and its table, rendered; each empty if there is none."""
    chart = rendered(mo.as_html(section.chart).text if section.chart is not None else "")
    if not section.rows:
        return section, chart, "", Markup()
    table, download = _table(section), _download(section)
    kept += [table, download]
    words = f"Table: {count(len(section.rows), 'row')}"
    shown = mo.vstack([table, mo.hstack([download], justify="start")])
    below = mo.accordion({words: shown}) if section.chart is not None else shown
    return section, chart, f"{section.rest} {section.note}".strip(), rendered(below.text)


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
