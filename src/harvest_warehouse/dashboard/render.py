"""Render pages as HTML: escaped text, charts with their tables below, and links to what is behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from harvest_warehouse.dashboard.drawing import Drawing, drawing
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.formatting import count, day, listed
from harvest_warehouse.dashboard.header import Header, verdict, without_rate
from harvest_warehouse.dashboard.markup import templates
from harvest_warehouse.dashboard.page import Column, Kind, Page, Section, Tile
from harvest_warehouse.dashboard.records.behind import Behind
from harvest_warehouse.dashboard.url import WEEKS, address, filters_of, path_of, slug, targets

_FORMATS: Mapping[Kind, str] = {
    "money": ",.2f",
    "rate": ",.2f",
    "hours": ",.2f",
    "share": ",.1f",
    "number": ",.1f",
    "count": ",.0f",
}
# A table without a chart shows so many rows at once, and the others on request.
_ROWS_AT_ONCE = 10
# Longer tables are downloaded as a whole.
_MOST_ROWS = 500
_TEMPLATES = templates(__file__)
STATIC: Mapping[str, tuple[str, bytes]] = {
    name: (kind, (Path(__file__).parent / "static" / name).read_bytes())
    for name, kind in (("style.css", "text/css"), ("app.js", "text/javascript"))
}
"""Files of the pages: their type and content, by name."""


@dataclass(frozen=True)
class Shell:
    """What surrounds each page: navigation, filters and the facts about its figures.

    Attributes:
        header: header of the account.
        accounts: names of all accounts, by id.
        pages: names of the pages that may be seen.
        chosen: the filters.
        query: query of an address that asks for them.
        hides_rates: whether rates, costs and margins are left out.
    """

    header: Header
    accounts: Mapping[str, str]
    pages: Sequence[str]
    chosen: Filters
    query: list[tuple[str, str]]
    hides_rates: bool = False

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Facts about the reliability of the figures, by name."""
        return [
            ("As of", self.header.dated),
            ("Compared with Harvest", verdict(self.header)),
            *([] if self.hides_rates else [("Without a rate", without_rate(self.header))]),
            *([("Never read from Harvest", listed(self.header.never_read))] if self.header.never_read else []),
        ]


@dataclass(frozen=True)
class Cell:
    """Cell of a table: its text, its CSS class, and its link."""

    text: str
    kind: str = ""
    link: str | None = None


@dataclass(frozen=True)
class _Shown:
    """Section as the page shows it."""

    section: Section
    drawing: Drawing | None
    note: str
    head: list[Cell]
    rows: list[list[Cell]]
    rest: list[list[Cell]]
    cut: str


def page(shell: Shell, name: str, content: Page) -> str:
    """Render a page of the dashboard."""
    chosen = shell.chosen if "currency" in filters_of(name) else replace(shell.chosen, currency="", client_ids=())
    behind = Behind(chosen, shell.query)
    sections = [_shown(section, partial(behind.row, section.name)) for section in content.sections]
    tiles: list[tuple[Tile, str | None]] = [(tile, behind.tile(tile.label)) for tile in content.tiles]
    return _render(
        "page.html",
        shell,
        name,
        page=content,
        tiles=tiles,
        sections=sections,
        download=f"/{slug(name)}",
        canonical=address(path_of(name), shell.query),
    )


def rows(shell: Shell, title: str, path: str, query: Sequence[tuple[str, str]], records: Section) -> str:
    """Render the records behind a figure."""
    section = _shown(records, lambda _: None)
    everything = [*section.rows, *section.rest]
    return _render(
        "rows.html",
        shell,
        "",
        title=title,
        section=section,
        rows=everything,
        download=path,
        asked=query,
        canonical=address(path, query),
    )


def problem(words: str, *, comes_again: bool) -> str:
    """Render a message that nothing can be shown now; the page may load itself again."""
    return _TEMPLATES.get_template("problem.html").render(words=words, comes_again=comes_again, static=static_address)


def static_address(name: str) -> str:
    """Address of a static file, which changes with its content."""
    return f"/static/{sha256(STATIC[name][1]).hexdigest()[:12]}/{name}"


def _render(template: str, shell: Shell, name: str, **values: Any) -> str:
    acting = filters_of(name) if name else ()
    return _TEMPLATES.get_template(template).render(
        shell=shell,
        name=name,
        navigation=[(page, address(path_of(page), shell.query)) for page in shell.pages],
        acting=acting,
        kept=[pair for pair in shell.query if pair[0] not in (*acting, "account")],
        weeks=WEEKS,
        targets=targets(shell.header),
        behind=Behind(shell.chosen, shell.query),
        link=address,
        path=path_of(name) if name else "",
        static=static_address,
        **values,
    )


def _shown(section: Section, link: Callable[[Mapping[str, Any]], str | None]) -> _Shown:
    drawn = drawing(section, link)
    lines = [
        [_cell(column, row, link(row) if place == 0 else None) for place, column in enumerate(section.columns)]
        for row in section.rows[:_MOST_ROWS]
    ]
    at_once = 0 if drawn else _ROWS_AT_ONCE if len(lines) > _ROWS_AT_ONCE + 2 else len(lines)
    cut = (
        f"The first {_MOST_ROWS:,} of {count(len(section.rows), 'row')}; the downloads have all."
        if len(section.rows) > _MOST_ROWS
        else ""
    )
    return _Shown(
        section,
        drawn,
        f"{section.rest} {section.note}".strip() if section.rows else "",
        [Cell(column.title, _class(column)) for column in section.columns],
        lines[:at_once],
        lines[at_once:],
        cut,
    )


def _cell(column: Column, row: Mapping[str, Any], link: str | None) -> Cell:
    value = column.shown(row[column.key])
    if column.kind == "link":
        return Cell("Open", "", value) if value else Cell("–")
    if value is None:
        return Cell("–", _class(column), link)
    said = minus(format(value, _FORMATS[column.kind])) if column.kind in _FORMATS else str(value)
    if column.kind == "date":
        said = day(row[column.key])
    elif column.kind == "instant":
        said = f"{day(row[column.key])}, {row[column.key]:%H:%M}"
    return Cell(said, _class(column), link)


def minus(number: str) -> str:
    """Write a negative number with a minus sign instead of a hyphen."""
    return number.replace("-", "\N{MINUS SIGN}", 1) if number.startswith("-") else number


def _class(column: Column) -> str:
    return "number" if column.kind in _FORMATS else column.kind if column.kind in ("code", "date", "instant") else ""
