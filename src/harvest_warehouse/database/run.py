"""Run context, passed to each step of a run: lock, dlt pipeline and one open connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import dlt

from harvest_warehouse.database.connection import Database
from harvest_warehouse.database.lock import exclusive_lock, wait_for_lock
from harvest_warehouse.database.opening import open_database
from harvest_warehouse.database.pipelines import is_loaded, open_pipeline
from harvest_warehouse.destinations import Use
from harvest_warehouse.messages.steps import say_nothing
from harvest_warehouse.warehouse import Target


class Run:
    """Context of one run that writes into a database: its lock, dlt's pipeline, and one open connection.

    While the lock is held, the connection stays open across steps until `disconnect` is called: an open DuckDB file keeps
    readers out, so it is closed while streams and reports are read from Harvest, though not while the sweep counts; closing
    it also frees its memory.

    Args:
        warehouse: the target.
        on_step: called with a short text when a step begins.

    Attributes:
        warehouse: as given.
        on_step: as given.
        is_settled: whether the pending load of an earlier run was resumed since the lock was taken.
    """

    def __init__(self, warehouse: Target, *, on_step: Callable[[str], None] = say_nothing) -> None:
        self.warehouse = warehouse
        self.on_step = on_step
        self.is_settled = False
        self._is_locked = False
        self._pipeline: dlt.Pipeline | None = None
        self._database: Database | None = None
        self._connection = ExitStack()
        self._use: Use = "writing"
        self._users = 0

    @contextmanager
    def locked(self, *, is_patient: bool = False) -> Iterator[None]:
        """Hold the exclusive run lock while the block lasts; nested blocks share it.

        Args:
            is_patient: whether to wait, up to an hour, while another run holds it.

        Raises:
            DatabaseBusy: another run holds the lock.
            DatabaseUnreachable: the database does not respond.
        """
        if self._is_locked:
            # A lost connection gave the advisory lock away: taking it again finds that out.
            with exclusive_lock(self.warehouse):
                yield
            return
        with self._turn(is_patient=is_patient):
            # Other runs may have changed the database and dlt's working folder before.
            self._is_locked, self.is_settled, self._pipeline = True, False, None
            try:
                yield
            finally:
                # First: whatever interrupts the closing, nobody takes the lock for held.
                self._is_locked = False
                self.disconnect()

    def _turn(self, *, is_patient: bool) -> AbstractContextManager[None]:
        if not is_patient:
            return exclusive_lock(self.warehouse)
        waiting = f"waiting for another run that is writing into {self.warehouse.place}"
        return wait_for_lock(self.warehouse, lambda: self.on_step(waiting))

    @property
    def pipeline(self) -> dlt.Pipeline:
        """dlt's pipeline, opened on first use. Raises FolderDamaged."""
        if self._pipeline is None:
            self._pipeline = open_pipeline(self.warehouse)
        return self._pipeline

    def new_pipeline(self) -> dlt.Pipeline:
        """Reopen the pipeline from the present state of its working folder."""
        self._pipeline = None
        return self.pipeline

    def is_loaded(self) -> bool:
        """True if a connection is open or the target holds loaded data. Raises as `pipelines.is_loaded` does."""
        return self._database is not None or is_loaded(self.warehouse)

    @contextmanager
    def database(self, use: Use = "writing") -> Iterator[Database]:
        """Yield the run's connection, opening it if needed; while the lock is held, it stays open after the block.

        It is closed all the same after an error, or if its memory limit was raised.

        Raises:
            IncompleteCopy: the tables are an incomplete copy from another destination.
            DltException: the database cannot be reached.
        """
        if self._database is None or (self._use != use and not self._users):
            self.disconnect()
            pipeline = self.pipeline if use == "writing" else None
            self._database = self._connection.enter_context(open_database(self.warehouse, use, pipeline=pipeline))
            self._use = use
        self._users += 1
        try:
            yield self._database
        except BaseException:
            self._users -= 1
            self.disconnect()
            raise
        self._users -= 1
        if not self._is_locked or self._database.is_enlarged:
            self.disconnect()

    def disconnect(self) -> None:
        """Close the connection, unless a step is using it; the next step opens a new one."""
        if not self._users:
            self._database = None
            self._connection.close()
