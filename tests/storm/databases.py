"""Databases of a storm: a DuckDB file in its folder, or a database of its own on a PostgreSQL server."""

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

# After a run was killed, the server finishes its statement first.
_PATIENCE_SECONDS = 60


class Shore(Protocol):
    """Database of one storm.

    Attributes:
        destination: name for `--destination`.
        environment: environment variables with dlt's configuration for it.
        secrets: secrets in these variables.
    """

    destination: str
    environment: Mapping[str, str]
    secrets: tuple[str, ...]

    def begin_as(self, other: Any) -> None:
        """Start with the content of another database of the same kind."""

    def is_there(self) -> bool:
        """True if there is a database to copy."""

    def size(self) -> int:
        """Size of its file in bytes; 0 if it is not a file."""

    def stock(self, dataset: str) -> Snapshot:
        """Snapshot of all its tables."""

    def keep(self) -> None:
        """Copy it, replacing the last copy."""

    def restore(self) -> None:
        """Replace it by the copy."""


class Coast(Protocol):
    """Factory of databases for storms."""

    def shore(self, folder: Path) -> Shore:
        """Database of the storm in this folder, created if needed."""


@dataclass(frozen=True)
class Files:
    """Factory of DuckDB files; no server is needed."""

    def shore(self, folder: Path) -> FileShore:
        """Database file in the folder."""
        return FileShore(folder)


class FileShore:
    """DuckDB file with its log."""

    destination = "duckdb"
    environment: Mapping[str, str] = MappingProxyType({})
    secrets: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self._file = Target(folder).file
        self._parts = [self._file, self._file.with_name(f"{self._file.name}.wal")]
        self._copy = folder.parent / f"{folder.name}.copy"

    def begin_as(self, other: FileShore) -> None:
        """Do nothing: the file was copied with the folder."""

    def is_there(self) -> bool:
        """True if the file exists."""
        return self._file.exists()

    def size(self) -> int:
        """Size of the file in bytes."""
        return self._file.stat().st_size if self._file.exists() else 0

    def stock(self, dataset: str) -> Snapshot:
        """Snapshot of a copy, since opening a file after a crash would change it."""
        return take_snapshot(self._file, dataset)

    def keep(self) -> None:
        """Copy the file and its log."""
        shutil.rmtree(self._copy, ignore_errors=True)
        self._copy.mkdir()
        for part in self._parts:
            if part.exists():
                shutil.copy(part, self._copy)

    def restore(self) -> None:
        """Restore both from the copy."""
        for part in self._parts:
            part.unlink(missing_ok=True)
            if (kept := self._copy / part.name).exists():
                shutil.copy(kept, part)


@contextmanager
def server() -> Iterator[Server]:
    """Run a PostgreSQL server for the duration of a block.

    Raises:
        NoServer: no server can be started.
    """
    with postgres_server.serving() as url:
        yield Server(url)


@dataclass(frozen=True)
class Server:
    """Factory of databases on a running PostgreSQL server, usable from several processes.

    Attributes:
        url: URL of one of its databases, with the password.
    """

    url: str = field(repr=False)

    def shore(self, folder: Path) -> ServerShore:
        """New, empty database, which is removed together with the server."""
        del folder
        name = f"voyage_{uuid4().hex}"
        self.administer(f"create database {name} owner loader")
        return ServerShore(self, name)

    def administer(self, *statements: str) -> None:
        """Run statements as the owner of the server."""
        connection = self.connected("postgres")
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        finally:
            connection.close()

    def connected(self, database: str) -> Any:
        """Connection of the server's owner, with autocommit."""
        parts = urlsplit(self.url)
        connection = psycopg2.connect(
            host=parts.hostname, port=parts.port, user="postgres", password=parts.password, dbname=database
        )
        connection.autocommit = True
        return connection


class ServerShore:
    """Database on a server; its copy is another database."""

    destination = "postgres"
    secrets: tuple[str, ...] = (postgres_server.PASSWORD,)

    def __init__(self, at: Server, name: str) -> None:
        self._server, self._name = at, name
        url = urlunsplit(urlsplit(at.url)._replace(path=f"/{name}"))
        self.environment: Mapping[str, str] = {"DESTINATION__POSTGRES__CREDENTIALS": url}

    def begin_as(self, other: ServerShore) -> None:
        """Replace it by a copy of the other database."""
        other.wait()
        self._server.administer(f"drop database {self._name}", self._made_like(other._name))

    def is_there(self) -> bool:
        """True: it always exists."""
        return True

    def size(self) -> int:
        """0: it is not a file."""
        return 0

    def stock(self, dataset: str) -> Snapshot:
        """Snapshot, once no run uses it any more."""
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
        """Copy it to another database."""
        self.wait()
        self._server.administer(f"drop database if exists {self._kept}", self._made_like(self._name, self._kept))

    def restore(self) -> None:
        """Restore it from the other database."""
        self.wait()
        self._server.administer(f"drop database {self._name}", self._made_like(self._kept))

    @property
    def _kept(self) -> str:
        return f"{self._name}_kept"

    def _made_like(self, template: str, name: str | None = None) -> str:
        return f"create database {name or self._name} template {template} owner loader"

    def wait(self) -> None:
        """Wait until no run uses it any more: the server may still be finishing a statement of a killed one.

        Raises:
            AssertionError: that takes too long.
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
