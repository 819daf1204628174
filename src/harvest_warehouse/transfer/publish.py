"""Publish the tables and marts of an account to a folder or bucket, in full each time, so that deletions show."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Context, Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from dlt.common.schema.typing import TColumnSchema
from sqlglot import exp

from harvest_time_tracking import HarvestError, printable
from harvest_warehouse.database import Database
from harvest_warehouse.database.lock import exclusive_lock
from harvest_warehouse.database.read_only import reading
from harvest_warehouse.database.table_scan import Checksum
from harvest_warehouse.marts.models import described
from harvest_warehouse.settings.process import give_memory_back
from harvest_warehouse.sweep.replaced_tables import BEFORE
from harvest_warehouse.transfer.bucket import SUFFIXES, Bucket, Format
from harvest_warehouse.warehouse import Target

LIST = "harvest_published.json"
"""Name of the manifest beside the tables, written after them: which tables there are, and as of when."""

_ROWS = 5_000
_NINE_PLACES = Decimal(1).scaleb(-9)
_DIGITS = Context(prec=38)
_TYPES: dict[Any, pa.DataType] = {
    exp.DataType.Type.BOOLEAN: pa.bool_(),
    exp.DataType.Type.SMALLINT: pa.int64(),
    exp.DataType.Type.INT: pa.int64(),
    exp.DataType.Type.BIGINT: pa.int64(),
    # Sums of integers.
    exp.DataType.Type.INT128: pa.decimal128(38, 0),
    exp.DataType.Type.DOUBLE: pa.float64(),
    exp.DataType.Type.FLOAT: pa.float64(),
    exp.DataType.Type.DATE: pa.date32(),
    exp.DataType.Type.TIMESTAMPTZ: pa.timestamp("us", "UTC"),
    exp.DataType.Type.TIMESTAMP: pa.timestamp("us"),
}


class PublishFailed(HarvestError):
    """A value does not fit the type of its column in a file."""


@dataclass(frozen=True)
class PublishedTable:
    """Published table.

    Attributes:
        path: path below the folder or bucket.
        rows: number of rows.
        is_new: whether it was written; False if it already had the same rows.
    """

    path: str
    rows: int
    is_new: bool


@dataclass(frozen=True)
class PublishReport:
    """Result of publishing.

    Attributes:
        source: location of the warehouse.
        target: location of the folder or bucket.
        format: format of the files.
        tables: all published tables.
        removed: paths of tables that were removed.
        seconds: duration.
    """

    source: str
    target: str
    format: Format
    tables: tuple[PublishedTable, ...]
    removed: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class _Column:
    name: str
    type: pa.DataType
    is_rounded: bool = False


def publish(
    warehouse: Target,
    shelf: Bucket,
    file_format: Format = "parquet",
    *,
    on_step: Callable[[str], None] = lambda _: None,
) -> PublishReport:
    """Publish all tables as of one moment: the run lock is held, so that no run writes meanwhile.

    Args:
        warehouse: target with the tables and marts.
        shelf: folder or bucket to publish to.
        file_format: `parquet` for one file per table; `delta` or `iceberg` for tables with versions.
        on_step: called with a short text when a step begins.

    Raises:
        SettingWrong: nothing was loaded, or a package that the format needs is not installed.
        DatabaseBusy: a run is writing.
        NotReadable: the database cannot be opened.
        BucketFailed: the folder or bucket refuses. Tables written so far are complete; the manifest is the old one.
        PublishFailed: a value does not fit its type.
    """
    began = time.monotonic()
    listed = f"{warehouse.dataset_name}/{LIST}"
    tables: dict[str, dict[str, Any]] = {}
    done: list[PublishedTable] = []
    with exclusive_lock(warehouse), reading(warehouse) as database, tempfile.TemporaryDirectory() as folder:
        before: dict[str, dict[str, Any]] = (shelf.document(listed) or {}).get("tables", {})
        wanted = list(_wanted(database, warehouse))
        for number, (dataset, name, columns) in enumerate(wanted, 1):
            on_step(f"publishing {name} (table {number} of {len(wanted)})")
            path = f"{dataset}/{name}{SUFFIXES[file_format]}"
            file = Path(folder) / "table.parquet"
            schema = "marts" if dataset == warehouse.marts_name else "raw"
            tables[path] = _write(database, f'{schema}."{name}"', columns, file)
            is_new = before.get(path) != tables[path] or not shelf.has(path)
            if is_new:
                shelf.put(path, file, file_format)
            done.append(PublishedTable(path, tables[path]["rows"], is_new))
            give_memory_back()
    # Readers that follow the manifest find the removed tables until the new manifest is written.
    shelf.put_document(listed, {"published_at": datetime.now(UTC).isoformat(), "format": file_format, "tables": tables})
    gone = tuple(path for path in before if path not in tables)
    for path in gone:
        shelf.remove(path)
    return PublishReport(warehouse.place, shelf.url, file_format, tuple(done), gone, round(time.monotonic() - began, 3))


def _wanted(database: Database, warehouse: Target) -> Iterator[tuple[str, str, list[_Column]]]:
    """Tables to publish: Harvest's, system tables and marts; not dlt's own, nor copies left by an interrupted run."""
    marts = described().keys()
    for dataset in (warehouse.dataset_name, warehouse.marts_name):
        columns: dict[str, list[_Column]] = {}
        for table, column, kind, precision, scale in database.rows(_COLUMNS, {"dataset": dataset}):
            columns.setdefault(table, []).append(_column(database, column, kind, precision, scale))
        for table, found in columns.items():
            is_ours = table in marts if dataset == warehouse.marts_name else not table.startswith(("_dlt_", BEFORE))
            if is_ours:
                yield dataset, table, found


_COLUMNS = """
    select table_name, column_name, data_type, numeric_precision, numeric_scale
    from information_schema.columns
    where table_schema = :dataset
    order by table_name, ordinal_position
