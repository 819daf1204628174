"""Draw charts with Altair on plain rows, with explicit types; titles and legends are text above them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import altair as alt

from harvest_warehouse.dashboard import palette
from harvest_warehouse.dashboard.page import Chart
from harvest_warehouse.dashboard.reader import Row

_Drawn = alt.Chart | alt.LayerChart | alt.FacetChart
_HEIGHT = 260
_BAR = 24
_LABELS = 150
WHOLE = Decimal(1)
SHORT = "~s"  # money on an axis: 50k, 1.5M
# The page's own font; the weekly report sets another.
_FONT = "PT Sans, sans-serif"
# Vega's menu links to an online editor.
_WITHOUT_MENU = {"embedOptions": {"actions": False}}


@dataclass(frozen=True)
class Field:
    """Column of the rows in a chart: its title with the unit, and d3's number format."""

    key: str
    title: str
    format: str = ""

    @property
    def tooltip(self) -> alt.Tooltip:
        """Tooltip of this column."""
        return alt.Tooltip(
            field=self.key,
            type="quantitative" if self.format else "nominal",
            title=self.title,
            format=self.format or alt.Undefined,
        )


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
    labels = list(dict.fromkeys(row[label.key] for row in rows))
    known = [name for name in colours or {} if any(row[colour.key] == name for row in rows)] if colour else []
    chart = (
        alt.Chart(_data(rows))
        .mark_bar(color=palette.BLUE, cornerRadiusEnd=0 if known else 2)
        .encode(
            x=alt.X(field=value.key, type="quantitative", title=value.title, axis=_axis(value.format)),
            y=_down(label, labels, label_width),
            tooltip=[field.tooltip for field in tooltip],
        )
    )
    if colour and colours:
        chart = chart.encode(
            color=_colour(colour, {name: colours[name] for name in known}),
            order=alt.Order(field="place", type="quantitative"),
        )
        chart.data = _data(
            [{**row, "place": known.index(row[colour.key]) if row[colour.key] in known else 99} for row in rows]
        )
    layers: list[_Drawn] = [chart]
    if text:
        layers.append(
            alt.Chart(chart.data)
            .mark_text(color=palette.WHITE, align="right", dx=-4)
            .encode(x=alt.X(field=value.key, type="quantitative"), y=chart.encoding.y, text=f"{text.key}:N")
        )
    if mark is not None:
        # Leave room on the right: at the very edge, half of the line would be cut off.
        end = max(float(row[value.key] or 0) for row in [*rows, {value.key: mark}]) * 1.06
        chart.encoding.x.scale = alt.Scale(domain=[0, end], nice=False)
        layers.append(_line_across("x", mark))
    return _dressed(alt.layer(*layers) if layers[1:] else chart, description, height=alt.Step(_BAR))


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
    chart = (
        alt.Chart(_data(rows))
        .mark_line(color=palette.BLUE, strokeWidth=3, point=alt.OverlayMarkDef(size=60, color=palette.BLUE))
        .encode(
            x=_across(rows, label),
            y=alt.Y(
                field=value.key,
                type="quantitative",
                title=value.title,
                scale=alt.Scale(zero=has_zero),
                axis=_axis(value.format),
            ),
            tooltip=[field.tooltip for field in tooltip],
        )
    )
    return _dressed(chart if mark is None else alt.layer(_line_across("y", mark), chart), description, height=_HEIGHT)


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
    long = [
        {"label": row[label.key], "what": field.title, "value": row[field.key]}
        for row in rows
        for field in values
        if row[field.key] is not None
    ]
    of = Field("what", "")
    chart = (
        alt.Chart(_data(long))
        .mark_bar()
        .encode(
            x=_across(rows, Field("label", label.title), [row[label.key] for row in rows]),
            xOffset=alt.XOffset(field="what", type="nominal", sort=[field.title for field in values]),
            y=alt.Y(field="value", type="quantitative", title=unit, axis=_axis(SHORT)),
            color=_colour(of, {field.title: colour for field, colour in values.items()}),
            tooltip=[Field("label", label.title).tooltip, of.tooltip, Field("value", unit, ",.0f").tooltip],
        )
    )
    return _dressed(chart, description, height=_HEIGHT)


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
    labels = [row[label.key] for row in rows]
    long = [
        {label.key: row[label.key], "what": field.title, "value": row[field.key]}
        for row in rows
        for field in (first, last)
        if row[field.key] is not None
    ]
    y = _down(label, labels)
    of = Field("what", "")
    way = (
        alt.Chart(_data(rows))
        .mark_rule(color=palette.GREY, strokeWidth=3)
        .encode(x=alt.X(field=first.key, type="quantitative"), x2=alt.X2(field=last.key), y=y)
    )
    ends = (
        alt.Chart(_data(long))
        .mark_point(filled=True, size=90, opacity=1)
        .encode(
            x=alt.X(field="value", type="quantitative", title=unit, axis=_axis(",.0f")),
            y=y,
            color=_colour(of, {first.title: palette.GREY, last.title: palette.BLUE}),
            shape=alt.Shape(
                field="what",
                type="nominal",
                sort=[first.title, last.title],
                scale=alt.Scale(range=["circle", "diamond"]),
                legend=None,
            ),
            tooltip=[label.tooltip, of.tooltip, Field("value", unit, ",.2f").tooltip],
        )
    )
    return _dressed(alt.layer(way, ends), description, height=alt.Step(_BAR))


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
    base = alt.Chart(_data(rows)).encode(
        x=_across(
            rows, across, list(dict.fromkeys(row[across.key] for row in sorted(rows, key=lambda row: row["place"])))
        ),
        y=_down(down, list(dict.fromkeys(row[down.key] for row in rows))),
        tooltip=[field.tooltip for field in tooltip],
    )
    drawn: _Drawn = base.mark_rect(stroke=palette.WHITE, strokeWidth=1).encode(color=_colour(colour, colours))
    if text:
        drawn = alt.layer(
            drawn,
            base.mark_text(color=palette.WHITE, fontSize=11).encode(text=alt.Text(field=text.key, type="nominal")),
        )
    return _dressed(drawn, description, height=alt.Step(_BAR))


