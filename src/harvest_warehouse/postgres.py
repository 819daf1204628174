"""dlt's PostgreSQL, but for one thing: a load file without rows is no error there."""

from __future__ import annotations

import pyarrow.parquet as pq
from dlt.common.destination.client import LoadJob
from dlt.common.destination.typing import PreparedTableSchema
from dlt.destinations import postgres as dlt_postgres
from dlt.destinations.impl.postgres.postgres import PostgresClient, PostgresParquetCopyJob


class postgres(dlt_postgres):  # noqa: N801 (dlt takes the destination's name from it)
    """As dlt's own."""

    @property
    def client_class(self) -> type[PostgresClient]:
        """Writes the load files."""
        return _Client


class _Client(PostgresClient):
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
