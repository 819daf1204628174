"""The picture docs/images/architecture.svg: how data flows, and the layers of the warehouse as the import contract has them."""

from __future__ import annotations

import tomllib
from html import escape
from pathlib import Path

_WIDTH = 1040
_ROW = 46
_TOP = 262
_LEFT = 28
_LAYERS = 742
_SIDE = 792
_INK, _PAPER, _LINE, _BLUE, _SAND, _GREY = "#1f2933", "#ffffff", "#9aa5b1", "#dbeafe", "#fef3c7", "#eef1f4"
# What a layer is for, by its first package.
_WORDS = {
    "cli": "what people type; only here something is printed",
    "sync": "whole jobs: keep equal, move elsewhere, report",
    "doctor": "single jobs that compare or show",
    "alerts": "single jobs on the tables",
    "database": "run, lock, connection, our own tables, state",
    "warehouse": "where an account's rows go",
    "destinations": "one for each database: SQL dialect, client",
    "messages": "words and settings",
}
_FLOW = (
    ("Harvest", "API v2"),
    ("source", "reads pages"),
    ("load", "writes tables"),
    ("sync", "sweep, history"),
    ("verify", "proves, repairs"),
    ("marts", "SQL and checks"),
    ("answers", "alerts, pages, sql"),
)


def architecture_picture() -> str:
    """The picture, as SVG that fetches nothing."""
    layers = _layers()
    height = _TOP + _ROW * len(layers) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif">',
        "<title>How data flows through dlt-harvest, and the layers of its packages</title>",
        f'<defs><marker id="tip" markerWidth="9" markerHeight="8" refX="8" refY="4" orient="auto"><path d="M0 0L9 4L0 8z" fill="{_INK}"/></marker></defs>',
        f'<rect width="{_WIDTH}" height="{height}" fill="{_PAPER}"/>',
        *_flow(),
        *_stack(layers),
        *_neighbours(len(layers)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _layers() -> list[list[str]]:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    [layers] = [one["layers"] for one in contracts if one.get("containers") == ["harvest_warehouse"]]
    return [layer.split(" | ") for layer in layers]


def _flow() -> list[str]:
    parts = [_text(_LEFT, 34, "How data flows", 17, bold=True)]
    width, gap = 118, 26
    for place, (name, words) in enumerate(_FLOW):
        x = _LEFT + place * (width + gap)
        parts += [_box(x, 52, width, 62, _SAND if place in (0, len(_FLOW) - 1) else _BLUE)]
        parts += [_text(x + width / 2, 79, name, 15, bold=True, middle=True)]
        parts += [_text(x + width / 2, 100, words, 12, middle=True)]
        if place:
            parts.append(_arrow(x - gap + 2, 83, x - 3, 83))
    first, last = _LEFT + 2 * (width + gap), _LEFT + 6 * (width + gap) - gap
    parts += [_box(first, 148, last - first, 50, _GREY)]
    parts.append(_text((first + last) / 2, 170, "your database", 15, bold=True, middle=True))
    words = "Harvest's tables, harvest_* tables, histories, marts, and the state of each stream"
    parts.append(_text((first + last) / 2, 188, words, 12, middle=True))
    for place in range(2, 6):
        x = _LEFT + place * (width + gap) + width / 2
        parts.append(_arrow(x, 115, x, 146, is_dashed=True))
    x = _LEFT + 6 * (width + gap) + width / 2
    parts.append(f'<path d="M{last} 173H{x}V117" fill="none" stroke="{_INK}" marker-end="url(#tip)"/>')
    return parts


def _stack(layers: list[list[str]]) -> list[str]:
    title = "The packages of harvest_warehouse: a layer may import those below it"
    parts = [_text(_LEFT, _TOP - 18, title, 17, bold=True)]
    for place, names in enumerate(layers):
        y = _TOP + place * _ROW
        parts.append(_box(_LEFT, y, _LAYERS - _LEFT, _ROW - 8, _BLUE))
        parts.append(_text(_LEFT + 14, y + 24, "  ·  ".join(names), 15, bold=True))
        parts.append(_text(_LAYERS - 14, y + 24, _WORDS[sorted(names, key=_known)[0]], 12, end=True))
    return parts


def _known(name: str) -> bool:
    return name not in _WORDS


def _neighbours(count: int) -> list[str]:
    width, bottom = _WIDTH - _LEFT - _SIDE, _TOP + count * _ROW - 8
    parts = [_box(_SIDE, _TOP, width, 84, _SAND)]
    parts.append(_text(_SIDE + width / 2, _TOP + 32, "harvest_simulator", 15, bold=True, middle=True))
    parts.append(_text(_SIDE + width / 2, _TOP + 54, "a Harvest account here;", 12, middle=True))
    parts.append(_text(_SIDE + width / 2, _TOP + 70, "imports nothing of ours", 12, middle=True))
    parts.append(_arrow(_LAYERS, _TOP + 19, _SIDE - 3, _TOP + 19))
    top = _TOP + 2 * _ROW + 18
    middle, half = _SIDE + width / 2, (top + bottom) / 2
    parts.append(_box(_SIDE, top, width, bottom - top, _SAND))
    parts.append(_text(middle, half - 26, "harvest_time_tracking", 15, bold=True, middle=True))
    for place, words in enumerate(
        ("the source, for any dlt pipeline:", "catalogue, client, pages, rows;", "imports dlt alone")
    ):
        parts.append(_text(middle, half - 2 + place * 17, words, 12, middle=True))
    parts.append(_arrow(_LAYERS, half, _SIDE - 3, half))
    words = "Arrows across: may import. Every layer may use the source; the command line alone knows the simulator."
    parts.append(_text(_LEFT, bottom + 28, words, 12))
    return parts


def _box(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="7" fill="{fill}" stroke="{_LINE}"/>'


def _text(
    x: float, y: float, words: str, size: int, *, bold: bool = False, middle: bool = False, end: bool = False
) -> str:
    anchor = ' text-anchor="middle"' if middle else ' text-anchor="end"' if end else ""
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{_INK}"{weight}{anchor}>{escape(words)}</text>'


def _arrow(x: float, y: float, to_x: float, to_y: float, *, is_dashed: bool = False) -> str:
    dashes = "" if not is_dashed else ' stroke-dasharray="3 3"'
    return f'<path d="M{x:g} {y:g}L{to_x:g} {to_y:g}" fill="none" stroke="{_INK}"{dashes} marker-end="url(#tip)"/>'
