"""Run statements that somebody else wrote in a process of its own, which can be killed.

DuckDB cannot interrupt a single function call. A connection that is left with one would keep the file open, and hold up a sync.
"""

from __future__ import annotations

import atexit
import os
import threading
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from harvest_time_tracking import HarvestError, SettingWrong
from harvest_warehouse.database import Database, NotReadable
from harvest_warehouse.database.read_only import reading
from harvest_warehouse.query import QueryReport, query_on
from harvest_warehouse.settings.process import keep_dlt_quiet, keep_memory_flat, keep_names
from harvest_warehouse.settings.token import forget_token
from harvest_warehouse.warehouse import Target

# Beyond the time limit of a statement: for starting the process, opening the database, and cancelling.
_SECONDS_MORE = 15.0


class Worker:
    """Process that answers one statement at a time; started at the first, and again after one that had to be killed."""

    def __init__(self) -> None:
        self._context = get_context("spawn")
        self._process: Any = None
        self._pipe: Connection | None = None
        self._turn = threading.Lock()
        atexit.register(self.kill)

    def ask(self, warehouse: Target, statement: str, limit: int, seconds: float) -> QueryReport:
        """Run a statement as `query` does. Raises what it raises, SettingWrong if it had to be killed."""
        with self._turn:
            pipe = self._started()
            try:
                pipe.send((warehouse, statement, limit, seconds))
                if not pipe.poll(seconds + _SECONDS_MORE):
                    raise EOFError
                answer, is_left = pipe.recv()
            except (EOFError, OSError):
                self.kill()
                raise SettingWrong(
                    f"The query took longer than {seconds:g} seconds and was stopped: simplify it."
                ) from None
            if is_left:
                self.kill()
        if isinstance(answer, HarvestError):
            raise answer
        report: QueryReport = answer
        return report

    def kill(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._process = self._pipe = None

    def _started(self) -> Connection:
        if self._pipe is None or not self._process.is_alive():
            self._pipe, theirs = self._context.Pipe()
            self._process = self._context.Process(target=_answer, args=(theirs,), daemon=True, name="asking")
            self._process.start()
            theirs.close()
        return self._pipe


def _answer(pipe: Connection) -> None:
    """Answer statements until the other end is closed."""
    keep_dlt_quiet()
    keep_memory_flat()
    keep_names()
    forget_token()
    while True:
        try:
            warehouse, statement, limit, seconds = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        # dlt's configuration is that of the folder.
        os.chdir(warehouse.folder)
        pipe.send(_answered(warehouse, statement, limit, seconds))


def _answered(warehouse: Target, statement: str, limit: int, seconds: float) -> tuple[QueryReport | HarvestError, bool]:
    """Rows or an error, and whether a statement could not be cancelled."""
    opened: list[Database] = []
    try:
        with reading(warehouse) as database:
            opened.append(database)
            return query_on(database, statement, limit=limit, seconds=seconds), False
    except (SettingWrong, NotReadable) as error:
        # A plain one: others may not be made again from their message alone.
        kind = type(error) if type(error) in (SettingWrong, NotReadable) else SettingWrong
        return kind(str(error)), any(one.is_left for one in opened)
    except HarvestError as error:
        return SettingWrong(str(error)), any(one.is_left for one in opened)


WORKER = Worker()
"""The worker of this process."""
