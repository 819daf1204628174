"""dlt's redshift destination with fixes, as for PostgreSQL: NUL characters and connection errors."""

from __future__ import annotations

from typing import Any

from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.schema import Schema
from dlt.destinations import redshift as dlt_redshift
from dlt.destinations.impl.redshift.configuration import RedshiftClientConfiguration
from dlt.destinations.impl.redshift.redshift import RedshiftClient, RedshiftSqlClient
from dlt.destinations.sql_client import raise_open_connection_error


class redshift(dlt_redshift):  # noqa: N801 (dlt takes the destination's name from it)
    """dlt's redshift destination with the fixes of this module."""

    @property
    def destination_type(self) -> str:
        """dlt's own type: it is stored in dlt's working folder, and must not depend on the path of this module.

        Patch: dlt >=1.31,<1.32; no upstream issue known;
        can go when `test_dlt_names_a_derived_destination_after_its_module` fails.
        """
        return "dlt.destinations.redshift"

    @property
    def client_class(self) -> type[RedshiftClient]:
        """Job client that loads the files."""
        return _Client

    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        capabilities = super()._raw_capabilities()
        escaped = capabilities.escape_literal
        # Redshift cannot store U+0000; dlt would drop it.
        # Patch: dlt >=1.31,<1.32; https://github.com/dlt-hub/dlt/pull/4086 (on purpose);
        # can go when `test_dlt_leaves_out_nul_in_inserts` fails.
        capabilities.escape_literal = lambda value: escaped(
            value.replace("\x00", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value
        )
        return capabilities


class _SqlClient(RedshiftSqlClient):
    @raise_open_connection_error
    def open_connection(self) -> Any:
        # dlt does not translate the driver's errors here, though it does everywhere else.
        # Patch: dlt >=1.31,<1.32; no upstream issue known;
        # can go when `test_dlt_lets_psycopg2s_error_through_where_it_connects` fails.
        return super().open_connection()

    @staticmethod
    def _maybe_make_terminal_exception_from_data_error(pg_ex: Any) -> Exception | None:
        # An error of a failed or lost connection has no message from the server, but dlt reads it all the same.
        # Patch: dlt >=1.31,<1.32; no upstream issue known;
        # can go when `test_dlt_looks_for_words_in_an_error_that_has_none` fails.
        found = RedshiftSqlClient._maybe_make_terminal_exception_from_data_error
        return found(pg_ex) if pg_ex.pgerror else None


class _Client(RedshiftClient):
    # Patch: dlt >=1.31,<1.32; no upstream issue known;
    # can go when `test_dlt_offers_no_choice_of_a_clients_sql_client` fails.
    def __init__(
        self, schema: Schema, config: RedshiftClientConfiguration, capabilities: DestinationCapabilitiesContext
    ) -> None:
        super().__init__(schema, config, capabilities)
        names = self.sql_client.dataset_name, self.sql_client.staging_dataset_name
        self.sql_client = _SqlClient(*names, config.credentials, capabilities)
