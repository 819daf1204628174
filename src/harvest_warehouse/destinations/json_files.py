"""Load files of JSON lines, from Arrow: for a database that does not take lists and objects from Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import orjson
import pyarrow as pa
from dlt.common.json import json
from dlt.common.schema.typing import TColumnSchema


class JsonFile:
    """A load file under way, with pyarrow's word for adding to it."""

    def __init__(self, stream: BinaryIO, columns: Sequence[TColumnSchema]) -> None:
        self._stream = stream
        self._json = [str(column["name"]) for column in columns if column["data_type"] == "json"]

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Add rows; lists and objects come as JSON text, and go as they are, to the digit."""
        for row in batch.to_pylist():
            row.update({name: _plain(row[name]) for name in self._json if row[name] is not None})
            self._stream.write(json.dumpb(row) + b"\n")


def _plain(text: str) -> orjson.Fragment:
    # A line is a row: outside of its texts, where there is none, JSON may have line ends.
    return orjson.Fragment(text.replace("\n", " ").replace("\r", " "))


@contextmanager
def json_file(file: Path, columns: Sequence[TColumnSchema]) -> Iterator[JsonFile]:
    """A new file, whole when the block ends.

    Args:
        file: its place.
        columns: as dlt's schema has them.
    """
    with file.open("wb") as stream:
        yield JsonFile(stream, columns)
