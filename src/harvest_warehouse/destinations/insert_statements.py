"""Write rows as `insert` statements, each short enough for every database."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TypeVar

from sqlglot import exp

_ROWS_OF_AN_INSERT = 200
_PLAIN_ROWS_OF_AN_INSERT = 1_000
# BigQuery allows 1 MB: https://cloud.google.com/bigquery/quotas#query_jobs. A character has up to four bytes.
_SIGNS_OF_AN_INSERT = 200_000

Row = TypeVar("Row", bound=Collection[object])


def insertions(table: str, rows: Sequence[Mapping[str, object]]) -> list[exp.Expression]:
    """Insert statements for rows with the same columns."""
    names = list(rows[0]) if rows else []
    columns = exp.Schema(this=exp.to_table(table), expressions=[exp.to_identifier(name, quoted=True) for name in names])
    return [
        exp.Insert(
            this=columns.copy(),
            expression=exp.Values(
                expressions=[exp.Tuple(expressions=[exp.convert(value) for value in row]) for row in some]
            ),
        )
        for some in _portions([[row[name] for name in names] for row in rows], _ROWS_OF_AN_INSERT)
    ]


def plain_lines(rows: Sequence[Sequence[object]], dialect: str) -> Iterator[str]:
    """Render rows of plain values as the text after `values`, batched by statement."""
    for some in _portions(rows, _PLAIN_ROWS_OF_AN_INSERT):
        yield ", ".join(f"({', '.join(plain(value, dialect) for value in row)})" for row in some)


def plain(value: object, dialect: str) -> str:
    """Render a value as an SQL literal; dates and timestamps as text, which the database converts to the column's type."""
    if value is None or isinstance(value, bool):
        return str(value).upper() if value is not None else "NULL"
    if isinstance(value, int | Decimal):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    return exp.Literal.string(value if isinstance(value, str) else str(value)).sql(dialect)


def _portions(rows: Sequence[Row], most: int) -> Iterator[list[Row]]:
    some: list[Row] = []
    signs = 0
    for row in rows:
        length = sum(len(str(value)) for value in row)
        if some and (len(some) == most or signs + length > _SIGNS_OF_AN_INSERT):
            yield some
            some, signs = [], 0
        some.append(row)
        signs += length
    if some:
        yield some
