"""A chart of the dashboard as a drawing: no browser, no script, and nothing to hover over."""

from __future__ import annotations

from typing import Any

import vl_convert

from harvest_warehouse.dashboard.page import Chart

# Widths of letters are those of Arial; where a page has another font, there is some room.
_FONT = "Arial, Helvetica, 'Liberation Sans', sans-serif"
_ROOM = {"left": 18, "right": 18, "top": 4, "bottom": 4}
# On a telephone: shorter labels.
_NARROW = 450


def svg(chart: Chart, width: int) -> str:
    """The chart as SVG, so many pixels wide, labels and all."""
    spec: dict[str, Any] = chart.to_dict() | {"width": width, "padding": _ROOM}
    config = spec.setdefault("config", {})
    config["font"] = _FONT
    if width < _NARROW:
        # From the right edge to the left, a long title has room below the labels.
        config.setdefault("axisX", {}).update(titleAnchor="end")
        _narrow(spec)
    return str(vl_convert.vegalite_to_svg(spec))


def _narrow(part: Any) -> None:
    for key, value in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        if key == "labelLimit" and value:
            part[key] = 110
        _narrow(value)
