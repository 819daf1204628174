"""dlt's bigquery destination with fixes: network and credential errors of Google's become dlt's database errors."""

from __future__ import annotations

from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.schema import Schema
from dlt.destinations import bigquery as dlt_bigquery
from dlt.destinations.exceptions import DatabaseTransientException
from dlt.destinations.impl.bigquery.bigquery import BigQueryClient
from dlt.destinations.impl.bigquery.configuration import BigQueryClientConfiguration
from dlt.destinations.impl.bigquery.sql_client import BigQuerySqlClient
from dlt.destinations.sql_client import raise_database_error
from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from requests import RequestException


class bigquery(dlt_bigquery):  # noqa: N801 (dlt takes the destination's name from it)
    """dlt's bigquery destination with the fixes of this module."""

    @property
    def destination_type(self) -> str:
        """dlt's own type: it is stored in dlt's working folder, and must not depend on the path of this module.

        Patch: dlt >=1.31,<1.32; no upstream issue known;
        can go when `test_dlt_names_a_derived_destination_after_its_module` fails.
        """
        return "dlt.destinations.bigquery"

    @property
    def client_class(self) -> type[BigQueryClient]:
        """Job client that loads the files."""
        return _Client


class _SqlClient(BigQuerySqlClient):
    # These bypass the cursor, and dlt does not translate Google's errors there.
    # Patch: dlt >=1.31,<1.32; no upstream issue known;
    # can go when `test_dlt_lets_googles_error_through_for_a_dataset` fails.
    has_dataset = raise_database_error(BigQuerySqlClient.has_dataset)
    create_dataset = raise_database_error(BigQuerySqlClient.create_dataset)

    def rollback_transaction(self) -> None:
        # dlt also rolls back a transaction that failed to begin, which would hide the original error.
        # Patch: dlt >=1.31,<1.32; no upstream issue known;
        # can go when `test_dlt_rolls_back_a_transaction_that_did_not_begin` fails.
        if self._session_query:
            super().rollback_transaction()

    @classmethod
    def _make_database_exception(cls, ex: Exception) -> Exception:
        # Patch: dlt >=1.31,<1.32; no upstream issue known;
        # can go when `test_dlt_makes_no_database_error_of_googles` fails.
        made = super()._make_database_exception(ex)
        is_googles = isinstance(made, GoogleAPIError | GoogleAuthError | RequestException)
        return DatabaseTransientException(made) if is_googles else made


class _Client(BigQueryClient):
    # Patch: dlt >=1.31,<1.32; no upstream issue known;
    # can go when `test_dlt_offers_no_choice_of_a_clients_sql_client` fails.
    def __init__(
        self, schema: Schema, config: BigQueryClientConfiguration, capabilities: DestinationCapabilitiesContext
    ) -> None:
        super().__init__(schema, config, capabilities)
        self.sql_client = _SqlClient(
            self.sql_client.dataset_name,
            self.sql_client.staging_dataset_name,
            config.credentials,
            capabilities,
            config.get_location(),
            config.project_id,
            config.http_timeout,
            config.retry_deadline,
        )
