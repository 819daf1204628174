"""Render the rows of a query for a terminal, as CSV and as JSON, with exact values. Prints nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from textwrap import indent

import simplejson
from rich import box
from rich.table import Table
from rich.text import Text

from harvest_warehouse.database import Answer
from harvest_warehouse.messages.text import exact, plain
from harvest_warehouse.query import QueryReport

# Narrower columns are not readable.
_NARROWEST = 8
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def query_table(report: QueryReport, width: int) -> Table:
    """Table with one line per row, or one line per value if the columns do not fit. Nothing is left out."""
    if len(report.columns) * _NARROWEST > width:
        return _one_by_one(report)
    table = Table(box=box.SIMPLE, pad_edge=False)
    numeric = [all(_is_number(row[place]) for row in report.rows) for place in range(len(report.columns))]
    for name, is_number in zip(report.columns, numeric, strict=True):
        table.add_column(Text(name), justify="right" if is_number and report.rows else "left", overflow="fold")
    for row in report.rows:
        table.add_row(*(_cell(value) for value in row))
    return table


def query_csv(answer: Answer, *, for_spreadsheets: bool = False) -> Iterator[str]:
    """Render rows as lines of CSV: nothing for null, a pair of quotes for an empty string.

    Args:
        answer: the rows.
        for_spreadsheets: whether to put an apostrophe before text that a spreadsheet would run as a formula, which changes
            the value (https://owasp.org/www-community/attacks/CSV_Injection).
    """
    shown = _harmless if for_spreadsheets else exact
    yield ",".join(_field(name) for name in answer.columns)
    for batch in answer.batches:
        for row in batch:
            yield ",".join("" if value is None else _field(shown(value)) for value in row)


def query_json(answer: Answer) -> Iterator[str]:
    """Render rows as chunks of a JSON list of objects; decimals are exact numbers, dates and timestamps ISO strings."""
    before = "["
    for batch in answer.batches:
        for row in batch:
            record = dict(zip(answer.columns, (plain(value) for value in row), strict=True))
            text = simplejson.dumps(
                record, use_decimal=True, ignore_nan=True, ensure_ascii=False, default=str, indent=2
            )
            yield f"{before}\n{indent(text, '  ')}"
            before = ","
    yield "[]" if before == "[" else "\n]"


def _harmless(value: object) -> str:
    text = exact(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULAS) else text


def _one_by_one(report: QueryReport) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for number, row in enumerate(report.rows):
        if number:
            table.add_section()
        for name, value in zip(report.columns, row, strict=True):
            table.add_row(Text(name), _cell(value))
    return table


def _cell(value: object) -> Text:
    if value is None:
        return Text("null", style="dim")
    # As plain text: names must not be interpreted as markup.
    return Text(exact(value).replace("\n", "\\n"))


def _field(text: str) -> str:
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if not text or any(sign in text for sign in ',"\r\n') else text


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float | Decimal | timedelta) and not isinstance(value, bool))
