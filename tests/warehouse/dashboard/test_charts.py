"""Specifications of charts: each is Vega-Lite by Vega-Lite's own schema, which Altair brings, and holds its rows."""

from __future__ import annotations

import copy
from decimal import Decimal

import altair as alt
import jsonschema
import pytest

from harvest_warehouse.dashboard import charts, palette
from harvest_warehouse.dashboard.chart_svg import svg
from harvest_warehouse.dashboard.charts import SHORT, WHOLE, Field
from harvest_warehouse.dashboard.page import Chart

ROWS = [
    {"label": "Ada <&>", "amount": Decimal("12.5"), "before": Decimal(10), "kind": "a", "place": 0, "said": "12"},
    {"label": "Bo", "amount": Decimal(-3), "before": None, "kind": "b", "place": 1, "said": None},
]
LABEL, AMOUNT, BEFORE, KIND, SAID = (
    Field("label", "Who"),
    Field("amount", "EUR", SHORT),
    Field("before", "EUR before", ",.2f"),
    Field("kind", "Kind"),
    Field("said", "Said"),
)
TIPS = [LABEL, AMOUNT]
COLOURS = {"a": palette.BLUE, "b": palette.RED}
MADE = {
    "bars": charts.bars(ROWS, LABEL, AMOUNT, TIPS),
    "bars with everything": charts.bars(
        ROWS, LABEL, AMOUNT, TIPS, colour=KIND, colours=COLOURS, mark=WHOLE, text=SAID, description="Said"
    ),
    "bars of nothing": charts.bars([], LABEL, AMOUNT, TIPS, colour=KIND, colours=COLOURS),
    "line": charts.line(ROWS, LABEL, AMOUNT, TIPS),
    "line with a mark": charts.line(ROWS, LABEL, AMOUNT, TIPS, mark=WHOLE, has_zero=False, description="Said"),
    "pairs": charts.pairs(ROWS, LABEL, {AMOUNT: palette.BLUE, BEFORE: palette.GREY}, "EUR"),
    "spans": charts.spans(ROWS, LABEL, BEFORE, AMOUNT, "EUR"),
    "grid": charts.grid(ROWS, KIND, LABEL, KIND, COLOURS, None, TIPS),
    "grid with figures": charts.grid(ROWS, KIND, LABEL, KIND, COLOURS, SAID, TIPS),
}


VEGA_LITE = jsonschema.Draft7Validator(alt.load_schema())


@pytest.mark.parametrize("chart", MADE.values(), ids=MADE)
def test_a_chart_is_vega_lite_and_is_drawn(chart: Chart) -> None:
    VEGA_LITE.validate(chart)
    drawn = svg(chart, 620)
    assert drawn.startswith("<svg")
    assert ("Ada" in drawn) == bool(chart["datasets"]["rows"])
    assert "NaN" not in drawn


def test_a_misspelt_word_would_be_found() -> None:
    wrong = copy.deepcopy(dict(MADE["bars"]))
    wrong["encoding"]["x"]["titel"] = "EUR"
    with pytest.raises(jsonschema.ValidationError):
        VEGA_LITE.validate(wrong)


def test_drawing_a_chart_leaves_it_as_it_was() -> None:
    chart = MADE["bars"]
    before = copy.deepcopy(chart)
    svg(chart, 340)
    assert chart == before
