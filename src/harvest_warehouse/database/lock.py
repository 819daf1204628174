"""Lock a database against concurrent runs (file lock, dlt folder lock, advisory lock).

Two runs that write into one database at the same time would silently lose or duplicate rows.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlt.common.exceptions import DltException
from dlt.destinations.sql_client import SqlClientBase
from filelock import FileLock, Timeout

from harvest_time_tracking import HarvestError, printable
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.warehouse import Target

# Longer than any sync of a large account but the first.
PATIENCE_SECONDS = 3_600.0
_SECONDS_BETWEEN_TRIES = 1.0


class DatabaseBusy(HarvestError):
    """Another run is writing into the same database."""


class DatabaseUnreachable(HarvestError):
    """The database cannot be reached, or the connection was lost."""


@dataclass
class _Held:
    """Advisory lock held by this process: its connection, and how many nested blocks hold it."""

    client: SqlClientBase[Any]
    times: int = 0


_held: dict[str, _Held] = {}


@contextmanager
def exclusive_lock(warehouse: Target) -> Iterator[None]:
    """Hold the exclusive run lock of a database while the block lasts. Reentrant within a process.

    A file lock excludes other processes on this machine. A second one covers dlt's working folder, where a run on another
    database would otherwise pick up this run's packages. An advisory lock in the database, if it has such, excludes other
    machines. All are released when the process ends, however it ends.

    Raises:
        DatabaseBusy: another run holds the lock.
        DatabaseUnreachable: the database does not respond.
    """
    with ExitStack() as stack:
        stack.enter_context(_lock(warehouse.lock_file, _busy(warehouse)))
        stack.enter_context(_lock(warehouse.working_folder_lock, _busy_folder(warehouse)))
        if warehouse.kind.try_lock:
            stack.enter_context(_lock_in_database(warehouse, str(warehouse.lock_file)))
        yield


@contextmanager
def wait_for_lock(
    warehouse: Target,
    on_wait: Callable[[], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[None]:
    """Hold the exclusive run lock, waiting up to `PATIENCE_SECONDS` while another run has it.

    Args:
        warehouse: the database.
        on_wait: called once, if it has to wait.
        sleep: sleeps for some seconds.
        monotonic: monotonic clock in seconds.

    Raises:
        DatabaseBusy: another run held the lock for longer than `PATIENCE_SECONDS`.
        DatabaseUnreachable: the database does not respond.
    """
    give_up_at, is_told = monotonic() + PATIENCE_SECONDS, False
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(exclusive_lock(warehouse))
                break
            except DatabaseBusy:
                if monotonic() >= give_up_at:
                    raise
            if not is_told:
                on_wait()
                is_told = True
            sleep(_SECONDS_BETWEEN_TRIES)
        yield


@contextmanager
def _lock(path: Path, busy: DatabaseBusy) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(FileLock(path, timeout=0, is_singleton=True).acquire())
        except Timeout:
            raise busy from None
        yield


@contextmanager
def _lock_in_database(warehouse: Target, name: str) -> Iterator[None]:
    """Take the advisory lock in the database, on a connection that stays open until the outermost block ends."""
    with ExitStack() as stack:
        try:
            held = _held.get(name) or _Held(_connected(warehouse, stack))
            if held.times:
                # A lost connection has released the lock.
                held.client.execute_sql("SELECT 1")
            elif not _is_locked(warehouse, held.client):
                raise _busy(warehouse)
        except DltException as error:
            said = str(getattr(error, "inner_exc", None) or error.__cause__ or error)
            raise DatabaseUnreachable(f"{warehouse.place} does not answer: {printable(said)}") from error
        _held[name] = held
        held.times += 1
        try:
            yield
        finally:
            held.times -= 1
            if not held.times:
                del _held[name]
                if warehouse.kind.unlock:
                    # A lost connection has released the lock.
                    with suppress(DltException):
                        held.client.execute_sql(warehouse.kind.unlock)


def _connected(warehouse: Target, stack: ExitStack) -> SqlClientBase[Any]:
    client: Any = open_pipeline(warehouse).sql_client()
    return stack.enter_context(client)


def _is_locked(warehouse: Target, client: SqlClientBase[Any]) -> bool:
    for statement in warehouse.kind.lock_settings:
        client.execute_sql(statement)
    # The same number on every machine that writes into the same dataset.
    digest = hashlib.sha256(f"dlt-harvest {warehouse.dataset_name}".encode()).digest()
    key = int.from_bytes(digest[:8], "big", signed=True)
    found = client.execute_sql(str(warehouse.kind.try_lock).format(key=key))
    return bool(found and found[0][0])


def _busy(warehouse: Target) -> DatabaseBusy:
    return DatabaseBusy(
        f"Another run is writing into {warehouse.place}: wait until it has ended, and run again. Nothing was changed."
    )


def _busy_folder(warehouse: Target) -> DatabaseBusy:
    return DatabaseBusy(
        f"A run on another database is using dlt's working folder {warehouse.working_folder_lock.parent}: wait until it has "
        "ended, or give each database its own folder (DLT_DATA_DIR), and run again. Nothing was changed."
    )
