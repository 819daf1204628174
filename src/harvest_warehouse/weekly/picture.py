"""Render the figures and charts of the weekly report as one picture, for a chat or a slide."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

import vl_convert
from markupsafe import Markup

from harvest_warehouse.dashboard.chart_svg import drawable, svg
from harvest_warehouse.dashboard.formatting import day
from harvest_warehouse.dashboard.markup import rendered
from harvest_warehouse.dashboard.page import Section, Tile
from harvest_warehouse.dashboard.render import verdict
from harvest_warehouse.weekly.content import Week
from harvest_warehouse.weekly.html import warning

_WIDTH, _MARGIN, _GAP = 1240, 30, 30
_INNER = _WIDTH - 2 * _MARGIN
_TILE_HEIGHT = 92
_SCALE = 1.5


def picture(accounts: Sequence[Week]) -> bytes:
    """Render the picture as PNG."""
    drawing = _Drawing()
    for week in accounts:
        head = week.header
        drawing.text(f"{head.account_name}: the week", 26, is_bold=True)
        drawing.text(f"As of {day(head.as_of_date)} · compared with Harvest: {verdict(head)}", 14)
        if week.header.never_read:
            drawing.text(warning(week), 14, is_bold=True)
        sections = [week.utilisation]
        tiles = [*week.tiles]
        if len(week.money) == 1:
            tiles += week.money[0].tiles
            sections += week.money[0].sections
        drawing.tiles(tiles)
        drawing.sections(sections)
        for money in week.money if len(week.money) > 1 else ():
            drawing.text(money.currency, 20, is_bold=True)
            drawing.tiles(money.tiles)
            drawing.sections(money.sections)
    return bytes(vl_convert.svg_to_png(drawable(drawing.svg()), scale=_SCALE))


class _Drawing:
    """SVG drawing to which parts are added from top to bottom."""

    def __init__(self) -> None:
        self._parts: list[Markup] = []
        self._y = float(_MARGIN)

    def svg(self) -> str:
        """Complete SVG, on a white background."""
        height = self._y + _MARGIN
        return Markup(
            '<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:.0f}" '
            'viewBox="0 0 {width} {height:.0f}" font-family="sans-serif" fill="#1c2024">'
            '<rect width="{width}" height="{height:.0f}" fill="#ffffff"/>{parts}</svg>'
        ).format(width=_WIDTH, height=height, parts=Markup().join(self._parts))

    def text(self, words: str, size: int, *, is_bold: bool = False) -> None:
        """Add text, wrapped to the whole width."""
        for line in textwrap.wrap(words, int(2 * _INNER / size)) or [""]:
            self._write(line, _MARGIN, self._y + size, size, is_bold=is_bold)
            self._y += size * 1.35
        self._y += 8

    def tiles(self, tiles: Sequence[Tile]) -> None:
        """Add tiles side by side."""
        width = (_INNER - 12 * (len(tiles) - 1)) / len(tiles)
        for number, tile in enumerate(tiles):
            x = _MARGIN + number * (width + 12)
            self._box(x, width, is_alarming=tile.is_alarming)
            fits = int((width - 24) / 6)
            self._write(_short(tile.label, fits), x + 14, self._y + 22, 13)
            self._write(tile.figure, x + 14, self._y + 52, 25, is_bold=True)
            self._write(_short(tile.note, fits), x + 14, self._y + 76, 12)
        self._y += _TILE_HEIGHT + 20

    def sections(self, sections: Sequence[Section]) -> None:
        """Add sections side by side: each a title with its chart below."""
        columns = 2 if len(sections) == 4 else min(len(sections), 3)
        width = (_INNER - (columns - 1) * _GAP) // columns
        for first in range(0, len(sections), columns):
            bottoms = [
                self._section(section, _MARGIN + number * (width + _GAP), width)
                for number, section in enumerate(sections[first : first + columns])
            ]
            self._y = max(bottoms) + 24

    def _section(self, section: Section, x: float, width: int) -> float:
        y = self._y
        for line in textwrap.wrap(section.title, width // 8):
            self._write(line, x, y + 16, 16, is_bold=True)
            y += 22
        if section.chart is None:
            return y
        y = self._legend(section, x, y, width)
        drawn = svg(section.chart, width)
        size = re.search(r'<svg[^>]*? width="([\d.]+)" height="([\d.]+)"', drawn)
        placed = Markup('<svg x="{}" y="{:.0f}"').format(x, y + 6)
        self._parts.append(placed + rendered(drawn[drawn.index("<svg") :].removeprefix("<svg")))
        return y + 6 + (float(size[2]) if size else 0)

    def _legend(self, section: Section, x: float, y: float, width: int) -> float:
        left = x
        for words, colour in section.legend.items():
            wide = 34 + 6.5 * len(words)
            if left > x and left + wide > x + width:
                left, y = x, y + 19
            box = Markup('<rect x="{:.1f}" y="{:.1f}" width="12" height="12" fill="{}"/>')
            self._parts.append(box.format(left, y + 5, colour))
            self._write(words, left + 18, y + 16, 13)
            left += wide
        return y + 19 if section.legend else y

    def _box(self, x: float, width: float, *, is_alarming: bool) -> None:
        frame = Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{}" rx="6" fill="none" stroke="#c4c9cf"/>')
        self._parts.append(frame.format(x, self._y, width, _TILE_HEIGHT))
        if is_alarming:
            flag = Markup('<rect x="{:.1f}" y="{:.1f}" width="5" height="{}" fill="#cf3838"/>')
            self._parts.append(flag.format(x, self._y, _TILE_HEIGHT))

    def _write(self, words: str, x: float, y: float, size: int, *, is_bold: bool = False) -> None:
        weight = Markup(' font-weight="700"') if is_bold else Markup()
        text = Markup('<text x="{:.1f}" y="{:.1f}" font-size="{}"{}>{}</text>')
        self._parts.append(text.format(x, y, size, weight, words))


def _short(words: str, signs: int) -> str:
    return textwrap.shorten(words, signs, placeholder=" …")
