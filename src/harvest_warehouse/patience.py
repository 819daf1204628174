"""A DuckDB file that somebody else has open is waited for: whoever reads, reads briefly, and must not fail a load."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from dlt.destinations import duckdb as DuckDb  # noqa: N812 (a class, whatever its name)
from dlt.destinations.impl.duckdb.configuration import DuckDbClientConfiguration, DuckDbConnectionPool
from duckdb import DuckDBPyConnection, IOException

# A page of the dashboard reads for less than a second.
PATIENCE_SECONDS = 10.0
_SECONDS_BETWEEN_TRIES = 0.25

_LOG = logging.getLogger(__name__)


class PatientDuckDb(DuckDb):
    """dlt's destination, whose connections wait until others have closed theirs."""

    @property
    def destination_type(self) -> str:
        """dlt's own: what a pipeline remembers of its destination stays as it was."""
        return "dlt.destinations.duckdb"

    def configuration(
        self, initial_config: DuckDbClientConfiguration, accept_partial: bool = False
    ) -> DuckDbClientConfiguration:
        """dlt's configuration; all connections of a client are made by its pool."""
        found = super().configuration(initial_config, accept_partial)
        # Asked again for the same configuration, its pool has lent connections, which must come back to it.
        if found.credentials is not None and not isinstance(found.credentials.conn_pool, _PatientPool):
            found.credentials.conn_pool = _PatientPool(found.credentials)
        return found


class _PatientPool(DuckDbConnectionPool):
    def borrow_conn(self, *arguments: Any, **named: Any) -> DuckDBPyConnection:
        borrow = super().borrow_conn
        return patiently(lambda: borrow(*arguments, **named), self.credentials._conn_str())


def patiently(
    connect: Callable[[], DuckDBPyConnection],
    file: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> DuckDBPyConnection:
    """What `connect` returns, tried again while another program has the file open.

    Raises:
        IOException: DuckDB's, where that lasts longer than `PATIENCE_SECONDS`; any other one at once.
    """
    until = monotonic() + PATIENCE_SECONDS
    is_told = False
    while True:
        try:
            return connect()
        except IOException as error:
            if "Could not set lock" not in str(error) or monotonic() >= until:
                raise
        if not is_told:
            _LOG.warning("%s is open in another program: waiting up to %.0f s for it.", file, PATIENCE_SECONDS)
            is_told = True
        sleep(_SECONDS_BETWEEN_TRIES)
