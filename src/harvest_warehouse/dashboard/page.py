"""Content of a page, apart from its rendering: tiles, and sections with charts and their rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from harvest_warehouse.dashboard.reader import Row

Kind = Literal["text", "code", "money", "rate", "hours", "share", "count", "number", "date", "instant", "link"]
Chart = Mapping[str, Any]
"""Specification of a chart in Vega-Lite, with its rows."""

# Decimals shown and downloaded: cents, hundredths of an hour, tenths of a percent.
_PLACES: dict[Kind, int] = {"money": 2, "rate": 2, "hours": 2, "share": 1, "number": 1}


@dataclass(frozen=True)
class Requirement:
    """Data requirements of a figure: the lists of Harvest that it is computed from.

    Attributes:
        needs: lists that must all have been read; otherwise the figure is unknown.
        of: lists of which at least one must have rows; otherwise there is nothing to count.
    """

    needs: tuple[str, ...]
    of: tuple[str, ...]


@dataclass(frozen=True)
class Tile:
    """Tile with one figure: its label, the figure as text, a note to compare it with, and its data requirements."""

    label: str
    figure: str
    note: str = ""
    is_alarming: bool = False
    basis: Requirement | None = None


@dataclass(frozen=True)
class Column:
    """Column of a table: the row's key, the heading with its unit, and the kind of its values."""

    key: str
    title: str
    kind: Kind = "text"

    def shown(self, value: Any) -> Any:
        """Convert a value for the table and the downloaded file: a share to percent, money to cents."""
        if value is None:
            return None
        if self.kind in _PLACES:
            scaled = Decimal(value) * 100 if self.kind == "share" else Decimal(value)
            return float(round(scaled, _PLACES[self.kind]))
        if isinstance(value, datetime):
            return value.strftime("%Y-%m-%d %H:%M")
        return value.isoformat() if isinstance(value, date) else int(value) if self.kind == "count" else str(value)


@dataclass(frozen=True)
class Section:
    """Section of a page: a conclusion as its title, and the rows and the chart behind it.

    Attributes:
        title: conclusion, computed from the rows.
        rows: all rows, including those that the chart sums up.
        columns: columns of the table.
        chart: chart of the rows; None for a table only.
        legend: colours of the chart, by meaning.
        note: explanation needed to read it correctly.
        rest: text on what the chart leaves out.
        name: identifier, and name of the downloaded file.
        basis: data requirements; None for none.
    """

    title: str
    rows: Sequence[Row]
    columns: Sequence[Column]
    chart: Chart | None = None
    legend: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    name: str = "table"
    basis: Requirement | None = None
    rest: str = ""

    def table(self) -> list[dict[str, Any]]:
        """Rows as shown in the table: values by column title."""
        return [{column.title: column.shown(row[column.key]) for column in self.columns} for row in self.rows]

    def csv(self) -> bytes:
        """Rows as CSV for spreadsheets: UTF-8 with a byte order mark for Excel, and text that cannot run as a formula."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow([column.title for column in self.columns])
        for row in self.table():
            writer.writerow([_harmless(value) for value in row.values()])
        return out.getvalue().encode("utf-8-sig")


@dataclass(frozen=True)
class Page:
    """Page of the dashboard: its tiles, then its sections."""

    title: str
    question: str
    tiles: tuple[Tile, ...]
    sections: tuple[Section, ...]


def used(colours: Mapping[str, str], rows: Sequence[Row], key: str) -> dict[str, str]:
    """Colours that occur in the rows, in the order of the palette: the legend of a chart."""
    there = {row[key] for row in rows}
    return {name: colour for name, colour in colours.items() if name in there}


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value
