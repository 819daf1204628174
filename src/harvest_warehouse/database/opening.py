"""Open a connection to a target, for writing or for reading, and close it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dlt

from harvest_warehouse.database.connection import Database, IncompleteCopy
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.destinations import Use
from harvest_warehouse.warehouse import Target


@contextmanager
def open_database(
    warehouse: Target, use: Use = "writing", *, is_copying: bool = False, pipeline: dlt.Pipeline | None = None
) -> Iterator[Database]:
    """Open a database connection for the duration of a block; a DuckDB file that stayed open could not be loaded.

    Args:
        warehouse: the target.
        use: use of the connection; one for `reading` is read-only and sees nothing but this database.
        is_copying: True for a copy from another destination, which may open an incomplete copy.
        pipeline: the pipeline to the target, opened for this use; a new one if None.

    Raises:
        IncompleteCopy: the tables are an incomplete copy, and `is_copying` is False.
        DltException: the database cannot be reached.
    """
    with (pipeline or open_pipeline(warehouse, use)).sql_client() as client:
        for guard in warehouse.kind.guards if use in ("reading", "comparing") else ():
            client.execute_sql(guard)
        more = warehouse.kind.more_memory if use in ("writing", "building") else ()
        database = Database(client, warehouse.marts_name, warehouse.kind, more)
        if not is_copying and database.is_half_copied():
            raise IncompleteCopy(
                f"{warehouse.place} holds half a copy from another destination: `dlt-harvest copy --to {warehouse.destination} "
                "--replace-unfinished` copies again. Nothing was read from there, and nothing changed."
            )
        yield database