"""


def _column(database: Database, name: str, kind: str, precision: int | None, scale: int | None) -> _Column:
    """Arrow type of a column; text for types without a counterpart here."""
    try:
        parsed = exp.DataType.build(kind, dialect=database.dialect).this
    except sqlglot.ParseError:
        return _Column(name, pa.string())
    if parsed == exp.DataType.Type.DECIMAL:
        # A number without precision gets dlt's default, as all columns of ours have.
        return _Column(name, pa.decimal128(precision or 38, 9 if scale is None else scale), is_rounded=scale is None)
    return _Column(name, _TYPES.get(parsed, pa.string()))


def _write(database: Database, table: str, columns: list[_Column], file: Path) -> dict[str, Any]:
    """Write a table to a Parquet file; return its row count, and a checksum of values and types."""
    schema = pa.schema([(column.name, column.type) for column in columns])
    read = ", ".join(
        f'cast("{column.name}" as text) as "{column.name}"' if column.type == pa.string() else f'"{column.name}"'
        for column in columns
    )
    summed: list[TColumnSchema] = [{"name": column.name, "data_type": "text"} for column in columns]
    digest = Checksum(tuple(summed))
    with pq.ParquetWriter(file, schema) as writer:
        for rows in database.portions(f"select {read} from {table}", _ROWS):
            try:
                arrays = [
                    pa.array(map(_rounded, values) if column.is_rounded else values, column.type)
                    for column, values in zip(columns, zip(*rows, strict=True), strict=True)
                ]
            except (pa.ArrowException, InvalidOperation) as error:
                raise PublishFailed(
                    f"{table}: a value does not fit the type of its column: {printable(str(error))}"
                ) from error
            batch = pa.record_batch(arrays, schema=schema)
            digest.add(batch)
            writer.write_batch(batch)
    types = hashlib.sha256(str(schema).encode()).hexdigest()[:16]
    return {"rows": digest.rows, "digest": f"{types}-{digest.total:x}"}


def _rounded(value: Decimal | None) -> Decimal | None:
    return None if value is None else value.quantize(_NINE_PLACES, context=_DIGITS)
