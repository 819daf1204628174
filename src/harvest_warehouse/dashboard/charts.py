"""Specify charts in Vega-Lite, on plain rows with explicit types; titles and legends are text above them.

A specification is JSON, and is written as such: Altair writes the same, but takes a second to be imported and a tenth of a
second a chart. Tests hold each against Vega-Lite's own schema. Words: https://vega.github.io/vega-lite/docs/spec.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from harvest_warehouse.dashboard import palette
from harvest_warehouse.dashboard.page import Chart
from harvest_warehouse.dashboard.reader import Row

_Part = dict[str, Any]
_HEIGHT = 260
_BAR = {"step": 24}
_LABELS = 150
WHOLE = Decimal(1)
_COUNT = ",.0f"
SHORT = "~s"  # money on an axis: 50k, 1.5M
# The page's own font; the weekly report sets another.
_FONT = "PT Sans, sans-serif"
# The rows of a chart, by which its parts name them.
_ROWS = {"name": "rows"}
_ENDS = {"name": "ends"}


@dataclass(frozen=True)
class Field:
    """Column of the rows in a chart: its title with the unit, and d3's number format."""

    key: str
    title: str
    format: str = ""

    @property
    def tooltip(self) -> _Part:
        """Tooltip of this column."""
        said = {"format": self.format} if self.format else {}
        return {"field": self.key, "type": "quantitative" if self.format else "nominal", "title": self.title, **said}


def bars(
    rows: Sequence[Row],
    label: Field,
    value: Field,
    tooltip: Sequence[Field],
    *,
    colour: Field | None = None,
    colours: Mapping[str, str] | None = None,
    mark: Decimal | None = None,
    text: Field | None = None,
    label_width: int = _LABELS,
    description: str = "",
) -> Chart:
    """Draw horizontal bars in the order of the rows, stacked if a label has several.

    Args:
        rows: one row per label, or per label and colour.
        label: column with the labels.
        value: column with the lengths.
        tooltip: columns of the tooltip.
        colour: column that decides the colour; a single colour if None.
        colours: colours by value, in the order of the legend.
        mark: position of a reference line; values must not be negative.
        text: column with text inside the end of a bar.
        label_width: pixels after which a label is cut.
        description: alternative text of the chart.
    """
    known = [name for name in colours or {} if any(row[colour.key] == name for row in rows)] if colour else []
    across = {**_quantity(value.key), "title": value.title, "axis": _axis(value.format)}
    down = _down(label, list(dict.fromkeys(row[label.key] for row in rows)), label_width)
    encoding = {"x": across, "y": down, "tooltip": [field.tooltip for field in tooltip]}
    if colour and colours:
        encoding |= {"color": _colour(colour, {name: colours[name] for name in known}), "order": _quantity("place")}
        rows = [{**row, "place": known.index(row[colour.key]) if row[colour.key] in known else 99} for row in rows]
    layers: list[_Part] = [_layer("bar", encoding, color=palette.BLUE, cornerRadiusEnd=0 if known else 2)]
    if text:
        inside = {"x": _quantity(value.key), "y": down, "text": {"field": text.key, "type": "nominal"}}
        layers.append(_layer("text", inside, color=palette.WHITE, align="right", dx=-4))
    if mark is not None:
        # Leave room on the right: at the very edge, half of the line would be cut off.
        end = max(float(row[value.key] or 0) for row in [*rows, {value.key: mark}]) * 1.06
        across["scale"] = {"domain": [0, end], "nice": False}
        layers += _line_across("x", mark)
    return _chart(layers, {"rows": rows}, description, _BAR)


