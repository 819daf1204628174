"""Render a chart of the dashboard as a static picture, without a browser or scripts."""

from __future__ import annotations

import copy
import json
import re
from functools import lru_cache
from typing import Any

import vl_convert

from harvest_warehouse.dashboard.page import Chart
from harvest_warehouse.dashboard.small_png import small

# Text is measured in Arial; the padding allows for other fonts.
_FONT = "Arial, Helvetica, 'Liberation Sans', sans-serif"
_ROOM = {"left": 18, "right": 18, "top": 4, "bottom": 4}
_SHARP = 1.5
# Below this width (phones), labels are shortened.
_NARROW = 450
# Vega may cut a label inside a surrogate pair, and then fails: these characters are replaced while it renders.
_IN_TWO_HALVES = re.compile(r"[\U00010000-\U0010ffff]")
_STANDING_IN = range(0xE000, 0xF900)
# Characters that XML does not allow, not even escaped: https://www.w3.org/TR/xml/#charsets
_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def svg(chart: Chart, width: int) -> str:
    """Render a chart as SVG, `width` pixels wide including its labels."""
    spec = copy.deepcopy(dict(chart)) | {"width": width, "padding": _ROOM}
    config = spec.setdefault("config", {})
    config["font"] = _FONT
    if width < _NARROW:
        # Right-aligned, a long axis title has room below the labels.
        config.setdefault("axisX", {}).update(titleAnchor="end")
        _narrow(spec)
    text = json.dumps(_drawable(spec), ensure_ascii=False)
    free = (chr(code) for code in _STANDING_IN if chr(code) not in text)
    standing_in = dict(zip(sorted(set(_IN_TWO_HALVES.findall(text))), free, strict=False))
    return _rendered(text.translate(str.maketrans(standing_in))).translate(
        str.maketrans({other: sign for sign, other in standing_in.items()})
    )


@lru_cache(maxsize=64)
def _rendered(spec: str) -> str:
    """Render a specification; a chart that a filter does not change is not drawn again."""
    drawing: str = vl_convert.vegalite_to_svg(spec)
    return drawing


def png(chart: Chart, width: int) -> bytes:
    """Render a chart as PNG, sharp on screens and paper, and small enough for mail."""
    return small(bytes(vl_convert.svg_to_png(drawable(svg(chart, width)), scale=_SHARP)))


def drawable(words: str) -> str:
    """Replace characters that XML does not allow: a single one in a name would crash the renderer."""
    return _NOT_IN_XML.sub("\ufffd", words)


def _drawable(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _drawable(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_drawable(value) for value in part]
    return drawable(part) if isinstance(part, str) else part


def _narrow(part: Any) -> None:
    for key, value in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        if key == "labelLimit" and value:
            part[key] = 110
        _narrow(value)
