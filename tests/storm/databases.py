"""Where a voyage's tables lie: a DuckDB file in its folder, or a database of its own on a PostgreSQL server."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg2

from destinations import postgres_server
from harvest_warehouse.warehouse import Target
from storm.snapshot import Snapshot, take_snapshot

# A server ends what a killed run was doing when it has done it.
_PATIENCE_SECONDS = 60


class Shore(Protocol):
    """The database of one voyage.

    Attributes:
        destination: as `--destination` takes it.
        environment: where dlt finds it.
        secrets: what of that nobody may see.
    """

    destination: str
    environment: Mapping[str, str]
    secrets: tuple[str, ...]

    def begin_as(self, other: Any) -> None:
        """Have what another shore of the same kind has."""

    def is_there(self) -> bool:
        """Whether there is a database to copy."""

    def size(self) -> int:
        """The size of its file in bytes; nothing where it is none."""

    def stock(self, dataset: str) -> Snapshot:
        """All of its tables."""

    def keep(self) -> None:
        """Copy it, in place of the last copy."""

    def restore(self) -> None:
        """Put the copy in its place."""


class Coast(Protocol):
    """Makes shores."""

    def shore(self, folder: Path) -> Shore:
        """The one of a voyage in this folder, made there if need be."""


@dataclass(frozen=True)
class Files:
    """DuckDB: nothing has to be started."""

    def shore(self, folder: Path) -> FileShore:
        """The file of the folder."""
        return FileShore(folder)


class FileShore:
    """A DuckDB file and its log."""

    destination = "duckdb"
    environment: Mapping[str, str] = MappingProxyType({})
    secrets: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self._file = Target(folder).file
        self._parts = [self._file, self._file.with_name(f"{self._file.name}.wal")]
        self._copy = folder.parent / f"{folder.name}.copy"

    def begin_as(self, other: FileShore) -> None:
        """Nothing to do: it came with the folder."""

    def is_there(self) -> bool:
        """Whether there is a file."""
        return self._file.exists()

    def size(self) -> int:
        """The file's."""
        return self._file.stat().st_size if self._file.exists() else 0

    def stock(self, dataset: str) -> Snapshot:
        """Of a copy: to open a file that was left in the middle of a change is to change it."""
        return take_snapshot(self._file, dataset)

    def keep(self) -> None:
        """The file and its log as they are."""
        shutil.rmtree(self._copy, ignore_errors=True)
        self._copy.mkdir()
        for part in self._parts:
            if part.exists():
                shutil.copy(part, self._copy)

    def restore(self) -> None:
        """Both parts."""
        for part in self._parts:
            part.unlink(missing_ok=True)
            if (kept := self._copy / part.name).exists():
                shutil.copy(kept, part)


@contextmanager
def server() -> Iterator[Server]:
    """A PostgreSQL server until the block ends.

    Raises:
        NoServer: where none can be had.
    """
    with postgres_server.serving() as url:
        yield Server(url)


@dataclass(frozen=True)
class Server:
    """Databases of a running PostgreSQL server, for as many processes as like.

    Attributes:
        url: of one of its databases, with its user's password.
    """

    url: str = field(repr=False)

    def shore(self, folder: Path) -> ServerShore:
        """A new and empty database, which goes with the server."""
        del folder
        name = f"voyage_{uuid4().hex}"
        self.administer(f"create database {name} owner loader")
        return ServerShore(self, name)

    def administer(self, *statements: str) -> None:
        """Run statements as the server's owner."""
        connection = self.connected("postgres")
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        finally:
            connection.close()

    def connected(self, database: str) -> Any:
        """A connection of the server's owner, each statement for itself."""
        parts = urlsplit(self.url)
        connection = psycopg2.connect(
            host=parts.hostname, port=parts.port, user="postgres", password=parts.password, dbname=database
        )
        connection.autocommit = True
        return connection


class ServerShore:
    """One of its databases; a copy of it is another."""

    destination = "postgres"
    secrets: tuple[str, ...] = (postgres_server.PASSWORD,)

    def __init__(self, at: Server, name: str) -> None:
        self._server, self._name = at, name
        url = urlunsplit(urlsplit(at.url)._replace(path=f"/{name}"))
        self.environment: Mapping[str, str] = {"DESTINATION__POSTGRES__CREDENTIALS": url}

    def begin_as(self, other: ServerShore) -> None:
        """A copy of the other database."""
        other.wait()
        self._server.administer(f"drop database {self._name}", self._made_like(other._name))

    def is_there(self) -> bool:
        """From the beginning."""
        return True

    def size(self) -> int:
        """It is no file of ours."""
        return 0

    def stock(self, dataset: str) -> Snapshot:
        """When nobody is at it any more."""
        self.wait()
        connection = self._server.connected(self._name)
        try:
            with connection.cursor() as cursor:
                cursor.execute("set timezone = 'UTC'")
                cursor.execute("select table_name from information_schema.tables where table_schema = %s", [dataset])
                names = [name for (name,) in cursor.fetchall()]
                return Snapshot({name: _rows(cursor, f'"{dataset}"."{name}"') for name in names})
        finally:
            connection.close()

    def keep(self) -> None:
        """As another database."""
        self.wait()
        self._server.administer(f"drop database if exists {self._kept}", self._made_like(self._name, self._kept))

    def restore(self) -> None:
        """From the other database."""
        self.wait()
        self._server.administer(f"drop database {self._name}", self._made_like(self._kept))

    @property
    def _kept(self) -> str:
        return f"{self._name}_kept"

    def _made_like(self, template: str, name: str | None = None) -> str:
        return f"create database {name or self._name} template {template} owner loader"

    def wait(self) -> None:
        """Until no run is at it any more: of one that was killed, the server may still be finishing a statement.

        Raises:
            AssertionError: where that does not end.
        """
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        connection = self._server.connected("postgres")
        try:
            with connection.cursor() as cursor:
                while True:
                    cursor.execute("select count(*) from pg_stat_activity where datname = %s", [self._name])
                    if cursor.fetchall() == [(0,)]:
                        return
                    assert time.monotonic() < give_up_at, f"somebody is still at {self._name}"
                    time.sleep(0.02)
        finally:
            connection.close()


def _rows(cursor: Any, table: str) -> list[dict[str, Any]]:
    cursor.execute(f"select * from {table}")
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
