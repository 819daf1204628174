"""Folder or bucket that tables are published to as Parquet, Delta or Iceberg, configured as dlt's filesystem destination."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import dlt
import pyarrow as pa
import pyarrow.parquet as pq
from dlt.common.configuration.exceptions import ConfigFieldMissingException, ConfigurationException
from dlt.common.exceptions import DltException, MissingDependencyException
from dlt.common.storages.fsspec_filesystem import fsspec_from_config

from harvest_time_tracking import HarvestError, SettingWrong, printable

Format = Literal["parquet", "delta", "iceberg"]
SUFFIXES: dict[Format, str] = {"parquet": ".parquet", "delta": "", "iceberg": ".iceberg"}

FILESYSTEM = "filesystem"
_ROWS_OF_A_BATCH = 20_000


class BucketFailed(HarvestError):
    """The folder or bucket refused a read or a write."""


class Bucket:
    """Folder or bucket for published tables.

    Attributes:
        url: its location, for messages.
    """

    def __init__(self, name: str = FILESYSTEM, bucket_url: str | None = None) -> None:
        """Resolve its location and credentials from dlt's configuration.

        Args:
            name: name of the destination in dlt's configuration.
            bucket_url: overrides the configured location.

        Raises:
            SettingWrong: it is not configured, or a package that it needs is not installed.
        """
        given: dict[str, Any] = {"bucket_url": bucket_url} if bucket_url else {}
        factory: Any = dlt.destinations.filesystem(destination_name=name, **given)
        try:
            self._config = factory.configuration(factory.spec()._bind_dataset_name(dataset_name=name))
            self._files, path = fsspec_from_config(self._config)
        except ConfigFieldMissingException as error:
            raise SettingWrong(
                f"The place to publish to is not configured: {' and '.join(error.fields)} missing. Put it into .dlt/secrets.toml under "
                f"[destination.{name}], or into DESTINATION__{name.upper()}__BUCKET_URL; docs/how-to/publish-files.md shows how."
            ) from None
        except (MissingDependencyException, ImportError):
            url = str(bucket_url or dlt.config.get(f"destination.{name}.bucket_url"))
            raise _not_installed("filesystem", url) from None
        except (ConfigurationException, DltException) as error:
            raise SettingWrong(
                f"The configuration of {name} cannot be read ({type(error).__name__}): see [destination.{name}] in .dlt/secrets.toml."
            ) from None
        self._is_local = bool(self._config.is_local_filesystem)
        # For local folders, the path of dlt's file system is URL-encoded.
        self._root = self._config.make_local_path(self._config.bucket_url) if self._is_local else str(path).rstrip("/")
        self.url = self._root if self._is_local else str(self._config.bucket_url).rstrip("/")

    def document(self, path: str) -> Any:
        """Read a JSON file; None if there is none."""
        with _refusals(self.url):
            return json.loads(self._files.cat_file(self._full(path))) if self._exists(path) else None

    def put_document(self, path: str, document: Any) -> None:
        """Write a JSON file, atomically."""
        with _refusals(self.url):
            self._put(path, json.dumps(document, indent=2, ensure_ascii=False).encode())

    def has(self, path: str) -> bool:
        """True if a table exists."""
        with _refusals(self.url):
            return self._exists(path)

    def put(self, path: str, file: Path, file_format: Format) -> None:
        """Publish a table with exactly the rows of a Parquet file."""
        putting = {"parquet": self.put_parquet, "delta": self.put_delta, "iceberg": self.put_iceberg}
        putting[file_format](path, file)

    def put_parquet(self, path: str, file: Path) -> None:
        """Replace a Parquet file atomically: readers find either the old one or the new one."""
        with _refusals(self.url):
            self._put(path, file)

    def put_delta(self, path: str, file: Path) -> None:
        """Write the next version of a Delta table, with exactly the rows of a Parquet file.

        Files of versions older than a week are removed, so that deleted rows do not stay for ever.
        """
        if not find_spec("deltalake"):
            raise _not_installed("filesystem")
        from deltalake import DeltaTable, write_deltalake  # noqa: PLC0415 (an extra)
        from deltalake.exceptions import DeltaError  # noqa: PLC0415
        from dlt.common.libs.deltalake import deltalake_storage_options  # noqa: PLC0415

        options = deltalake_storage_options(self._config.credentials, self._config.deltalake_storage_options)
        url = self._address(path)
        if self._is_local:
            if set("[]") & set(url):
                raise BucketFailed(
                    f"{self.url}: Delta's library does not accept a folder with [ or ] in its path. Choose another."
                )
            Path(url).mkdir(parents=True, exist_ok=True)
        try:
            with _rows(file) as rows:
                write_deltalake(url, rows, mode="overwrite", schema_mode="overwrite", storage_options=options)
            DeltaTable(url, storage_options=options).vacuum(dry_run=False)
        except (DeltaError, OSError) as error:
            raise BucketFailed(f"{self.url} does not take the Delta table {path}: {printable(str(error))}") from error

    def put_iceberg(self, path: str, file: Path) -> None:
        """Write the next version of an Iceberg table, with exactly the rows of a Parquet file; expire those older than a week."""
        if not find_spec("pyiceberg"):
            raise _not_installed("iceberg")
        from harvest_warehouse.transfer.iceberg import replace_rows  # noqa: PLC0415 (an extra)

        url = self._address(path)
        if self._is_local:
            for folder in ("data", "metadata"):
                Path(url, folder).mkdir(parents=True, exist_ok=True)
        # fsspec caches listings, and the tables' files may be written by other libraries.
        self._files.invalidate_cache()
        with _refusals(self.url), _rows(file) as rows:
            replace_rows(self._files, url, rows)

    def remove(self, path: str) -> None:
        """Remove a table."""
        with _refusals(self.url):
            if self._exists(path):
                self._files.rm(self._full(path), recursive=True)

    def _exists(self, path: str) -> bool:
        # fsspec caches listings, and Delta tables are written by another library.
        self._files.invalidate_cache()
        return bool(self._files.exists(self._full(path)))

    def _address(self, path: str) -> str:
        """URL or local path of a table, for other libraries."""
        return self._full(path) if self._is_local else f"{self.url}/{path}"

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _put(self, path: str, content: Path | bytes) -> None:
        """Write a file atomically: by one request or a multipart upload, locally by a rename."""
        full = self._full(path)
        aside = f"{full}.part" if self._is_local else full
        if self._is_local:
            self._files.makedirs(full.rpartition("/")[0], exist_ok=True)
        if isinstance(content, bytes):
            self._files.pipe_file(aside, content)
        else:
            self._files.put_file(str(content), aside)
        if self._is_local:
            Path(aside).replace(full)


@contextmanager
def _rows(file: Path) -> Iterator[pa.RecordBatchReader]:
    with pq.ParquetFile(file) as parquet:
        batches = parquet.iter_batches(batch_size=_ROWS_OF_A_BATCH)
        yield pa.RecordBatchReader.from_batches(parquet.schema_arrow, batches)


@contextmanager
def _refusals(url: str) -> Iterator[None]:
    """Turn any error of a storage library into BucketFailed."""
    try:
        yield
    except Exception as error:  # The storage libraries have no common error class.
        raise BucketFailed(
            f"{url} does not answer as it should: {type(error).__name__}: {printable(str(error))}"
        ) from error


def _not_installed(extra: str, url: str = "") -> SettingWrong:
    also = {"gs": ",gs", "gcs": ",gs", "az": ",az", "abfss": ",az"}.get(url.partition("://")[0], "")
    return SettingWrong(
        f'What this needs is not installed: pip install ".[{extra}{also}]" in the clone, and run this again.'
    )
