"""Write tables as an Excel workbook: a sheet for each, with numbers as numbers and dates as dates."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from harvest_warehouse.dashboard.page import Column, Kind, Section, Tile

_FORMATS: dict[Kind, str] = {
    "money": "#,##0.00",
    "rate": "#,##0.00",
    "hours": "#,##0.00",
    "share": "#,##0.0",
    "number": "#,##0.0",
    "count": "#,##0",
    "date": "yyyy-mm-dd",
    "instant": "yyyy-mm-dd hh:mm",
}
# https://support.microsoft.com/office/rename-a-worksheet-3f1f7148-ee83-404d-8ef0-9ff99fbad1f9
_NOT_IN_A_NAME = re.compile(r"[\[\]:*?/\\]")
_LONGEST_NAME = 31
_WIDTHS = (10, 48)


def workbook(title: str, facts: Sequence[tuple[str, str]], tiles: Sequence[Tile], sections: Sequence[Section]) -> bytes:
    """Write a page as a workbook: its facts and tiles, and each table on a sheet of its own.

    Args:
        title: title of the page.
        facts: facts about the figures, and filters, by name.
        tiles: tiles of the page.
        sections: sections of the page; those without rows have no sheet.
    """
    # Imported late: most visitors want no workbook.
    import xlsxwriter  # noqa: PLC0415

    out = io.BytesIO()
    # Text stays text: a name that begins with "=" is no formula, and one that looks like an address is no link.
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        bold = book.add_format({"bold": True})
        head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        formats = {kind: book.add_format({"num_format": form}) for kind, form in _FORMATS.items()}
        front = book.add_worksheet(_name(title, set()))
        front.set_column(0, 1, 36)
        front.write_string(0, 0, title, bold)
        lines = [
            *facts,
            ("", ""),
            *((tile.label, f"{tile.figure} ({tile.note})" if tile.note else tile.figure) for tile in tiles),
        ]
        for place, (name, said) in enumerate(lines, start=1):
            front.write_string(place, 0, name)
            front.write_string(place, 1, said)
        names = {front.get_name().lower()}
        for section in sections:
            if not section.rows:
                continue
            sheet = book.add_worksheet(_name(section.name.replace("-", " ").capitalize(), names))
            names.add(sheet.get_name().lower())
            sheet.write_string(0, 0, section.title, bold)
            for place, column in enumerate(section.columns):
                values = [_value(column, row[column.key]) for row in section.rows]
                sheet.set_column(place, place, _width(column, values))
                sheet.write_string(1, place, column.title, head)
                for line, value in enumerate(values, start=2):
                    if isinstance(value, str):
                        sheet.write_string(line, place, value)
                    elif isinstance(value, date):
                        sheet.write_datetime(line, place, value, formats.get(column.kind))
                    elif value is not None:
                        sheet.write_number(line, place, value, formats.get(column.kind))
            sheet.freeze_panes(2, 1)
            sheet.autofilter(1, 0, len(section.rows) + 1, len(section.columns) - 1)
    return out.getvalue()


def _value(column: Column, value: Any) -> Any:
    """Value for a cell: a number, a date, an instant without its time zone, or text."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return value if isinstance(value, date) else column.shown(value)


def _width(column: Column, values: Sequence[Any]) -> int:
    longest = max([len(str(value)) for value in values[:200]] + [len(column.title) // 2])
    return min(max(longest + 2, _WIDTHS[0]), _WIDTHS[1])


def _name(wanted: str, taken: set[str]) -> str:
    """Name for a sheet: unique whatever its case, and without characters that Excel refuses."""
    base = _NOT_IN_A_NAME.sub(" ", wanted)[:_LONGEST_NAME].strip("' ") or "Table"
    name, number = base, 2
    while name.lower() in taken:
        ending = f" {number}"
        name, number = base[: _LONGEST_NAME - len(ending)] + ending, number + 1
    return name
