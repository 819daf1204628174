"""Definition of a destination: the properties in which destinations differ, beyond dlt's own settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Use = Literal["writing", "building", "mending", "reading", "comparing"]


@dataclass(frozen=True)
class Destination:
    """Properties of one destination.

    Attributes:
        name: dlt's name of the destination, and the name of our extra with its dependencies.
        factory: import path of the dlt destination, if not dlt's own of this name.
        dialect: sqlglot's name of its dialect, if not `name`.
        needs: modules that the extra installs.
        load_format: format of the load files; chosen by measurement (docs/explanation/performance.md).
        load_workers: number of files loaded concurrently.
        is_file: whether the database is a file in the folder where the command runs, so that it needs no configuration.
        session: settings that override the configured credentials, such as the time zone UTC.
        uses: further settings, by use of the connection: memory limits of an in-process engine, read-only access.
        cramped: how its out-of-memory errors begin.
        more_memory: statements that raise the memory limit of a `writing` or `building` connection step by step; after each,
            the failed statement is retried.
        guards: statements to run on a read-only connection.
        before_questions: statements to run in the transaction of a user's query: it is read-only, limited to
            `{milliseconds}`, and cancelled if the client disconnects.
        try_lock: query that tries to take the advisory lock `{key}`, a number, for the life of the connection, and returns
            true if it did. None: only a file lock, which other machines do not see.
        unlock: statement that gives the advisory lock back, for databases that end a closed connection in their own time.
        lock_settings: statements to run on the connection that holds the lock.
        is_atomic: whether a table is merged in one transaction, so that a killed run leaves it unchanged.
        declares_cursors: whether the driver keeps the whole result in memory unless a cursor is declared in SQL.
        json_text: SQL expression for a JSON `{column}` (lists and objects) as text.
        json_quoted: SQL expression for a text as a JSON string, with its quotes; null for null.
        json_parsed: SQL expression for a JSON text as a value of the type that holds JSON.
        utc_text: SQL expression for a timestamp as text in UTC that begins like `2026-01-31 08:00:00`.
        has_indexes: whether it needs indexes on keys.
        has_comments: whether it supports `comment on` for tables and columns.
        has_catalog_in_schema: whether each schema has its own INFORMATION_SCHEMA, and there is no other.
        place_within: setting that tells several databases at one location apart, if dlt's own description does not.
        unescapes_percent: whether the driver unescapes `%%` even in statements without parameters.
        busy: part of its error message while another program has locked the database.
        who: query for the names of the database and the user, for messages about missing permissions.
        permissions: statement that grants the missing permission, by the preflight step that was refused.
    """

    name: str
    factory: str = ""
    dialect: str = ""
    needs: tuple[str, ...] = ()
    load_format: Literal["parquet", "csv", "jsonl", "insert_values"] = "parquet"
    load_workers: int = 4
    is_file: bool = False
    session: Mapping[str, object] = field(default_factory=dict)
    uses: Mapping[Use, Mapping[str, Any]] = field(default_factory=dict)
    cramped: str | None = None
    more_memory: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    before_questions: tuple[str, ...] = ()
    try_lock: str | None = None
    unlock: str | None = None
    lock_settings: tuple[str, ...] = ()
    is_atomic: bool = True
    declares_cursors: bool = False
    json_text: str = "cast({column} as text)"
    json_quoted: str = "cast(to_json({text}) as text)"
    json_parsed: str = "json({text})"
    utc_text: str = "cast({timestamp} at time zone 'UTC' as text)"
    has_indexes: bool = False
    has_comments: bool = True
    has_catalog_in_schema: bool = False
    place_within: str = ""
    unescapes_percent: bool = False
    busy: str | None = None
    who: str | None = None
    permissions: Mapping[str, str] = field(default_factory=dict)

    @property
    def speaks(self) -> str:
        """sqlglot's name of its SQL."""
        return self.dialect or self.name

    def is_busy(self, said: str) -> bool:
        """True if an error says that another program has locked the database."""
        return self.busy is not None and self.busy in said.lower()

    def is_cramped(self, said: str) -> bool:
        """True if an error says that a statement exceeded the memory limit."""
        return self.cramped is not None and said.startswith(self.cramped)

    def as_sent(self, statement: str) -> str:
        """Escape a statement without parameters for the driver."""
        return statement.replace("%", "%%") if self.unescapes_percent else statement