def line(
    rows: Sequence[Row],
    label: Field,
    value: Field,
    tooltip: Sequence[Field],
    *,
    mark: Decimal | None = None,
    has_zero: bool = True,
    description: str = "",
) -> Chart:
    """Draw a line chart in the order of the rows.

    Args:
        rows: one row per label.
        label: column with the labels.
        value: column with the heights.
        tooltip: columns of the tooltip.
        mark: position of a reference line.
        has_zero: whether the axis starts at zero.
        description: alternative text of the chart.
    """
    up = {**_quantity(value.key), "title": value.title, "scale": {"zero": has_zero}, "axis": _axis(value.format)}
    encoding = {"x": _across(rows, label), "y": up, "tooltip": [field.tooltip for field in tooltip]}
    point = {"size": 60, "color": palette.BLUE}
    drawn = _layer("line", encoding, color=palette.BLUE, strokeWidth=3, point=point)
    return _chart([*([] if mark is None else _line_across("y", mark)), drawn], {"rows": rows}, description, _HEIGHT)


def pairs(
    rows: Sequence[Row],
    label: Field,
    values: Mapping[Field, str],
    unit: str,
    description: str = "",
) -> Chart:
    """Draw grouped vertical bars: for each label, one bar per value.

    Args:
        rows: one row per label, from left to right.
        label: column with the labels of the groups.
        values: columns with the bars of a group, and their colours; None has no bar.
        unit: title of the value axis.
        description: alternative text of the chart.
    """
    of = Field("what", "")
    encoding = {
        "x": _across(rows, Field("label", label.title), [row[label.key] for row in rows]),
        "xOffset": {"field": "what", "type": "nominal", "sort": [field.title for field in values]},
        "y": {**_quantity("value"), "title": unit, "axis": _axis(SHORT)},
        "color": _colour(of, {field.title: colour for field, colour in values.items()}),
        "tooltip": [Field("label", label.title).tooltip, of.tooltip, Field("value", unit, ",.0f").tooltip],
    }
    long = _by_field(rows, label, values, "label")
    return _chart([_layer("bar", encoding)], {"rows": long}, description, _HEIGHT)


def spans(rows: Sequence[Row], label: Field, first: Field, last: Field, unit: str, description: str = "") -> Chart:
    """Draw a dumbbell chart: two points per label, joined by a line.

    Args:
        rows: one row per label, from top to bottom.
        label: column with the labels.
        first: column with the reference point.
        last: column with the actual point.
        unit: title of the value axis.
        description: alternative text of the chart.
    """
    down = _down(label, [row[label.key] for row in rows])
    of = Field("what", "")
    way = {"x": _quantity(first.key), "x2": {"field": last.key}, "y": down}
    ends = {
        "x": {**_quantity("value"), "title": unit, "axis": _axis(_COUNT)},
        "y": down,
        "color": _colour(of, {first.title: palette.GREY, last.title: palette.BLUE}),
        "shape": {
            "field": "what",
            "type": "nominal",
            "sort": [first.title, last.title],
            "scale": {"range": ["circle", "diamond"]},
            "legend": None,
        },
        "tooltip": [label.tooltip, of.tooltip, Field("value", unit, ",.2f").tooltip],
    }
    layers = [
        _layer("rule", way, color=palette.GREY, strokeWidth=3),
        {"data": _ENDS, **_layer("point", ends, filled=True, size=90, opacity=1)},
    ]
    data = {"rows": rows, "ends": _by_field(rows, label, (first, last), label.key)}
    return _chart(layers, data, description, _BAR)


def grid(
    rows: Sequence[Row],
    across: Field,
    down: Field,
    colour: Field,
    colours: Mapping[str, str],
    text: Field | None,
    tooltip: Sequence[Field],
    description: str = "",
) -> Chart:
    """Draw a heat map: a coloured cell with an optional short text for each pair of labels.

    Args:
        rows: one row per pair, with its horizontal position as `place`.
        across: column with the labels from left to right.
        down: column with the labels from top to bottom.
        colour: column that decides the colour.
        colours: colours by value, in the order of the legend.
        text: column with the text of the cells; None for no text.
        tooltip: columns of the tooltip.
        description: alternative text of the chart.
    """
    places = list(dict.fromkeys(row[across.key] for row in sorted(rows, key=lambda row: row["place"])))
    base = {
        "x": _across(rows, across, places),
        "y": _down(down, list(dict.fromkeys(row[down.key] for row in rows))),
        "tooltip": [field.tooltip for field in tooltip],
    }
    layers = [_layer("rect", {**base, "color": _colour(colour, colours)}, stroke=palette.WHITE, strokeWidth=1)]
    if text:
        figures = {**base, "text": {"field": text.key, "type": "nominal"}}
        layers.append(_layer("text", figures, color=palette.WHITE, fontSize=11))
    return _chart(layers, {"rows": rows}, description, _BAR)


