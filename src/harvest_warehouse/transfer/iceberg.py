"""Write Iceberg tables without a catalog: the newest metadata file in a table's folder is its current version."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from fsspec import AbstractFileSystem
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.fsspec import FsspecFileIO
from pyiceberg.table import Table

_KEPT = timedelta(days=7)
_NAME = ("shelf", "table")
_FILES = "files"


class BucketIO(FsspecFileIO):
    """pyiceberg file IO over the bucket's own file system and credentials."""

    def get_fs(self, scheme: str, hostname: str | None = None) -> AbstractFileSystem:  # noqa: ARG002
        """The bucket's file system, whatever the address."""
        files: AbstractFileSystem = self.properties[_FILES]
        return files


def replace_rows(files: AbstractFileSystem, url: str, rows: pa.RecordBatchReader) -> None:
    """Write the next version of a table, with exactly these rows; expire versions older than a week and remove their files.

    Readers find either the old rows or the new ones. For readers without a catalog, `metadata/version-hint.text` names the
    newest metadata file (https://duckdb.org/docs/stable/core_extensions/iceberg/overview).

    Args:
        files: file system of the folder or bucket.
        url: folder of the table.
        rows: all rows.

    Raises:
        Exception: of the storage library or pyiceberg, if the table cannot be written; its last version stays.
    """
    with warnings.catch_warnings():
        # Harmless: there were no rows to replace.
        warnings.filterwarnings("ignore", "Delete operation did not match any records")
        table = _committed(files, url, rows)
    table.maintenance.expire_snapshots().older_than(datetime.now(UTC) - _KEPT).commit()
    metadata = table.refresh().metadata_location.rpartition("/")[2]
    files.pipe_file(f"{url}/metadata/version-hint.text", metadata.removesuffix(".metadata.json").encode())
    needed = {_bare(files, path) for path in _files_of(table)}
    for path in [*_listed(files, f"{url}/data"), *_listed(files, f"{url}/metadata", ".avro")]:
        if _bare(files, path) not in needed:
            files.rm_file(path)


def _committed(files: AbstractFileSystem, url: str, rows: pa.RecordBatchReader) -> Table:
    given: dict[str, Any] = {"py-io-impl": f"{__name__}.{BucketIO.__name__}", _FILES: files}
    catalog = SqlCatalog("shelf", uri="sqlite:///:memory:", **given)
    catalog.create_namespace(_NAME[0])
    there = sorted(_listed(files, f"{url}/metadata", ".metadata.json"), key=_bare_name)
    if not there:
        with catalog.create_table_transaction(_NAME, rows.schema, location=url) as change:
            change.append(rows)
        return catalog.load_table(_NAME)
    table = catalog.register_table(_NAME, f"{url}/metadata/{_bare_name(there[-1])}")
    with table.transaction() as change:
        with change.update_schema(allow_incompatible_changes=True) as columns:
            for name in table.schema().column_names:
                if name not in rows.schema.names:
                    columns.delete_column(name)
            columns.union_by_name(rows.schema)
        change.overwrite(rows)
    return table


def _files_of(table: Table) -> Iterator[str]:
    """Paths of the manifest and data files of all versions that the table has kept."""
    for snapshot in table.snapshots():
        yield snapshot.manifest_list
        for manifest in snapshot.manifests(table.io):
            yield manifest.manifest_path
            yield from (entry.data_file.file_path for entry in manifest.fetch_manifest_entry(table.io))


def _listed(files: AbstractFileSystem, folder: str, ending: str = "") -> list[str]:
    """List the files in a folder, whatever characters are in its name; none if it does not exist."""
    try:
        return [path for path in files.ls(folder, detail=False) if path.endswith(ending)]
    except FileNotFoundError:
        return []


def _bare(files: AbstractFileSystem, path: str) -> str:
    """Path without the storage's protocol."""
    return str(files._strip_protocol(path))


def _bare_name(path: str) -> str:
    return path.rpartition("/")[2]
