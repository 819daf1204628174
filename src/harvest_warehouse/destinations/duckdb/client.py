"""dlt's duckdb destination with fixes: retry while the file is locked; write nothing more after a failed commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, cast
from weakref import WeakSet

import duckdb
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.normalizers.naming import NamingConvention
from dlt.common.schema import Schema
from dlt.destinations import duckdb as dlt_duckdb
from dlt.destinations.impl.duckdb.configuration import (
    DuckDbBaseCredentials,
    DuckDbClientConfiguration,
    DuckDbConnectionPool,
)
from dlt.destinations.impl.duckdb.duck import DuckDbClient
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from dlt.destinations.sql_client import raise_database_error
from dlt.destinations.typing import DBTransaction

from harvest_time_tracking import HarvestError
from harvest_warehouse.destinations.duckdb.retry import retry_while_locked

# https://duckdb.org/docs/stable/internals/storage: after a checksum of 8 bytes.
_MAGIC = slice(8, 12), b"DUCK"


class NoDatabase(HarvestError):
    """The database's file is not a DuckDB database."""


def is_database(file: Path) -> bool:
    """Check for a DuckDB file by its magic bytes: for other formats, DuckDB would download an extension to read them.

    Raises:
        NoDatabase: the file is something else, or a broken link.
    """
    if not file.exists():
        if file.is_symlink():
            raise NoDatabase(
                f"{file} is a link to {file.readlink()}, which does not exist: mount or create it, or remove the link."
            )
        return False
    place, magic = _MAGIC
    if file.is_dir() or _beginning(file, place.stop)[place] != magic:
        raise NoDatabase(
            f"{file} is not a DuckDB database. If it is a damaged one, replace it with a backup; otherwise move it away, and run "
            "`dlt-harvest sync` in this folder."
        )
    return True


_DAMAGED = (
    "could not read enough bytes",
    "corrupt database file",
    "serialization error",
    "does not match stored checksum",
)


def mended_by(said: str) -> str:
    """Advice for a DuckDB error message about a damaged or truncated file; empty for other messages."""
    if not any(words in said.lower() for words in _DAMAGED):
        return ""
    return (
        " The file is damaged or cut short: put a copy in its place and run `dlt-harvest sync`, which brings what changed since; "
        "without a copy, move it away, and `sync` reads everything again."
    )


def _beginning(file: Path, size: int) -> bytes:
    with file.open("rb") as opened:
        return opened.read(size)


class RetryingDuckDb(dlt_duckdb):
    """dlt's duckdb destination, with connections that retry while the file is locked and stop after a failed commit."""

    @property
    def destination_type(self) -> str:
        """dlt's own type, as stored in pipeline state.

        Patch: dlt >=1.31,<1.32; no upstream issue known;
        can go when `test_dlt_names_a_derived_destination_after_its_module` fails.
        """
        return "dlt.destinations.duckdb"

    @property
    def client_class(self) -> type[DuckDbClient]:
        """Job client that loads the files."""
        return _Client

    def capabilities(
        self, config: DuckDbClientConfiguration | None = None, naming: NamingConvention | None = None
    ) -> DestinationCapabilitiesContext:
        """dlt's capabilities, without resolving a configuration each time (a sixth of a small sync): DuckDB's need none.

        Patch: dlt >=1.31,<1.32; no upstream issue known;
        can go when `test_dlt_resolves_a_configuration_for_capabilities` fails.
        """
        return super().capabilities(self.spec() if config is None else config, naming)

    def configuration(
        self, initial_config: DuckDbClientConfiguration, accept_partial: bool = False
    ) -> DuckDbClientConfiguration:
        """dlt's configuration, with our connection pool."""
        found = super().configuration(initial_config, accept_partial)
        # A configuration resolved before keeps its pool, to which borrowed connections must be returned.
        if found.credentials is not None and not isinstance(found.credentials.conn_pool, _Pool):
            found.credentials.conn_pool = _Pool.of(found.credentials)
        return found


