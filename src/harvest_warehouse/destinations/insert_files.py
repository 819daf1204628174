"""Load files of `insert` statements, from Arrow: for a database whose own bulk load would read them from a bucket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

import pyarrow as pa
from dlt.common.data_writers.writers import InsertValuesWriter
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.schema.typing import TColumnSchema


class _Json(str):
    """A JSON text, which is an object or a list to the database: as a mere text it would stay one."""

    __slots__ = ()


class InsertFile:
    """A load file under way, with pyarrow's word for adding to it."""

    def __init__(self, writer: InsertValuesWriter, columns: Sequence[TColumnSchema]) -> None:
        self._writer = writer
        self._json = [str(column["name"]) for column in columns if column["data_type"] == "json"]

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Add rows; lists and objects come as JSON text."""
        rows = batch.to_pylist()
        for row in rows:
            row.update({name: _Json(row[name]) for name in self._json if row[name] is not None})
        self._writer.write_data(rows)


@contextmanager
def insert_file(
    file: Path, columns: Sequence[TColumnSchema], capabilities: DestinationCapabilitiesContext
) -> Iterator[InsertFile]:
    """A new file, whole when the block ends.

    Args:
        file: its place.
        columns: as dlt's schema has them.
        capabilities: of the destination, which say how a value is written in its SQL.
    """
    plain = capabilities.escape_literal

    def literal(value: Any) -> Any:
        return f"json_parse({plain(value)})" if isinstance(value, _Json) else plain(value)

    said = copy(capabilities)
    said.escape_literal = literal
    with file.open("w", encoding="utf-8") as stream:
        writer = InsertValuesWriter(stream, said)
        writer.write_header({str(column["name"]): column for column in columns})
        yield InsertFile(writer, columns)
        writer.write_footer()
