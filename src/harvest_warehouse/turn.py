"""One run at a time: what two runs write into one database at once gets lost or doubled without a word."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from harvest_time_tracking import HarvestError
from harvest_warehouse.settings import Warehouse


class Busy(HarvestError):
    """Another run is writing into the same database."""


def lock_file(warehouse: Warehouse) -> Path:
    """The file, beside the database, that a run holds while it writes. It is empty, and stays when the run has ended."""
    return warehouse.folder / f".{warehouse.file_name}.lock"


@contextmanager
def turn(warehouse: Warehouse) -> Iterator[None]:
    """Write into the database alone, for as long as the block lasts. Who has the turn already may take it again.

    The operating system gives the turn back when a process ends, however it ends.

    Raises:
        Busy: where another run has it.
    """
    warehouse.folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(lock_file(warehouse), timeout=0, is_singleton=True)
    try:
        lock.acquire()
    except Timeout:
        raise Busy(
            f"Another run is writing into {warehouse.file}: wait until it has ended, and run again. Nothing was changed."
        ) from None
    try:
        yield
    finally:
        lock.release()
