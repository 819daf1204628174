"""Colours of the charts, with enough contrast on light and dark pages, and for white text on them.

A relative luminance (https://www.w3.org/TR/WCAG22/#dfn-relative-luminance) between 0.12 and 0.183 achieves both; a test checks it.
Colour is never the only cue: there is a legend or a label, and a table for every chart.
"""

from __future__ import annotations

BLUE = "#1a73c4"
TEAL = "#0d7d78"
GREEN = "#2a8036"
ORANGE = "#b25a06"
RED = "#cf3838"
PURPLE = "#8a58c4"
GREY = "#70757c"
WHITE = "#ffffff"
BLACK = "#111111"

STATUS = {"over": RED, "forecast_over": ORANGE, "watch": PURPLE, "ok": TEAL, "no_budget_value": GREY}
# One scale for age: the older, the redder. A colour means the same age of work, and of an overdue invoice.
_AGE = ("#70757c", "#86706a", "#9c6750", "#b65a38", "#cf3838")
OVERDUE = dict(zip(("not_due", "1-30", "31-60", "61-90", "90+"), _AGE, strict=True))
AGES = dict(zip(("0-30", "31-60", "61-90", "90+"), _AGE[1:], strict=True))
LOAD = {"room": BLUE, "below target": PURPLE, "on target": TEAL, "above 100%": RED, "away": GREY}
VERDICTS = {
    "exact": GREEN,
    "tie": TEAL,
    "mismatch": RED,
    "missing_here": ORANGE,
    "missing_there": PURPLE,
    "unresolved": BLUE,
    "not_provable": GREY,
}
