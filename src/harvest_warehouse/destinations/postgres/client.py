"""dlt's postgres destination with three fixes: empty Parquet files, NUL characters, connection errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
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
    """dlt's postgres destination with the fixes of this module."""

    @property
    def destination_type(self) -> str:
        """dlt's own type: it is stored in dlt's working folder, and must not depend on the path of this module.

        Patch: dlt >=1.31,<1.32; no upstream issue known;
        can go when `test_dlt_names_a_derived_destination_after_its_module` fails.
        """
        return "dlt.destinations.postgres"

    @property
    def client_class(self) -> type[PostgresClient]:
        """Job client that loads the files."""
        return _Client


class _SqlClient(Psycopg2SqlClient):
    @raise_open_connection_error
    def open_connection(self) -> Any:
        # dlt does not translate the driver's errors here, though it does everywhere else.
        # Patch: dlt >=1.31,<1.32; no upstream issue known;
        # can go when `test_dlt_lets_psycopg2s_error_through_where_it_connects` fails.
        return super().open_connection()


class _Client(PostgresClient):
    # Patch: dlt >=1.31,<1.32; no upstream issue known;
    # can go when `test_dlt_offers_no_choice_of_a_clients_sql_client` fails.
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
        # dlt writes empty files for tables without rows, and passes ADBC no schema if a file has no batch.
        # Patch: dlt >=1.31,<1.32; see https://github.com/apache/arrow-adbc/issues/2071 (mended in the driver, not in dlt);
        # can go when `test_dlt_cannot_copy_a_parquet_file_to_postgresql` fails.
        if pq.read_metadata(self._file_path).num_rows:
            _replace_nul(Path(self._file_path))
            super().run()


def _replace_nul(file: Path) -> None:
    """Replace U+0000 by U+FFFD: PostgreSQL cannot store this character, and would refuse the whole file on every retry.

    Patch: dlt >=1.31,<1.32; see https://github.com/dlt-hub/dlt/pull/4086 (inserts alone);
    can go when `test_dlt_cannot_copy_a_parquet_file_to_postgresql` fails.
    """
    with pq.ParquetFile(file) as parquet:
        texts = [field.name for field in parquet.schema_arrow if _is_text(field.type)]
        if not any(_has_nul(column) for batch in parquet.iter_batches(columns=texts) for column in batch.columns):
            return
    table = pq.read_table(file)
    for name in texts:
        place = table.schema.get_field_index(name)
        table = table.set_column(
            place, table.schema.field(place), pc.replace_substring(table[name], "\x00", "\N{REPLACEMENT CHARACTER}")
        )
    pq.write_table(table, file)


def _has_nul(texts: pa.Array) -> bool:
    return bool(pc.any(pc.match_substring(texts, "\x00")).as_py())


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
