"""Read-only connections to the warehouse, and messages for when it cannot be opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dlt.destinations.exceptions import DestinationConnectionError

from harvest_time_tracking import HarvestError, SettingWrong, printable
from harvest_warehouse.database.connection import Database
from harvest_warehouse.database.opening import open_database
from harvest_warehouse.database.pipelines import is_loaded
from harvest_warehouse.destinations import Use
from harvest_warehouse.destinations.duckdb.client import mended_by
from harvest_warehouse.warehouse import Target


class NotReadable(HarvestError):
    """The database exists but cannot be opened now."""


@contextmanager
def reading(warehouse: Target, *tables: str, use: Use = "reading") -> Iterator[Database]:
    """Open a read-only connection for the duration of a block; keep it short, it blocks writers.

    Args:
        warehouse: the target.
        tables: tables of the marts that must exist.
        use: use of the connection: `comparing` takes less memory, and more time.

    Raises:
        SettingWrong: nothing was loaded, or one of `tables` was not built.
        NoDatabase: the database's file is not a DuckDB database.
        NotReadable: the database cannot be opened, for example because another program has locked it.
    """
    try:
        if not is_loaded(warehouse):
            raise SettingWrong(
                f"{warehouse.place} is not there yet: run {warehouse.command('sync')} in this folder first (for the demo's, "
                "`dlt-harvest demo`)."
            )
        with open_database(warehouse, use) as database:
            known = database.tables()
            if not known:
                raise SettingWrong(not_ours(warehouse))
            if missing := sorted(set(tables) - set(known)):
                raise SettingWrong(
                    f"The marts are not built yet ({missing[0]} is missing): run {warehouse.command('build')} first."
                )
            yield database
    except DestinationConnectionError as error:
        raise NotReadable(unopened(warehouse, error)) from error


def not_ours(warehouse: Target) -> str:
    """Message for a database that holds none of our tables."""
    return (
        f"{warehouse.place} has no Harvest tables (there is no schema {warehouse.dataset_name} with tables): run "
        f"{warehouse.command('sync')} first, or run this in the folder where you ran it."
    )


def unopened(warehouse: Target, error: DestinationConnectionError) -> str:
    """Message for a failed connection, with the database's own error text instead of dlt's."""
    said = str(error.inner_exc)
    if warehouse.kind.is_busy(said):
        return f"{warehouse.place} is being written, or open in another program: try again when that has ended. ({printable(said)})"
    return f"{warehouse.place} cannot be opened: {printable(said)}{mended_by(said)}"
