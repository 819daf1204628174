"""Read the marts through short read-only connections, since an open one would block the next load."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from threading import RLock
from typing import Any, TypeVar

from harvest_warehouse.database import Database, NotReadable
from harvest_warehouse.database.read_only import reading
from harvest_warehouse.warehouse import Target

Row = dict[str, Any]
T = TypeVar("T")

# A load or a build may lock the database for a moment.
_TRIES = 5
_SECONDS_BETWEEN_TRIES = 1.0
# DuckDB gives all connections of a process to one file the same settings, and ours are locked.
_ONE_AT_A_TIME = RLock()


class Reader:
    """Reader of one warehouse that caches its results; it lives as long as a page is being made.

    Args:
        warehouse: target with the marts.
        tries: number of attempts to open the database, a second apart.
        sleep: sleeps for some seconds between attempts.
    """

    def __init__(self, warehouse: Target, *, tries: int = _TRIES, sleep: Callable[[float], None] = time.sleep) -> None:
        self.warehouse = warehouse
        self._tries = tries
        self._sleep = sleep
        self._known: dict[object, list[Row]] = {}
        self._tables: frozenset[str] | None = None
        self._block: ExitStack | None = None
        self._open: Database | None = None

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Share one connection among the queries in a block, which should do nothing else.

        Connects only if a result is not cached. Queries raise what `reading` raises.
        """
        if self._block is not None:
            yield
            return
        with ExitStack() as block:
            self._block = block
            try:
                yield
            finally:
                self._block = self._open = None

    def __call__(self, query: str, values: Mapping[str, object] | None = None) -> list[Row]:
        """Run a query in DuckDB's SQL, and return its rows as dicts by column name.

        Raises:
            SettingWrong: nothing was loaded.
            NotReadable: the database cannot be opened.
        """
        key = (query, tuple(sorted((values or {}).items())))
        if key not in self._known:
            self._known[key] = self._ask(lambda database: database.records(query, values))
        return self._known[key]

    def has(self, table: str) -> bool:
        """True if a table exists: a command's tables are missing until it has run. Raises as a query does."""
        if self._tables is None:
            self._tables = frozenset(self._ask(lambda database: list(database.tables())))
        return table in self._tables

    def _ask(self, question: Callable[[Database], T]) -> T:
        with self.at_once():
            if self._open is None:
                self._open = self._entered()
            return question(self._open)

    def _entered(self) -> Database:
        if self._block is None:
            raise RuntimeError("There is no block for the connection to end with.")
        if self.warehouse.kind.is_file:
            self._block.enter_context(_ONE_AT_A_TIME)
        for _ in range(self._tries - 1):
            try:
                return self._block.enter_context(reading(self.warehouse))
            except NotReadable:
                self._sleep(_SECONDS_BETWEEN_TRIES)
        return self._block.enter_context(reading(self.warehouse))
