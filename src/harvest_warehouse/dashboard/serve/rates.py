"""Leave out what tells rates, costs and margins, for people who may not see them (`show --hide-rates`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from harvest_warehouse.dashboard.calls import LOST
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.page import Page, Section, Tile
from harvest_warehouse.dashboard.sections_company import calls

PAGES = ("Margin",)
"""Pages that are about rates, costs and margins as a whole."""

# By its words, so that a new figure is left out unless somebody has made sure that it may be seen.
_TELLS = re.compile(r"\b(rates?|costs?|margins?|profit\w*)\b", re.IGNORECASE)


def without_rates(page: Page, header: Header) -> Page:
    """Leave out each tile and section whose words, columns or chart are about rates, costs or margins, and calls about losses."""
    return replace(
        page,
        tiles=tuple(tile for tile in page.tiles if not _tells_tile(tile)),
        sections=tuple(_without_losses(section, header) for section in page.sections if not _tells_section(section)),
    )


def _without_losses(section: Section, header: Header) -> Section:
    if not any(row.get("kind") == LOST for row in section.rows):
        return section
    return calls([row for row in section.rows if row["kind"] != LOST], header)


def _tells_tile(tile: Tile) -> bool:
    return bool(_TELLS.search(f"{tile.label} {tile.note}"))


def _tells_section(section: Section) -> bool:
    words = [section.title, section.name.replace("-", " "), *(column.title for column in section.columns)]
    return any(_TELLS.search(said) for said in words) or _tells_chart(section)


def _tells_chart(section: Section) -> bool:
    return any(_TELLS.search(title) for title in _titles(section.chart))


def _titles(part: object) -> list[str]:
    """Titles of a chart's axes and tooltips."""
    if isinstance(part, Mapping):
        own = [str(part["title"])] if isinstance(part.get("title"), str) else []
        return own + [title for key, value in part.items() if key != "datasets" for title in _titles(value)]
    return [title for value in part for title in _titles(value)] if isinstance(part, list) else []
