"""Render a comparison as one HTML file to show to whoever decides: no scripts, nothing fetched, every name escaped."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harvest_time_tracking import printable
from harvest_warehouse.peers.report import MEASURES, CompareReport, Moved
from harvest_warehouse.peers.wording import measure_of, sample_words, signed

MOST = 40
"""Lines of a table of what moves."""


class _By(NamedTuple):
    title: str
    head: str
    lines: Sequence[tuple[str, str, str, str, str]]
    more: int


def page(report: CompareReport) -> str:
    """Render the HTML page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"printable": printable}
    return environment.get_template("compare.html").render(
        report=report,
        totals=[_line(one, measure_of(one)) for one in report.totals],
        parts=[
            _by(report.moved, "By month", "Month", lambda one: one.month),
            _by(report.moved, "By client", "Client", lambda one: one.client),
            _by(
                report.moved,
                "By project",
                "Project",
                lambda one: f"{one.client}: {one.project}" if one.project else one.client,
            ),
        ],
        tables=[table for table in report.tables if not table.not_compared],
        left=[table for table in report.tables if table.not_compared],
        sample_words=sample_words,
    )


def _by(moved: Sequence[Moved], title: str, head: str, name: object) -> _By:
    sums: dict[tuple[str, str, str], list[Decimal]] = {}
    for one in moved:
        found = sums.setdefault((name(one), one.measure, one.currency), [Decimal(0), Decimal(0)])  # type: ignore[operator]
        found[0] += one.there
        found[1] += one.here
    lines = [(words, Moved(measure, "", "", "", currency, *both)) for (words, measure, currency), both in sums.items()]
    lines = [line for line in lines if line[1].by]
    if head == "Month":
        lines.sort(key=lambda line: (line[0], list(MEASURES).index(line[1].measure)), reverse=True)
    else:
        lines.sort(key=lambda line: -abs(line[1].by))
    return _By(
        title, head, [_line(one, measure_of(one), words) for words, one in lines[:MOST]], max(len(lines) - MOST, 0)
    )


def _line(one: Moved, measure: str, words: str = "") -> tuple[str, str, str, str, str]:
    return words, measure, f"{one.there:,.2f}", f"{one.here:,.2f}", signed(one.by)
