"""What a page is made of, apart from how it is drawn: figures, and charts with the rows they were made of."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import altair as alt

from harvest_warehouse.dashboard.reader import Row

Kind = Literal["text", "code", "money", "hours", "share", "count", "number", "date", "instant"]
Chart = alt.TopLevelMixin

# What is shown and downloaded: cents, hundredths of an hour, tenths of a percent.
_PLACES: dict[Kind, int] = {"money": 2, "hours": 2, "share": 1, "number": 1}


@dataclass(frozen=True)
class Requirement:
    """The lists of Harvest that a figure is made of.

    Attributes:
        needs: each of them must have been read, or the figure is not known.
        of: at least one of them must have something, or there is nothing to count.
    """

    needs: tuple[str, ...]
    of: tuple[str, ...]


@dataclass(frozen=True)
class Tile:
    """One figure: what it is, the figure as text, what to compare it with, and what it rests on."""

    label: str
    figure: str
    note: str = ""
    is_alarming: bool = False
    basis: Requirement | None = None


@dataclass(frozen=True)
class Column:
    """A column of a table: the row's key, the heading with its unit, and what kind of value it holds."""

    key: str
    title: str
    kind: Kind = "text"

    def shown(self, value: Any) -> Any:
        """A value as the table has it, and the file that is downloaded: a share as percent, money to the cent."""
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
    """One conclusion, and what it was drawn from.

    Attributes:
        title: what to conclude, made from the rows.
        rows: all of them, also those that the chart shows as one.
        columns: how the rows are shown.
        chart: drawn from the rows; None where the table is what one wants to see.
        legend: what the colours of the chart mean.
        note: what has to be known to read it rightly.
        rest: what the chart leaves out.
        name: of the file that is downloaded.
        basis: what it rests on; None for what is always known.
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
        """The rows as they are shown."""
        return [{column.title: column.shown(row[column.key]) for column in self.columns} for row in self.rows]

    def csv(self) -> bytes:
        """The rows as a file for a spreadsheet: UTF-8 with the mark that Excel wants, text never a formula."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow([column.title for column in self.columns])
        for row in self.table():
            writer.writerow([_harmless(value) for value in row.values()])
        return out.getvalue().encode("utf-8-sig")


@dataclass(frozen=True)
class Page:
    """A page: its figures, then its sections."""

    title: str
    question: str
    tiles: tuple[Tile, ...]
    sections: tuple[Section, ...]


def used(colours: Mapping[str, str], rows: Sequence[Row], key: str) -> dict[str, str]:
    """The colours that the rows have, in their order: the legend of a chart."""
    there = {row[key] for row in rows}
    return {name: colour for name, colour in colours.items() if name in there}


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value
