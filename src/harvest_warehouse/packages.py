"""Load packages: what waits in dlt's working folder, on its way into the database."""

from __future__ import annotations

from pathlib import Path

import dlt
from dlt.common.exceptions import TerminalValueError
from dlt.common.storages.load_package import ParsedLoadJobFileName

from harvest_warehouse.settings import Warehouse, give_memory_back


def move(pipeline: dlt.Pipeline, warehouse: Warehouse) -> tuple[str, ...]:
    """Normalise and load every package that waits; gives the ids of those loaded.

    dlt connects anew for each file, and so it stays: a connection that is held from one to the next is a third quicker for a small
    package, but DuckDB's memory fills up with all of them, and it spills to the disk more often. A commit that spills and finds
    no room is not wholly undone (docs/guarantees.md).

    Raises:
        DltException: where a package cannot be loaded; it waits for the next time.
    """
    pipeline.normalize()
    give_memory_back()
    _drop_halves(pipeline)
    info = pipeline.load(workers=warehouse.kind.load_workers)
    give_memory_back()
    return tuple(info.loads_ids) if info else ()


def _drop_halves(pipeline: dlt.Pipeline) -> None:
    """Drop what a run that was killed was about to rename to a job: dlt stops at its name, and writes the job again."""
    for path in Path(pipeline.working_dir).glob("load/normalized/*/*_jobs/*"):
        try:
            ParsedLoadJobFileName.parse(path.name)
        except TerminalValueError:
            path.unlink()
