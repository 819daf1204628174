"""Words for what differs, on the terminal and on the page."""

from __future__ import annotations

from decimal import Decimal

from harvest_time_tracking import printable
from harvest_warehouse.messages.text import MINUS
from harvest_warehouse.peers.report import MEASURES, Difference, Moved


def measure_of(one: Moved) -> str:
    """Words for a measure, with its currency."""
    return f"{MEASURES[one.measure]} {one.currency}".strip()


def signed(number: Decimal) -> str:
    """A difference with its sign: +12.50."""
    said = f"{number:+,.2f}"
    return said.replace("-", MINUS)


def sample_words(one: Difference) -> str:
    """A row that differs, in words."""
    key = "/".join(map(str, one.key))
    if one.what == "only_there":
        since = f"deleted in Harvest, found on {one.deleted_at[:10]}" if one.deleted_at else "not in harvest_deletions"
        return f"{key}: only in the old copy ({since})"
    if one.what == "only_here":
        return f"{key}: missing in the old copy"
    return f"{key}: " + "; ".join(
        f"{name}: {_said(there)} there, {_said(here)} here" for name, (there, here) in one.values.items()
    )


def _said(value: object) -> str:
    if value is None:
        return "null"
    text = f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
    return printable(text, most=80)
