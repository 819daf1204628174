"""Title of a chart in a notebook: the conclusion, with the unit and the day that it is of below it."""

from __future__ import annotations

from datetime import date
from textwrap import wrap
from typing import TypeVar

import altair as alt

TEAL, ORANGE, GREY = "#0f766e", "#c2410c", "#a8a29e"
# With labels: as wide as the notebook's column.
_WIDTH = 720
_CHARACTERS = 88

_Chart = TypeVar("_Chart", alt.Chart, alt.LayerChart)


def titled(chart: _Chart, title: str, unit: str, as_of: date) -> _Chart:
    """Give a chart its title, and the size of the others.

    Args:
        chart: chart, or layers of one.
        title: conclusion that holds for all rows.
        unit: what is measured, and in what.
        as_of: day of the last load.
    """
    words = alt.TitleParams(
        wrap(title, _CHARACTERS),
        subtitle=f"{unit}. As of {as_of.isoformat()}",
        anchor="start",
        subtitleColor="#57534e",
        offset=12,
    )
    whole = alt.AutoSizeParams(type="fit-x", contains="padding")
    titled_chart: _Chart = chart.properties(title=words, width=_WIDTH, autosize=whole)
    # Beside the chart, a legend would be cut off.
    placed: _Chart = titled_chart.configure_legend(orient="top")
    return placed