def _axis(numbers: str) -> alt.Axis:
    """Value axis with labels formatted individually: 0 beside 50k, not 0k, and 0.5, not 500m."""
    small = f"abs(datum.value) < 1000 ? format(datum.value, ',.2~f') : format(datum.value, '{numbers}')"
    words = small if numbers == SHORT else f"format(datum.value, '{numbers}')"
    return alt.Axis(labelExpr=words, tickCount=5, labelOverlap="greedy", labelSeparation=8)


def _down(label: Field, labels: list[str], width: int = _LABELS) -> alt.Y:
    """Vertical axis of labels, each cut after `width` pixels."""
    return alt.Y(field=label.key, type="nominal", sort=labels, title=None, axis=alt.Axis(labelLimit=width))


def _across(rows: Sequence[Row], label: Field, labels: list[str] | None = None) -> alt.X:
    """Horizontal axis of labels as text, since dates would be drawn in the viewer's time zone."""
    return alt.X(
        field=label.key,
        type="ordinal",
        sort=labels or [row[label.key] for row in rows],
        title=label.title,
        axis=alt.Axis(labelOverlap="parity", labelSeparation=6, labelAngle=0),
    )


def _colour(field: Field, colours: Mapping[str, str]) -> alt.Color:
    """Colour scale without a legend: that is text above the chart, where it can wrap."""
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color(field=field.key, type="nominal", sort=list(colours), scale=scale, legend=None)


def _line_across(channel: str, at: Decimal) -> _Drawn:
    """Reference line, dark with a light edge: visible on bars of any colour, on light and dark pages."""
    encoding = alt.X(field="at", type="quantitative") if channel == "x" else alt.Y(field="at", type="quantitative")
    at_value = alt.Chart(_data([{"at": float(at)}])).encode(encoding)
    made: _Drawn = alt.layer(
        at_value.mark_rule(color=palette.WHITE, strokeWidth=4),
        at_value.mark_rule(color=palette.BLACK, strokeWidth=2, strokeDash=[6, 4]),
    )
    return made


def _data(rows: Sequence[Row]) -> alt.InlineData:
    return alt.InlineData(values=[{name: _plain(value) for name, value in row.items()} for row in rows])


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value if value is None or isinstance(value, int | float) else str(value)


def _dressed(chart: _Drawn, description: str, height: Any) -> Chart:
    """Apply width, height, description and theme common to all charts."""
    room = {"width": "container", "height": height, "usermeta": _WITHOUT_MENU}
    told = {"description": description} if description else {}
    fit = alt.AutoSizeParams(type="fit-x", contains="padding")
    made: Chart = (
        chart.properties(**room, **told)
        .configure(background="transparent", autosize=fit, padding=4, font=_FONT)
        .configure_view(stroke=None)
        .configure_axis(
            labelFontSize=12, titleFontSize=12, titleFontWeight="normal", gridOpacity=0.25, domainOpacity=0.5
        )
    )
    return made
