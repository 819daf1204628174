"""Snapshot of a database: all tables, and the cursors in dlt's state."""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from harvest_time_tracking import STREAMS
from storm.history import DEFAULT, NEWS, Key, OwnValues, key_of, own_values

Row = dict[str, Any]


@dataclass(frozen=True)
class Snapshot:
    """Tables of an account's database, including dlt's own."""

    tables: dict[str, list[Row]]

    def rows(self, table: str) -> list[Row]:
        """Rows of a table by column, without dlt's own and undocumented columns."""
        return [
            {name: value for name, value in row.items() if not name.startswith(("_dlt_", NEWS))}
            for row in self.tables.get(table, ())
        ]

    def children_of(self, table: str) -> list[str]:
        """Child tables of a table."""
        return [name for name in self.tables if name.startswith(f"{table}__")]

    @cached_property
    def keys(self) -> dict[str, list[Key]]:
        """Keys of the rows by stream, including duplicates."""
        return {
            stream: [key_of(stream, row) for row in self.tables.get(STREAMS[stream].table_name, ())]
            for stream in DEFAULT
        }

    def records(self, stream: str) -> list[tuple[Key, Row, OwnValues]]:
        """Rows of a stream with their keys, and their own values including those of lists."""
        table = STREAMS[stream].table_name
        by_parent: dict[str, dict[Any, list[Row]]] = {}
        for name in self.children_of(table):
            of = by_parent.setdefault(name, {})
            for row in self.tables[name]:
                of.setdefault(row["_dlt_parent_id"], []).append(row)
        return [
            (
                key_of(stream, row),
                row,
                own_values(table, row, {name: of.get(row.get("_dlt_id"), []) for name, of in by_parent.items()}),
            )
            for row in self.tables.get(table, ())
        ]

    @cached_property
    def positions(self) -> dict[str, dict[str, Any]]:
        """State of each stream, from dlt's state in the database, of its only account."""
        # A state counts once its load package is loaded completely.
        whole = {row["load_id"] for row in self.tables.get("_dlt_loads", ()) if row["status"] == 0}
        kept = [row for row in self.tables.get("_dlt_pipeline_state", ()) if row["_dlt_load_id"] in whole]
        if not kept:
            return {}
        newest = max(kept, key=lambda row: row["version"])
        state = json.loads(zlib.decompress(base64.b64decode(newest["state"])))
        found: dict[str, dict[str, Any]] = {}
        for source in state.get("sources", {}).values():
            for stream, accounts in source.get("resources", {}).items():
                found[stream] = next(iter(accounts.values()), {})
        return found


def take_snapshot(file: Path, dataset: str) -> Snapshot:
    """Read everything in a database file, including changes that are only in its log."""
    if not file.exists():
        return Snapshot({})
    with tempfile.TemporaryDirectory() as folder:
        # Read a copy, since opening a file after a crash would change it.
        for part in (file, file.with_name(f"{file.name}.wal")):
            if part.exists():
                shutil.copy(part, folder)
        with duckdb.connect(str(Path(folder) / file.name)) as connection:
            connection.execute("set timezone = 'UTC'")
            found = connection.execute(
                "select table_name from information_schema.tables where table_schema = ?", [dataset]
            ).fetchall()
            return Snapshot({name: _rows(connection, f'"{dataset}"."{name}"') for (name,) in found})


def _rows(connection: duckdb.DuckDBPyConnection, table: str) -> list[Row]:
    cursor = connection.execute(f"select * from {table}")
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
