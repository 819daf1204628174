"""Load packages: what waits in dlt's working folder, on its way into the database."""

from __future__ import annotations

import dlt

from harvest_warehouse.settings import Warehouse, give_memory_back


def move(pipeline: dlt.Pipeline, warehouse: Warehouse) -> tuple[str, ...]:
    """Normalise and load every package that waits; gives the ids of those loaded.

    dlt connects anew for each file. One more connection is held until all are in: DuckDB opens its file with the first
    connection and closes it, with all that it has to put in order, with the last.

    Raises:
        DltException: where a package cannot be loaded; it waits for the next time.
    """
    pipeline.normalize()
    give_memory_back()
    with pipeline.sql_client():
        info = pipeline.load(workers=warehouse.kind.load_workers)
    give_memory_back()
    return tuple(info.loads_ids) if info else ()
