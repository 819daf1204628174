"""Scan a table in Arrow batches with dlt's types, and compute a checksum that is comparable across databases."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.libs.pyarrow import columns_to_arrow
from dlt.common.schema.typing import TColumnSchema

from harvest_warehouse.database.connection import Database

# About 10 MB of time entries.
_ROWS = 5_000


@dataclass(frozen=True)
class TableScan:
    """Scan of a table: the columns and rows to read.

    Attributes:
        table: name of the table.
        columns: columns to read, as in dlt's schema.
        where: SQL condition, for a part of the table.
        values: values for the names in `where`.
    """

    table: str
    columns: tuple[TColumnSchema, ...]
    where: str = ""
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(str(column["name"]) for column in self.columns)

    def count(self, database: Database) -> int:
        """Count the rows."""
        [(rows,)] = database.rows(f"select count(*) {self._from}", self.values)
        return int(rows)

    def schema(self, capabilities: DestinationCapabilitiesContext) -> pa.Schema:
        """Arrow schema with the types that dlt uses for the columns at a destination."""
        return columns_to_arrow(dict(zip(self.names, self.columns, strict=True)), capabilities, "UTC")

    def batches(self, database: Database, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield the rows as Arrow batches; a value that does not fit its type exactly is an error.

        Uses plain rows from the driver: data frames would turn integer columns with nulls into floats, and give objects each
        other's keys.

        Raises:
            pa.ArrowException: a value does not fit.
            DltException: the database refuses.
        """
        # JSON columns are read as text, since drivers parse their numbers to floats.
        read = (
            database.json_text(name) if column["data_type"] == "json" else f'"{name}"'
            for name, column in zip(self.names, self.columns, strict=True)
        )
        for rows in database.portions(f"select {', '.join(read)} {self._from}", _ROWS, self.values):
            values = zip(*rows, strict=True)
            arrays = [pa.array(column, of.type) for column, of in zip(values, schema, strict=True)]
            yield pa.record_batch(arrays, schema=schema)

    @property
    def _from(self) -> str:
        return f'from "{self.table}"{f" where {self.where}" if self.where else ""}'


@dataclass
class Checksum:
    """Order-independent checksum of rows: their number, and the sum of their hashes.

    Attributes:
        columns: columns of the table, as in `TableScan`.
        rows: number of rows.
        total: sum of the hashes.
    """

    columns: tuple[TColumnSchema, ...]
    rows: int = 0
    total: int = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Add a batch of rows to the checksum."""
        arrays = [
            pa.array(map(_canonical, values.to_pylist()), pa.string())
            if column["data_type"] == "json"
            else _writable(values)
            for column, values in zip(self.columns, batch.columns, strict=True)
        ]
        plain = pa.Table.from_arrays(arrays, [f"c{number}" for number in range(len(arrays))])
        numbers = _engine().from_arrow(plain).aggregate(f"sum(hash({', '.join(plain.column_names)}))")
        self.total += numbers.fetchall()[0][0]
        self.rows += batch.num_rows


def fitting(batch: pa.RecordBatch, column: str, most: int) -> pa.RecordBatch:
    """Compress stored dlt schemas that exceed the database's maximum text length, in a form that dlt can read.

    Args:
        batch: the rows.
        column: name of the column with the schemas.
        most: maximum text length of the database, in bytes.
    """
    texts = [
        base64.b64encode(zlib.compress(text.encode(), 9)).decode() if len(text.encode()) > most else text
        for text in batch[column].to_pylist()
    ]
    index = batch.schema.get_field_index(column)
    return batch.set_column(index, batch.schema.field(index), pa.array(texts, batch.schema.field(index).type))


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """In-memory DuckDB connection that hashes and sums Arrow data."""
    return duckdb.connect(config={"threads": 1})


def _writable(values: pa.Array) -> pa.Array:
    """Texts with U+0000 replaced by U+FFFD, as in databases that cannot store it (`destinations/postgres/client.py`)."""
    if not pa.types.is_string(values.type):
        return values
    return pc.replace_substring(values, "\x00", "\N{REPLACEMENT CHARACTER}")


def _canonical(text: str | None) -> str | None:
    """Canonical form of a JSON text, since databases differ in key order and whitespace."""
    if text is None:
        return None
    return json.dumps(json.loads(text, parse_float=_exact, parse_int=_exact), sort_keys=True)


def _exact(number: str) -> str:
    return f"the number {Decimal(number).normalize():f}"
