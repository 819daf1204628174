"""dlt's ducklake destination with fixes: DuckDB's extensions from wheels, and read-only connections."""

from __future__ import annotations

import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.schema import Schema
from dlt.destinations import ducklake as dlt_ducklake
from dlt.destinations.impl.duckdb.configuration import DuckDbConnectionPool
from dlt.destinations.impl.ducklake.configuration import DuckLakeClientConfiguration, DuckLakeCredentials
from dlt.destinations.impl.ducklake.ducklake import DuckLakeClient
from dlt.destinations.impl.ducklake.sql_client import DuckLakeSqlClient
from dlt.destinations.sql_client import raise_open_connection_error

from harvest_time_tracking import SettingWrong

_FOR_CATALOG = {"sqlite": "sqlite_scanner", "postgres": "postgres_scanner", "postgresql": "postgres_scanner"}
_FOR_STORAGE = {"s3": "httpfs", "az": "azure", "abfss": "azure"}


class ducklake(dlt_ducklake):  # noqa: N801 (dlt takes the destination's name from it)
    """dlt's ducklake destination with the fixes of this module; never downloads an extension at run time."""

    @property
    def destination_type(self) -> str:
        """dlt's own type: it is stored in dlt's working folder, and must not depend on the path of this module.

        Patch: dlt >=1.31,<1.32; no upstream issue known;
        can go when `test_dlt_names_a_derived_destination_after_its_module` fails.
        """
        return "dlt.destinations.ducklake"

    @property
    def client_class(self) -> type[DuckLakeClient]:
        """Job client that loads the files."""
        return _Client

    def configuration(
        self, initial_config: DuckLakeClientConfiguration, accept_partial: bool = False
    ) -> DuckLakeClientConfiguration:
        """dlt's configuration, with our connection pool and the extensions it needs.

        Raises:
            SettingWrong: the catalog or the storage is not supported.
        """
        found: DuckLakeClientConfiguration = super().configuration(initial_config, accept_partial)
        lake = found.credentials
        if lake is not None and lake.conn_pool is not None and not isinstance(lake.conn_pool, _Pool):
            lake.conn_pool = _Pool(lake)
        return found


class _Pool(DuckDbConnectionPool):
    """Connection pool of empty in-memory databases, to which dlt attaches the lake.

    dlt itself lets DuckDB download extensions. Patch: dlt >=1.31,<1.32; no upstream issue known;
    can go when `test_dlt_lets_duckdb_download_extensions_of_a_lake` fails.
    """

    def __init__(self, lake: DuckLakeCredentials) -> None:
        super().__init__(lake, always_open_connection=True)
        self._files = [_file(name) for name in _extensions(lake)]

    def borrow_conn(
        self,
        global_config: dict[str, Any] | None = None,
        local_config: dict[str, Any] | None = None,
        pragmas: list[str] | None = None,
    ) -> duckdb.DuckDBPyConnection:
        for file in self._files:
            _check(file)
        # Signatures are verified once per process: over 36 MB, that takes a third of a second for each of many connections.
        # Patch: dlt >=1.31,<1.32; no upstream issue known;
        # can go when `test_dlt_takes_no_setting_for_unsigned_extensions` fails.
        connection = duckdb.connect(":memory:", config={"allow_unsigned_extensions": "true"})
        try:
            for file in self._files:
                _load(connection, file)
            self._apply_config(
                connection,
                "GLOBAL",
                {
                    "autoinstall_known_extensions": False,
                    # Where DuckDB spills; its default would be the folder where the command runs.
                    "temp_directory": tempfile.gettempdir(),
                    **(self.credentials.global_config or {}),
                    **(global_config or {}),
                },
            )
            self._execute_statements(connection)
            self._apply_local_config(connection, local_config or {}, pragmas or [])
        except Exception:
            connection.close()
            raise
        with self._conn_lock:
            self._conn_borrows += 1
        return connection


@cache
def _check(file: Path) -> None:
    """Verify an extension's signature by loading it into a DuckDB with default settings."""
    with duckdb.connect(":memory:") as connection:
        _load(connection, file)


def _load(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    quoted = str(file).replace("'", "''")
    connection.execute(f"LOAD '{quoted}'")


def _extensions(lake: DuckLakeCredentials) -> list[str]:
    catalog, storage = str(lake.catalog.drivername), lake.storage.protocol
    if catalog not in (*_FOR_CATALOG, "duckdb"):
        raise SettingWrong(f"DuckLake's catalog can be in sqlite, duckdb or postgresql, not in {catalog}.")
    if not lake.storage.is_local_filesystem and storage not in _FOR_STORAGE:
        raise SettingWrong(f"DuckLake's files can be in a folder, s3:// or az://, not in {storage}://.")
    needed = ("ducklake", _FOR_CATALOG.get(catalog), _FOR_STORAGE.get(storage))
    return [name for name in needed if name]


def _file(extension: str) -> Path:
    """Path of an extension in its wheel, which is for one version of DuckDB."""
    spec = find_spec(f"duckdb_extension_{extension}")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        file = Path(folder) / "extensions" / f"v{duckdb.__version__}" / f"{extension}.duckdb_extension"
        if file.exists():
            return file
    raise SettingWrong(
        f'DuckDB {duckdb.__version__} has no extension {extension} here: `pip install ".[ducklake]"` in the clone brings both in '
        "versions that go together."
    )


class _SqlClient(DuckLakeSqlClient):
    @raise_open_connection_error
    def open_connection(self) -> Any:
        connection = super().open_connection()
        if self.credentials.read_only:
            # The only files that stay accessible once the guards have run.
            folder = f"{self.credentials.storage_url.rstrip('/')}/".replace("'", "''")
            connection.execute(f"SET allowed_directories = ['{folder}']")
        return connection

    # Patch: dlt >=1.31,<1.32; no upstream issue known; can go when `test_dlt_opens_no_lake_for_reading_only` fails.
    @property
    def attach_statement(self) -> str:
        statement = super().attach_statement
        return f"{statement.removesuffix(')')}, READ_ONLY)" if self.credentials.read_only else statement


class _Client(DuckLakeClient):
    # Patch: dlt >=1.31,<1.32; no upstream issue known;
    # can go when `test_dlt_offers_no_choice_of_a_clients_sql_client` fails.
    def __init__(
        self, schema: Schema, config: DuckLakeClientConfiguration, capabilities: DestinationCapabilitiesContext
    ) -> None:
        super().__init__(schema, config, capabilities)
        names = self.sql_client.dataset_name, self.sql_client.staging_dataset_name
        self.sql_client = _SqlClient(
            *names,
            config.credentials,
            capabilities,
            override_data_path=config.override_data_path,
            automatic_migration=config.automatic_migration,
        )