def _layer(mark: str, encoding: _Part, **look: Any) -> _Part:
    return {"mark": {"type": mark, **look}, "encoding": encoding}


def _quantity(key: str) -> _Part:
    return {"field": key, "type": "quantitative"}


def _by_field(rows: Sequence[Row], label: Field, values: Sequence[Field] | Mapping[Field, str], key: str) -> list[Row]:
    """One row for each row and column that has a value, with the label as `key`."""
    return [
        {key: row[label.key], "what": field.title, "value": row[field.key]}
        for row in rows
        for field in values
        if row[field.key] is not None
    ]


def _axis(numbers: str) -> _Part:
    """Value axis with labels formatted individually: 0 beside 50k, not 0k, and 0.5, not 500m."""
    small = f"abs(datum.value) < 1000 ? format(datum.value, ',.2~f') : format(datum.value, '{numbers}')"
    words = small if numbers == SHORT else f"format(datum.value, '{numbers}')"
    # Between whole numbers there is no tick: its label would be one of theirs.
    whole = {"tickMinStep": 1} if numbers == _COUNT else {}
    return {"labelExpr": words, "tickCount": 5, "labelOverlap": "greedy", "labelSeparation": 8, **whole}


def _down(label: Field, labels: list[str], width: int = _LABELS) -> _Part:
    """Vertical axis of labels, each cut after `width` pixels."""
    return {"field": label.key, "type": "nominal", "sort": labels, "title": None, "axis": {"labelLimit": width}}


def _across(rows: Sequence[Row], label: Field, labels: list[str] | None = None) -> _Part:
    """Horizontal axis of labels as text, since dates would be drawn in the viewer's time zone."""
    return {
        "field": label.key,
        "type": "ordinal",
        "sort": labels or [row[label.key] for row in rows],
        "title": label.title,
        "axis": {"labelOverlap": "parity", "labelSeparation": 6, "labelAngle": 0},
    }


def _colour(field: Field, colours: Mapping[str, str]) -> _Part:
    """Colour scale without a legend: that is text above the chart, where it can wrap."""
    scale = {"domain": list(colours), "range": list(colours.values())}
    return {"field": field.key, "type": "nominal", "sort": list(colours), "scale": scale, "legend": None}


def _line_across(channel: str, at: Decimal) -> list[_Part]:
    """Reference line, dark with a light edge: visible on bars of any colour, on light and dark pages."""
    data, encoding = {"values": [{"at": float(at)}]}, {channel: _quantity("at")}
    edge = _layer("rule", encoding, color=palette.WHITE, strokeWidth=4)
    drawn = _layer("rule", encoding, color=palette.BLACK, strokeWidth=2, strokeDash=[6, 4])
    return [{"data": data, **edge}, {"data": data, **drawn}]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value if value is None or isinstance(value, int | float) else str(value)


def _chart(layers: Sequence[_Part], data: Mapping[str, Sequence[Row]], description: str, height: Any) -> Chart:
    """Put layers, rows and the look common to all charts together."""
    return {
        "datasets": {name: [{key: _plain(row[key]) for key in row} for row in rows] for name, rows in data.items()},
        "data": _ROWS,
        **({"layer": list(layers)} if len(layers) > 1 else layers[0]),
        **({"description": description} if description else {}),
        "width": "container",
        "height": height,
        "config": {
            "background": "transparent",
            "autosize": {"type": "fit-x", "contains": "padding"},
            "padding": 4,
            "font": _FONT,
            "view": {"stroke": None},
            "axis": {
                "labelFontSize": 12,
                "titleFontSize": 12,
                "titleFontWeight": "normal",
                "gridOpacity": 0.25,
                "domainOpacity": 0.5,
            },
        },
    }
