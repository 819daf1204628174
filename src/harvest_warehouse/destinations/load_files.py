"""Write load files from Arrow batches, in the format that a destination loads fastest and without loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from dlt.common.data_writers.writers import InsertValuesWriter
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.json import json
from dlt.common.schema.typing import TColumnSchema


def load_file(
    file: Path,
    file_format: str,
    columns: Sequence[TColumnSchema],
    capabilities: DestinationCapabilitiesContext,
    schema: pa.Schema,
) -> AbstractContextManager[Any]:
    """Open a new load file with pyarrow's `write_batch` interface; it is complete when the block ends.

    Args:
        file: path of the file.
        file_format: the destination's `load_format`.
        columns: columns as in dlt's schema.
        capabilities: capabilities of the destination, with its SQL literals.
        schema: Arrow schema of the batches.
    """
    if file_format == "insert_values":
        return _insert_file(file, columns, capabilities)
    if file_format == "jsonl":
        return _json_file(file, columns)
    return pq.ParquetWriter(file, schema)  # type: ignore[no-any-return]


class _Json(str):
    """JSON text to be written as an object or a list, not as a string."""

    __slots__ = ()


class InsertFile:
    """Load file of insert statements, for a database whose bulk load needs a bucket. Same interface as pyarrow's writer.

    dlt's own Arrow writer writes objects as strings. Patch: dlt >=1.31,<1.32; no upstream issue known;
    can go when `test_dlt_writes_json_of_arrow_as_a_text` fails.
    """

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
def _insert_file(
    file: Path, columns: Sequence[TColumnSchema], capabilities: DestinationCapabilitiesContext
) -> Iterator[InsertFile]:
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


class JsonFile:
    """Load file of JSON lines, for a database that loads no JSON columns from Parquet. Same interface as pyarrow's writer.

    dlt's own Arrow writer writes objects as strings. Patch: dlt >=1.31,<1.32; no upstream issue known;
    can go when `test_dlt_writes_json_of_arrow_as_a_text` fails.
    """

    def __init__(self, stream: BinaryIO, columns: Sequence[TColumnSchema]) -> None:
        self._stream = stream
        self._json = [str(column["name"]) for column in columns if column["data_type"] == "json"]

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Add rows; lists and objects come as JSON text, and are written unchanged, digit for digit."""
        for row in batch.to_pylist():
            row.update({name: _plain(row[name]) for name in self._json if row[name] is not None})
            self._stream.write(json.dumpb(row) + b"\n")


def _plain(text: str) -> orjson.Fragment:
    # One row per line: JSON may contain line breaks, though not inside strings.
    return orjson.Fragment(text.replace("\n", " ").replace("\r", " "))


@contextmanager
def _json_file(file: Path, columns: Sequence[TColumnSchema]) -> Iterator[JsonFile]:
    with file.open("wb") as stream:
        yield JsonFile(stream, columns)
