"""Reading the marts, in read-only connections that last as long as the queries: an open one would block the next load."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from harvest_warehouse.database import Database
from harvest_warehouse.reading import NotReadable, reading
from harvest_warehouse.settings import Warehouse

Row = dict[str, Any]
T = TypeVar("T")

# A load, or a build that replaces the marts, may have the database to itself for a moment.
_TRIES = 5
_SECONDS_BETWEEN_TRIES = 1.0


class Reader:
    """Reads one warehouse, and remembers what it read: a page shown again costs nothing, a reader is as old as its page.

    Args:
        warehouse: whose marts.
        sleep: waits for as many seconds, where another program has the database.
    """

    def __init__(self, warehouse: Warehouse, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.warehouse = warehouse
        self._sleep = sleep
        self._known: dict[object, list[Row]] = {}
        self._tables: frozenset[str] | None = None
        self._open: Database | None = None

    @contextmanager
    def at_once(self) -> Iterator[Database]:
        """One connection for the queries in the block, which shall hold nothing else: making one takes longer than they do.

        Raises:
            SettingWrong: where nothing was loaded yet.
            NotReadable: where another program keeps the database to itself.
        """
        with ExitStack() as stack:
            if self._open is None:
                self._open = self._entered(stack)
                stack.callback(self._left)
            yield self._open

    def __call__(self, query: str, values: Mapping[str, object] | None = None) -> list[Row]:
        """The rows of a query in DuckDB's SQL, by column.

        Raises:
            SettingWrong: where nothing was loaded yet.
            NotReadable: where another program keeps the database to itself.
        """
        key = (query, tuple(sorted((values or {}).items())))
        if key not in self._known:
            self._known[key] = self._ask(lambda database: database.records(query, values))
        return self._known[key]

    def has(self, table: str) -> bool:
        """Whether there is such a table: those that a command makes are missing until it has run. Raises as a query does."""
        if self._tables is None:
            self._tables = frozenset(self._ask(lambda database: list(database.tables())))
        return table in self._tables

    def _ask(self, question: Callable[[Database], T]) -> T:
        with self.at_once() as database:
            return question(database)

    def _entered(self, stack: ExitStack) -> Database:
        for _ in range(_TRIES - 1):
            try:
                return stack.enter_context(reading(self.warehouse))
            except NotReadable:
                self._sleep(_SECONDS_BETWEEN_TRIES)
        return stack.enter_context(reading(self.warehouse))

    def _left(self) -> None:
        self._open = None
