"""Cache what was made from one state of the database: accounts, headers, and answers by their address."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from harvest_warehouse.dashboard.header import Header, accounts, header
from harvest_warehouse.dashboard.reader import Reader
from harvest_warehouse.warehouse import Target

T = TypeVar("T")

# A database on a server does not say cheaply that it has changed: what was read from it counts for so long.
_SECONDS_KEPT = 60
_MOST_KEPT = 200
# The page itself comes again while a load is writing: waiting longer would keep other visitors waiting, too.
_TRIES = 2


def version(warehouse: Target, now: Callable[[], float] = time.time) -> object:
    """State of the database: for a file, when it was written and its size; for a server, the minute."""
    if not warehouse.kind.is_file:
        return int(now() / _SECONDS_KEPT)
    files = (warehouse.file, warehouse.file.with_name(f"{warehouse.file.name}.wal"))
    return tuple((found.st_mtime_ns, found.st_size) for file in files if file.exists() for found in [file.stat()])


class Snapshot(Generic[T]):
    """Accounts and headers of one state of the database, and what was made from them, the latest first.

    Args:
        warehouse: target with the marts.

    Raises:
        SettingWrong: nothing was loaded, or the marts are not built.
        NotReadable: the database cannot be opened now.
    """

    def __init__(self, warehouse: Target) -> None:
        self._warehouse = warehouse
        self._made: OrderedDict[object, T] = OrderedDict()
        self._lock = Lock()
        self._making: dict[object, Lock] = {}
        # Before it is read: what is written meanwhile makes another version.
        self.version = version(warehouse)
        read = self.reader()
        with read.at_once():
            self.accounts = accounts(read)
            self.headers: dict[str, Header] = {key: header(read, key) for key in self.accounts}

    @property
    def is_current(self) -> bool:
        """True until the database is written again."""
        return self.version == version(self._warehouse)

    def reader(self) -> Reader:
        """Reader for one page."""
        return Reader(self._warehouse, tries=_TRIES)

    def making(self, key: object) -> Lock:
        """Lock of a key: who asks for the same at the same moment waits for it, and does not make it again."""
        with self._lock:
            return self._making.setdefault(key, Lock())

    def known(self, key: object) -> T | None:
        """What was made for a key; None if nothing was, or not lately."""
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
            return self._made.get(key)

    def keep(self, key: object, made: T) -> T:
        """Keep what was made for a key; the one that was not asked for longest goes."""
        with self._lock:
            self._made[key] = made
            while len(self._made) > _MOST_KEPT:
                self._made.popitem(last=False)
        return made
