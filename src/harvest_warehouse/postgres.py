"""dlt's PostgreSQL, but for two things: a load file without rows is no error, and a server that is not there is one of dlt's."""

from __future__ import annotations

from typing import Any

import pyarrow.parquet as pq
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.destination.client import LoadJob
from dlt.common.destination.typing import PreparedTableSchema
from dlt.common.schema import Schema
from dlt.destinations import postgres as dlt_postgres
from dlt.destinations.impl.postgres.configuration import PostgresClientConfiguration
from dlt.destinations.impl.postgres.postgres import PostgresClient, PostgresParquetCopyJob
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient
from dlt.destinations.sql_client import raise_open_connection_error


class postgres(dlt_postgres):  # noqa: N801 (dlt takes the destination's name from it)
    """As dlt's own."""

    @property
    def client_class(self) -> type[PostgresClient]:
        """Writes the load files."""
        return _Client


class _SqlClient(Psycopg2SqlClient):
    @raise_open_connection_error
    def open_connection(self) -> Any:
        # dlt lets the driver's own error through here, and here alone.
        return super().open_connection()


class _Client(PostgresClient):
    def __init__(
        self, schema: Schema, config: PostgresClientConfiguration, capabilities: DestinationCapabilitiesContext
    ) -> None:
        super().__init__(schema, config, capabilities)
        names = self.sql_client.dataset_name, self.sql_client.staging_dataset_name
        self.sql_client = _SqlClient(*names, config.credentials, capabilities)

    def create_load_job(
        self, table: PreparedTableSchema, file_path: str, load_id: str, restore: bool = False
    ) -> LoadJob:
        job = super().create_load_job(table, file_path, load_id, restore)
        return _CopyJob(file_path) if type(job) is PostgresParquetCopyJob else job


class _CopyJob(PostgresParquetCopyJob):
    def run(self) -> None:
        # dlt makes such files for tables that are to be there without rows, and ADBC wants one row at least.
        if pq.read_metadata(self._file_path).num_rows:
            super().run()
