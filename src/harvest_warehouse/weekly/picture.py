"""Render the first half of the weekly report as one picture, for a chat or a slide."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

import vl_convert
from markupsafe import Markup

from harvest_warehouse.dashboard.chart_svg import drawable, svg
from harvest_warehouse.dashboard.header import verdict
from harvest_warehouse.dashboard.markup import rendered
from harvest_warehouse.dashboard.page import Section, Tile
from harvest_warehouse.weekly.content import Week
from harvest_warehouse.weekly.html import CALLS, calls, currency_lines, warnings

_WIDTH, _MARGIN, _GAP = 1240, 30, 30
_INNER = _WIDTH - 2 * _MARGIN
_SCALE = 1.5
_DARK, _RED = "#1c2024", "#cf3838"
# Where the columns of the calls and of the currencies begin.
_CALL_COLUMNS = (0, 210, 350, 760)


def picture(accounts: Sequence[Week]) -> bytes:
    """Render the picture as PNG."""
    drawing = _Drawing()
    for week in accounts:
        head = week.header
        called, currencies, *others = week.page.sections
        drawing.text(f"{head.account_name}: the week", 26, is_bold=True)
        for words in warnings(week):
            drawing.text(words.replace("`", ""), 17, is_bold=True, colour=_RED)
        drawing.text(f"As of {head.dated} · compared with Harvest: {verdict(head)}", 14)
        drawing.text("Who to call this Monday", 20, is_bold=True)
        drawing.text(called.title, 15, is_bold=True)
        everyone = calls(week)
        drawing.table([(one.client, one.amount, one.what, one.people) for one in everyone[:CALLS]], _CALL_COLUMNS)
        if len(everyone) > CALLS:
            drawing.text(f"and {len(everyone) - CALLS:,} more, in the dashboard", 13)
        drawing.tiles(week.page.tiles)
        names, lines = currency_lines(currencies)
        drawing.text(currencies.title, 15, is_bold=True)
        if lines:
            drawing.table([names, *lines], [number * _INNER // len(names) for number in range(len(names))])
        drawing.sections([one for one in others if one.chart is not None])
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
            'viewBox="0 0 {width} {height:.0f}" font-family="sans-serif" fill="{dark}">'
            '<rect width="{width}" height="{height:.0f}" fill="#ffffff"/>{parts}</svg>'
        ).format(width=_WIDTH, height=height, dark=_DARK, parts=Markup().join(self._parts))

    def text(self, words: str, size: int, *, is_bold: bool = False, colour: str = _DARK) -> None:
        """Add text, wrapped to the whole width."""
        for line in textwrap.wrap(words, int(1.8 * _INNER / size)) or [""]:
            self._write(line, _MARGIN, self._y + size, size, is_bold=is_bold, colour=colour)
            self._y += size * 1.35
        self._y += 8

    def table(self, rows: Sequence[Sequence[str]], columns: Sequence[int]) -> None:
        """Add rows of text, each cell wrapped to its column."""
        ends = [*columns[1:], _INNER]
        for row in rows:
            cells = [
                textwrap.wrap(words, (end - start - 16) // 7)
                for words, start, end in zip(row, columns, ends, strict=True)
            ]
            for lines, start in zip(cells, columns, strict=True):
                for number, line in enumerate(lines):
                    self._write(line, _MARGIN + start, self._y + 14 + 17 * number, 13)
            self._y += 17 * max(1, *map(len, cells)) + 7
        self._y += 8

    def tiles(self, tiles: Sequence[Tile]) -> None:
        """Add tiles side by side."""
        width = (_INNER - 12 * (len(tiles) - 1)) / len(tiles)
        notes = [textwrap.wrap(tile.note, int((width - 24) / 6.2)) for tile in tiles]
        height = 66 + 16 * max(1, *map(len, notes))
        for number, (tile, lines) in enumerate(zip(tiles, notes, strict=True)):
            x = _MARGIN + number * (width + 12)
            self._box(x, width, height, is_alarming=tile.is_alarming)
            self._write(tile.label, x + 14, self._y + 22, 13)
            self._write(tile.figure, x + 14, self._y + 52, 25, is_bold=True)
            for line, words in enumerate(lines):
                self._write(words, x + 14, self._y + 74 + 16 * line, 12)
        self._y += height + 20

    def sections(self, sections: Sequence[Section]) -> None:
        """Add sections side by side: each a title with its chart below."""
        width = (_INNER - (len(sections) - 1) * _GAP) // max(len(sections), 1)
        bottoms = [self._section(one, _MARGIN + number * (width + _GAP), width) for number, one in enumerate(sections)]
        self._y = max(bottoms, default=self._y) + 24

    def _section(self, section: Section, x: float, width: int) -> float:
        y = self._y
        for line in textwrap.wrap(section.title, width // 8):
            self._write(line, x, y + 16, 16, is_bold=True)
            y += 22
        y = self._legend(section, x, y, width)
        drawn = svg(section.chart, width) if section.chart is not None else "<svg"
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

    def _box(self, x: float, width: float, height: float, *, is_alarming: bool) -> None:
        frame = Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{}" rx="6" fill="none" stroke="#c4c9cf"/>')
        self._parts.append(frame.format(x, self._y, width, height))
        if is_alarming:
            flag = Markup('<rect x="{:.1f}" y="{:.1f}" width="5" height="{}" fill="{}"/>')
            self._parts.append(flag.format(x, self._y, height, _RED))

    def _write(self, words: str, x: float, y: float, size: int, *, is_bold: bool = False, colour: str = _DARK) -> None:
        weight = Markup(' font-weight="700"') if is_bold else Markup()
        text = Markup('<text x="{:.1f}" y="{:.1f}" font-size="{}" fill="{}"{}>{}</text>')
        self._parts.append(text.format(x, y, size, colour, weight, words))
