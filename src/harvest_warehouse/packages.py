"""Load packages: what waits in dlt's working folder, on its way into the database."""

from __future__ import annotations

import dlt

from harvest_warehouse.settings import Warehouse, give_memory_back


def move(pipeline: dlt.Pipeline, warehouse: Warehouse) -> tuple[str, ...]:
    """Normalise and load every package that waits; gives the ids of those loaded.

    dlt connects anew for each file, and so it stays: a connection that is held from one to the next is a third quicker for a small
    package, but lets DuckDB's memory fill up, and where DuckDB spills while it commits and finds no room on the disk, half of
    what was committed stays until the package is written again.

    Raises:
        DltException: where a package cannot be loaded; it waits for the next time.
    """
    pipeline.normalize()
    give_memory_back()
    info = pipeline.load(workers=warehouse.kind.load_workers)
    give_memory_back()
    return tuple(info.loads_ids) if info else ()
