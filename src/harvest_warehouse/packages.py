"""Load packages: what waits in dlt's working folder, on its way into the database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import dlt
from dlt.common.exceptions import TerminalValueError
from dlt.common.storages.load_package import ParsedLoadJobFileName

from harvest_warehouse.settings import Warehouse, give_memory_back

# As Parquet, some ten thousand rows.
_SMALL_BYTES = 1_000_000


def move(pipeline: dlt.Pipeline, warehouse: Warehouse) -> tuple[str, ...]:
    """Normalise and load every package that waits; gives the ids of those loaded.

    dlt connects anew for each file, and to close a DuckDB file is to write its log into it: that is half of what a small load costs.
    So one connection is held while a small package is loaded. A large one fills DuckDB's memory, which closing empties.

    Raises:
        DltException: where a package cannot be loaded; it waits for the next time.
    """
    pipeline.normalize()
    give_memory_back()
    _drop_halves(pipeline)
    with pipeline.sql_client() if 0 < _size(pipeline) <= _SMALL_BYTES else nullcontext():
        info = pipeline.load(workers=warehouse.kind.load_workers)
    give_memory_back()
    return tuple(info.loads_ids) if info else ()


def drop_unseen(pipeline: dlt.Pipeline) -> None:
    """Drop what a run had read when it was killed, before it looked once more at what the token sees."""
    for load_id in pipeline.list_extracted_load_packages():
        shutil.rmtree(Path(pipeline.working_dir) / "normalize" / "extracted" / load_id)


def _size(pipeline: dlt.Pipeline) -> int:
    """Of all files that wait, in bytes."""
    return sum(path.stat().st_size for path in _jobs(pipeline))


def _jobs(pipeline: dlt.Pipeline) -> Iterator[Path]:
    return Path(pipeline.working_dir).glob("load/normalized/*/*_jobs/*")


def _drop_halves(pipeline: dlt.Pipeline) -> None:
    """Drop what a run that was killed was about to rename to a job: dlt stops at its name, and writes the job again."""
    for path in _jobs(pipeline):
        try:
            ParsedLoadJobFileName.parse(path.name)
        except TerminalValueError:
            path.unlink()