class _Pool(DuckDbConnectionPool):
    """Connection pool for one file; all pools of the process with that file open share DuckDB's in-memory state of it.

    A commit that fails for lack of disk space is rolled back only in part in that state. The file and its log stay intact as
    long as the state is not written to them; it is discarded when the last connection is returned.

    Patch: DuckDB >=1.4,<2; see https://github.com/duckdb/duckdb/issues/23645 (indexes after a reverted transaction) and
    https://github.com/duckdb/duckdb/issues/22279 (texts, mended in 1.5.2); can go when `test_duckdb_undoes_a_failed_commit_only_in_part` fails.
    """

    _all: ClassVar[WeakSet[_Pool]] = WeakSet()
    _failed_commits: ClassVar[dict[str, str]] = {}
    _choosing: ClassVar[Lock] = Lock()

    @classmethod
    def of(cls, credentials: DuckDbBaseCredentials) -> _Pool:
        """Pool for a file, shared by connections with the same settings."""
        with cls._choosing:
            found = (pool for pool in cls._all if pool._opens_as(credentials))
            return next(found, None) or cls(credentials)

    def __init__(self, credentials: DuckDbBaseCredentials) -> None:
        super().__init__(credentials)
        self._all.add(self)  # Only `of` makes pools, one at a time.

    def _opens_as(self, credentials: DuckDbBaseCredentials) -> bool:
        return (self.file, self.credentials.read_only, self.credentials.global_config) == (
            credentials._conn_str(),
            credentials.read_only,
            credentials.global_config,
        )

    @property
    def file(self) -> str:
        return self.credentials._conn_str()

    def borrow_conn(self, *arguments: Any, **named: Any) -> duckdb.DuckDBPyConnection:
        self.raise_if_unsound()
        # Patch: dlt >=1.31,<1.32; no upstream issue known;
        # can go when `test_dlt_does_not_wait_for_a_locked_file` fails.
        borrow = super().borrow_conn
        return retry_while_locked(lambda: borrow(*arguments, **named), self.file)

    def return_conn(self, borrowed_conn: duckdb.DuckDBPyConnection) -> int:
        left = super().return_conn(borrowed_conn)
        with self._choosing:
            if all(pool._conn is None for pool in self._all if pool.file == self.file):
                self._failed_commits.pop(self.file, None)
        return left

    def commit_failed(self, connection: duckdb.DuckDBPyConnection, why: str) -> None:
        """Keep the in-memory state from being written to the file after a failed commit."""
        if self.file not in self._failed_commits:
            self._failed_commits[self.file] = why
            connection.execute("PRAGMA disable_checkpoint_on_shutdown")

    def raise_if_unsound(self) -> None:
        """Raise duckdb.TransactionException if a commit to the file has failed."""
        if why := self._failed_commits.get(self.file):
            raise duckdb.TransactionException(f"nothing more is written after a commit that failed: {why}")


class _SqlClient(DuckDbSqlClient):
    @contextmanager
    @raise_database_error
    def begin_transaction(self) -> Iterator[DBTransaction]:
        self._pool.raise_if_unsound()
        with super().begin_transaction() as transaction:
            yield transaction

    def _make_database_exception(self, ex: Exception) -> Exception:  # type: ignore[override]
        if isinstance(ex, duckdb.TransactionException) and "Failed to commit" in str(ex):
            self._pool.commit_failed(self._conn, str(ex))
        return super()._make_database_exception(ex)

    @property
    def _pool(self) -> _Pool:
        return cast("_Pool", self.credentials.conn_pool)


class _Client(DuckDbClient):
    # Patch: dlt >=1.31,<1.32; no upstream issue known;
    # can go when `test_dlt_offers_no_choice_of_a_clients_sql_client` fails.
    def __init__(
        self, schema: Schema, config: DuckDbClientConfiguration, capabilities: DestinationCapabilitiesContext
    ) -> None:
        super().__init__(schema, config, capabilities)
        names = self.sql_client.dataset_name, self.sql_client.staging_dataset_name
        self.sql_client = _SqlClient(*names, config.credentials, capabilities)
