"""What stands for each destination where these tests run: an entry each, and all the tests run on it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from destinations import bigquery_double, databricks_double, emulators, postgres_server, redshift_server
from destinations.postgres_server import NoServer, free_port

REQUIRED = frozenset(filter(None, os.environ.get("DESTINATIONS_REQUIRED", "").split(",")))
"""Destinations whose absence is a failure: where they are known to be had, a skip would hide that something broke."""


@dataclass(frozen=True)
class Double:
    """A destination, and what stands for it.

    Attributes:
        name: as `--destination` takes it.
        how: what it is, in a few words.
        opened: gives the environment in which dlt finds it, for as long as it is open; raises NoServer.
        nul: what it has where a text has U+0000.
        longest_text: bytes of the longest text it holds, where there is a bound.
        keeps_others_out: whether a run on another machine is kept out while one is writing.
        has_comments: whether it takes words beside columns, where the destination does.
        is_slow: whether the story takes so long there that only `make test-destinations` tells it.
    """

    name: str
    how: str
    opened: Callable[[], AbstractContextManager[Mapping[str, str]]]
    nul: str = "\x00"
    longest_text: int | None = None
    keeps_others_out: bool = False
    has_comments: bool = True
    is_slow: bool = False


@contextmanager
def _file() -> Iterator[Mapping[str, str]]:
    yield {}


@contextmanager
def _ducklake() -> Iterator[Mapping[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        yield {
            "DESTINATION__DUCKLAKE__CREDENTIALS__CATALOG": f"sqlite:///{folder}/lake.sqlite",
            "DESTINATION__DUCKLAKE__CREDENTIALS__STORAGE__BUCKET_URL": f"{folder}/files",
        }


@contextmanager
def _postgres() -> Iterator[Mapping[str, str]]:
    with postgres_server.serving() as url:
        yield {"DESTINATION__POSTGRES__CREDENTIALS": url}


@contextmanager
def _redshift() -> Iterator[Mapping[str, str]]:
    with redshift_server.serving() as port:
        # By fields: dlt does not take the address of a Redshift that begins with its name.
        where = {
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "DATABASE": "dlt",
            "USERNAME": "loader",
            "PASSWORD": postgres_server.PASSWORD,
        }
        yield {f"DESTINATION__REDSHIFT__CREDENTIALS__{name}": value for name, value in where.items()}


@contextmanager
def _snowflake() -> Iterator[Mapping[str, str]]:
    python, port = emulators.environment(emulators.HERE / "fakesnow.txt"), free_port()
    with emulators.serving([str(python), str(emulators.HERE / "fakesnow_server.py"), str(port)], port):
        where = {
            "HOST": "emulator",
            "DATABASE": "dlt",
            "USERNAME": "loader",
            "PASSWORD": "unguessable-9Xq",
            "WAREHOUSE": "wh",
        }
        environment = {f"DESTINATION__SNOWFLAKE__CREDENTIALS__{name}": value for name, value in where.items()}
        address = {"host": "127.0.0.1", "port": port, "protocol": "http", "session_parameters": {}}
        environment["DESTINATION__SNOWFLAKE__CREDENTIALS__QUERY"] = json.dumps(address)
        yield environment


DOUBLES = {
    stand.name: stand
    for stand in (
        Double("duckdb", "itself, in this process", _file),
        Double("ducklake", "itself, in this process", _ducklake, is_slow=True),
        Double("postgres", "itself, a server on this machine", _postgres, nul="\ufffd", keeps_others_out=True),
        Double(
            "redshift",
            "PostgreSQL, behind a relay that rewrites",
            _redshift,
            nul="\ufffd",
            longest_text=redshift_server.LONGEST_TEXT,
            is_slow=True,
        ),
        Double("snowflake", "an emulator (fakesnow)", _snowflake, has_comments=False, is_slow=True),
        Double("bigquery", "its SQL parsed, and run on DuckDB", bigquery_double.serving, is_slow=True),
        Double("databricks", "its SQL parsed, and run on DuckDB", databricks_double.serving, is_slow=True),
    )
}

__all__ = ["DOUBLES", "REQUIRED", "Double", "NoServer"]
