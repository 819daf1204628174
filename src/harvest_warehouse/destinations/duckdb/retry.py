"""Retry opening a DuckDB file that another process has locked (10 s): readers are brief, and must not fail a load."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from duckdb import DuckDBPyConnection, IOException

# A dashboard page holds the file for less than a second.
PATIENCE_SECONDS = 10.0
_SECONDS_BETWEEN_TRIES = 0.25

_LOG = logging.getLogger(__name__)


def retry_while_locked(
    connect: Callable[[], DuckDBPyConnection],
    file: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> DuckDBPyConnection:
    """Call `connect`, and retry while another program has the file locked.

    Raises:
        IOException: DuckDB's, if the file stays locked for longer than `PATIENCE_SECONDS`; any other one at once.
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
