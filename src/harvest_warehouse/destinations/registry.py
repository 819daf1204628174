"""Where rows can go: what each destination needs beside dlt's own settings of it. A new one is an entry here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

Use = Literal["writing", "building", "mending", "reading"]

DEFAULT = "duckdb"


@dataclass(frozen=True)
class Destination:
    """What one destination needs.

    Attributes:
        name: dlt's, and that of our extra which brings what it needs.
        factory: where dlt finds it, where that is not what the name says.
        needs: modules that the extra brings.
        load_format: what files the rows travel in; chosen by measurement (docs/explanation/performance.md).
        load_workers: how many files are written at once.
        is_file: whether it is a file in the folder where the command runs, so that nothing is to be configured.
        session: set in its credentials, whatever these say: instants are UTC.
        uses: the same, by what a connection is for: an engine in this process has bounds, and what is for reading cannot write.
        cramped: how its error begins where a statement takes more memory than it may have.
        more_memory: run one after the other on a connection for `writing` or `building` where one was cramped, each with a new try.
        guards: run on a connection that may only read.
        before_questions: run in the transaction of a question that somebody else wrote: it can write nothing, may take
            `{milliseconds}` at most, and ends with the program that asked.
        try_lock: a select that is true when the connection got the lock `:key`, a number, and holds it while it lives. None:
            a file's lock stands for it, which other machines do not see.
        lock_settings: run on the connection that holds the lock.
        is_atomic: whether a table is merged in one transaction, so that a run that dies leaves it as it was.
        declares_cursors: whether its driver keeps all rows of an answer in memory, unless a cursor is declared in SQL.
        json_text: what gives a column of lists and objects as text.
        has_indexes: whether it wants an index on keys.
        has_comments: whether it takes words beside tables and columns, as SQL's `comment on`.
        has_catalog_in_schema: whether each schema has an INFORMATION_SCHEMA of its own, and there is no other.
        place_within: what of its settings says which of several databases it is, where dlt's own words for its place do not.
        unescapes_percent: whether its driver makes one percent sign of two, in statements without parameters, too.
        busy: what its error says while another program has it to itself.
        who: a select that gives the names of database and user, for the words of a missing permission.
        permissions: the statement that gives what is missing where a step of the trial is refused.
    """

    name: str
    factory: str = ""
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
    lock_settings: tuple[str, ...] = ()
    is_atomic: bool = True
    declares_cursors: bool = False
    json_text: str = "cast({column} as text)"
    has_indexes: bool = False
    has_comments: bool = True
    has_catalog_in_schema: bool = False
    place_within: str = ""
    unescapes_percent: bool = False
    busy: str | None = None
    who: str | None = None
    permissions: Mapping[str, str] = field(default_factory=dict)

    def is_busy(self, said: str) -> bool:
        """Whether an error says that another program has the database to itself."""
        return self.busy is not None and self.busy in said.lower()

    def is_cramped(self, said: str) -> bool:
        """Whether an error says that a statement takes more memory than it may have."""
        return self.cramped is not None and said.startswith(self.cramped)

    def as_sent(self, statement: str) -> str:
        """A statement without parameters as its driver is to be given it."""
        return statement.replace("%", "%%") if self.unescapes_percent else statement


# Memory must not grow with the account: what does not fit goes to disk. What cannot go there is tried again with more.
_BOUNDS: Mapping[Use, Mapping[str, Any]] = {
    "writing": {"global_config": {"memory_limit": "100MB", "threads": 1}},
    "building": {"global_config": {"memory_limit": "100MB", "threads": 1}},
    "mending": {"global_config": {"memory_limit": "1GB", "threads": 2}},
    "reading": {"global_config": {"memory_limit": "1GB", "threads": 2}, "read_only": True},
}
_CRAMPED = "Out of Memory Error"
_MORE_MEMORY = tuple(f"SET memory_limit = '{limit}'" for limit in ("200MB", "400MB", "1GB"))
# No files, no other databases, and no way to allow them again.
_CLOSED = ("SET enable_external_access = false", "SET lock_configuration = true")

DESTINATIONS: Mapping[str, Destination] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            Destination(
                "duckdb",
                # More than one file at once share its bounded memory, and one of them is refused.
                load_workers=1,
                is_file=True,
                uses=_BOUNDS,
                cramped=_CRAMPED,
                more_memory=_MORE_MEMORY,
                guards=_CLOSED,
                busy="could not set lock",
            ),
            Destination(
                "ducklake",
                factory="harvest_warehouse.destinations.ducklake.client.ducklake",
                needs=("duckdb_extension_ducklake", "duckdb_extension_sqlite_scanner"),
                load_workers=1,
                uses=_BOUNDS,
                cramped=_CRAMPED,
                more_memory=_MORE_MEMORY,
                guards=_CLOSED,
                busy="database is locked",
            ),
            Destination(
                "motherduck",
                load_workers=1,
                place_within="database",
                busy="could not set lock",
            ),
            Destination(
                "postgres",
                factory="harvest_warehouse.destinations.postgres.client.postgres",
                needs=("psycopg2", "adbc_driver_postgresql"),
                # By ADBC's binary COPY: through csv, dlt's other fast way, an empty text would become null.
                load_format="parquet",
                load_workers=2,
                session={"session_timezone": "UTC"},
                guards=("SET default_transaction_read_only = on",),
                before_questions=(
                    "SET TRANSACTION READ ONLY",
                    "SET LOCAL statement_timeout = {milliseconds}",
                    # Since 14: the server looks whether the one who asked is still there.
                    "SELECT set_config(name, '1000', true) FROM pg_settings WHERE name = 'client_connection_check_interval'",
                ),
                try_lock="SELECT pg_try_advisory_lock({key})",
                # A machine that vanishes must not keep the lock for the two hours that TCP waits; idle is what it does.
                lock_settings=(
                    "SET tcp_keepalives_idle = 30",
                    "SET tcp_keepalives_interval = 10",
                    "SET tcp_keepalives_count = 3",
                    "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'",
                ),
                declares_cursors=True,
                has_indexes=True,
                who="select current_database(), current_user",
                permissions={
                    "make a schema": "GRANT CREATE ON DATABASE {database} TO {user}",
                    "make a table": "GRANT USAGE, CREATE ON SCHEMA {schema} TO {user}",
                },
            ),
            Destination(
                "snowflake",
                needs=("snowflake.connector",),
                # From Parquet, lists and objects would come as one text each.
                load_format="jsonl",
                place_within="database",
                session={"session_timezone": "UTC"},
                who="select current_database(), current_role()",
                permissions={
                    "make a schema": "GRANT USAGE, CREATE SCHEMA ON DATABASE {database} TO ROLE {user}",
                    "make a table": "GRANT USAGE, CREATE TABLE, CREATE STAGE ON SCHEMA {database}.{schema} TO ROLE {user}",
                },
            ),
            Destination(
                "bigquery",
                factory="harvest_warehouse.destinations.bigquery.client.bigquery",
                needs=("google.cloud.bigquery",),
                # From Parquet, it does not take lists and objects.
                load_format="jsonl",
                is_atomic=False,
                has_comments=False,
                has_catalog_in_schema=True,
                # It casts none to text; and what is nothing would be the text null.
                json_text="case when {column} is not null then to_json_string({column}) end",
                place_within="project_id",
                unescapes_percent=True,
                who="select 'the project', session_user()",
                permissions={
                    "make a schema": "the role roles/bigquery.user on {database} for {user}",
                    "make a table": "the role roles/bigquery.dataEditor on the dataset {schema} for {user}",
                },
            ),
            Destination(
                "redshift",
                factory="harvest_warehouse.destinations.redshift.client.redshift",
                needs=("psycopg2",),
                # Its COPY reads from S3 alone: this needs nothing beside the cluster.
                load_format="insert_values",
                load_workers=2,
                session={"session_timezone": "UTC"},
                before_questions=("SET statement_timeout TO {milliseconds}",),
                # A cast would give nothing for them; and what is nothing would be the text null.
                json_text="case when {column} is not null then json_serialize({column}) end",
                who="select current_database(), current_user",
                permissions={
                    "make a schema": "GRANT CREATE ON DATABASE {database} TO {user}",
                    "make a table": "GRANT USAGE, CREATE ON SCHEMA {schema} TO {user}",
                },
            ),
            Destination(
                "databricks",
                needs=("databricks.sql",),
                # From JSON, it does not take decimals and dates.
                load_format="parquet",
                place_within="catalog",
                session={"session_timezone": "UTC"},
                is_atomic=False,
                who="select current_catalog(), current_user()",
                permissions={
                    "make a schema": "GRANT USE CATALOG, CREATE SCHEMA ON CATALOG {database} TO `{user}`",
                    "make a table": "GRANT USE SCHEMA, SELECT, MODIFY, CREATE TABLE, CREATE VOLUME ON SCHEMA {schema} TO `{user}`",
                },
            ),
        )
    }
)

_NO_SQLITE = (
    "SQLite keeps a decimal as a floating-point number, wrong beyond 15 digits, and dates and instants as text: sums of money would "
    "not be exact. duckdb is a file just as well."
)
_NO_MYSQL = (
    "MySQL and MariaDB end a transaction at every statement that makes a table, and count nothing with a filter: neither the sync nor the "
    "marts were ever tried there. Sync into postgres."
)
REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "filesystem": "Rows in files cannot be changed or deleted, so what changed in Harvest would count twice, and what was deleted for "
        "ever. Sync into duckdb, and `dlt-harvest publish` writes all tables there as Parquet, Delta or Iceberg, whole each time; or sync into "
        "ducklake, whose tables are Parquet files in a folder or bucket.",
        "sqlite": _NO_SQLITE,
        "mysql": _NO_MYSQL,
        "mariadb": _NO_MYSQL,
        "sqlalchemy": f"{_NO_SQLITE} {_NO_MYSQL}",
        "clickhouse": "ClickHouse has no transaction over several tables and no update from another table: a run that dies could leave what "
        "vanished in both places, or in none. Sync into postgres, and let ClickHouse read it there.",
    }
)
"""Destinations of dlt's that would not be right, and why."""
