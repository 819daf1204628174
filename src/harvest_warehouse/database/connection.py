"""Database connection over dlt's SQL client: DuckDB SQL translated into the destination's dialect by sqlglot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from typing import Any, NamedTuple, TypeVar

import sqlglot
from dlt.destinations.exceptions import DatabaseException, DatabaseUndefinedRelation
from dlt.destinations.sql_client import SqlClientBase
from sqlglot import exp

from harvest_time_tracking import HarvestError
from harvest_warehouse.destinations import Destination
from harvest_warehouse.destinations.dialect import CATALOG, HOME
from harvest_warehouse.destinations.insert_statements import plain, plain_lines
from harvest_warehouse.destinations.statements import Home, Statement

_T = TypeVar("_T")

# DDL statements: not every database has transactions for them.
_FOR_TABLES = ("CREATE", "ALTER", "DROP")

UNFINISHED_COPY = "harvest_copy_unfinished"
"""Marker table that exists while a copy from another destination is incomplete: created first, dropped last."""


class Answer(NamedTuple):
    """Result of a query: the names of the columns, and the rows in batches."""

    columns: tuple[str, ...]
    batches: Iterator[list[tuple[Any, ...]]]


class IncompleteCopy(HarvestError):
    """The tables are an incomplete copy from another destination."""


class Database:
    """Open connection to the tables of an account.

    Statements are written in DuckDB's SQL and translated into the database's dialect. Tables without a schema, or in `raw`,
    belong to the dataset, tables in `marts` to the dataset of the marts, and `:name` is a placeholder for a value.

    Attributes:
        dialect: sqlglot's name of the database's dialect.
        is_left: whether it was abandoned with a statement that could not be cancelled.
        is_enlarged: whether its memory limit was raised.
    """

    def __init__(self, client: SqlClientBase[Any], marts: str, kind: Destination, more: Sequence[str] = ()) -> None:
        self._client = client
        self._marts = marts
        self._kind = kind
        self._more_memory = list(more)
        self.is_left = False
        self.is_enlarged = False
        self.dialect: str = client.capabilities.sqlglot_dialect or HOME
        # dlt folds names to upper case where unquoted names are upper case; this class hides that.
        self._is_upper = client.capabilities.casefold_identifier is str.upper
        with client.with_alternative_dataset_name(marts):
            marts_path = tuple(client.make_qualified_table_name_path(None, quote=False))
        path = tuple(client.make_qualified_table_name_path(None, quote=False))
        self._home = Home(self.dialect, path, marts_path, client.capabilities.casefold_identifier)

    def rows(self, query: Statement, values: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """Run a query and return all of its rows.

        Raises:
            DatabaseException: dlt's, if the database refuses the query; a `DltException` like all of dlt's errors.
        """
        translated = self._home.translated(query, values or {})
        return self._with_room(partial(self._rows, translated))

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with self._asked(query) as cursor:
            return [tuple(row) for row in cursor.fetchall()]

    def records(self, query: Statement, values: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
        """Run a query and return its rows as dicts by column name. Raises as `rows` does."""
        with self._asked(self._home.translated(query, values or {})) as cursor:
            names = self._columns(cursor)
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def portions(
        self, query: Statement, rows: int, values: Mapping[str, object] | None = None
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Run a query and yield its rows in batches of `rows`, in constant memory. Raises as `rows` does."""
        translated = self._home.translated(query, values or {})
        if not self._kind.declares_cursors:
            with self._asked(translated) as cursor:
                while found := cursor.fetchmany(rows):
                    yield [tuple(row) for row in found]
            return
        with self._client.begin_transaction():
            self._told(f"DECLARE portions NO SCROLL CURSOR FOR {translated}")
            while portion := self._told(f"FETCH {rows} FROM portions"):
                yield [tuple(row) for row in portion]

    def json_text(self, column: str) -> str:
        """SQL expression for the text of a JSON column (lists and objects)."""
        return self._kind.json_text.format(column=f'"{column}"')

    def json_quoted(self, text: str) -> str:
        """SQL expression for a text as a JSON string, with its quotes."""
        return self._kind.json_quoted.format(text=text)

    def json_parsed(self, text: str) -> str:
        """SQL expression for a JSON text as a value of the type that holds JSON."""
        return self._kind.json_parsed.format(text=text)

    def utc_text(self, timestamp: str) -> str:
        """SQL expression for a timestamp as text in UTC that begins like `2026-01-31 08:00:00`."""
        return self._kind.utc_text.format(timestamp=timestamp)

    def beside(self, schema: str) -> Database:
        """The same connection, with another schema in the place of the marts': its tables are `marts.x` in statements."""
        return Database(self._client, schema, self._kind, self._more_memory)

    def run(self, statements: Sequence[Statement], values: Mapping[str, object] | None = None) -> None:
        """Execute statements, in one transaction where the database supports it (for DDL, too).

        Args:
            statements: as text, or as syntax trees (from `insertions`, `bound`).
            values: value for each `:name` in any of them.

        Raises:
            DatabaseException: dlt's, if the database refuses a statement.
        """
        translated = [self._home.translated(statement, values or {}) for statement in statements]
        is_for_tables = any(statement.startswith(_FOR_TABLES) for statement in translated)
        is_one = self._client.capabilities.supports_ddl_transactions or not is_for_tables

        def told() -> None:
            with self._client.begin_transaction() if is_one else nullcontext():
                for statement in translated:
                    self._told(statement)

        self._with_room(told)

    def columns(self, table: str, schema: str = "raw") -> tuple[str, ...]:
        """Columns of a table in the database; none if the table does not exist."""
        try:
            with self._asked(self._home.translated(f'select * from {schema}."{table}" limit 0', {})) as cursor:
                return self._columns(cursor)
        except DatabaseUndefinedRelation:
            return ()

    def tables(self) -> dict[str, exp.Table]:
        """Tables of the dataset and of the marts: fully qualified names, by table name."""
        found: dict[str, exp.Table] = {}
        for schema in ("marts", ""):
            full = self._example(schema)
            for name in self._names(full):
                found[name] = full.copy()
                found[name].set("this", exp.to_identifier(name.upper() if self._is_upper else name, quoted=True))
        return found

    def names(self) -> tuple[str, ...]:
        """Names of the tables in the dataset."""
        return self._names(self._example())

    def marts_tables(self) -> tuple[str, ...]:
        """Names of the tables and views in the dataset of the marts."""
        return self._names(self._example("marts"))

    def is_half_copied(self) -> bool:
        """True if a copy into the dataset was interrupted or is still under way."""
        return bool(self._names(self._example(), UNFINISHED_COPY))

    def _example(self, schema: str = "") -> exp.Table:
        """Fully qualified name of a sample table in the dataset, or in the marts."""
        tree = exp.select("1").from_(exp.to_table("x", db=schema or None), copy=False)
        self._home.translated(tree, {})
        [full] = tree.find_all(exp.Table)
        return full

    def _names(self, full: exp.Table, name: str | None = None) -> tuple[str, ...]:
        """Names of the tables in the same schema as `full`; with `name`, only the table of that name."""
        is_named = " and table_name = :name" if name else ""
        query = f"select table_name from information_schema.tables where table_schema = :schema{is_named} order by 1"
        tree = sqlglot.parse_one(query, read=HOME)
        if self._kind.has_catalog_in_schema:
            [catalog] = tree.find_all(exp.Table)
            catalog.replace(exp.table_(CATALOG, db=full.db, catalog=full.catalog or None))
        # dlt created the tables, so all names have the same case.
        try:
            names = self.rows(tree, {"schema": full.db, "name": name.upper() if name and self._is_upper else name})
        except DatabaseUndefinedRelation:
            # If each schema has its own catalog, a missing schema has none.
            return ()
        return tuple(row[0].lower() if self._is_upper else row[0] for row in names)

    @contextmanager
    def asking(self, statement: exp.Expr, seconds: float, rows: int) -> Iterator[Answer]:
        """Run a query written in the database's own dialect, read-only and with a time limit.

        Args:
            statement: a read-only statement that `statement_guard` accepted.
            seconds: time limit in the database, if it has such a setting.
            rows: number of rows to fetch at a time.

        Raises:
            DatabaseException: dlt's, if the database refuses the statement.
        """
        # Without comments: databases disagree on where one ends.
        text = statement.sql(self.dialect, comments=False)
        with ExitStack() as stack:
            if self._kind.before_questions:
                stack.enter_context(self._client.begin_transaction())
                for setting in self._kind.before_questions:
                    self._told(setting.format(milliseconds=round(seconds * 1000)))
            if not self._kind.declares_cursors or not isinstance(statement, exp.Query):
                cursor = stack.enter_context(self._asked(text))
                yield Answer(self._columns(cursor), iter(lambda: [tuple(row) for row in cursor.fetchmany(rows)], []))
                return
            self._told(f"DECLARE answer NO SCROLL CURSOR FOR {text}")
            with self._asked(f"FETCH {rows} FROM answer") as cursor:
                columns, first = self._columns(cursor), [tuple(row) for row in cursor.fetchall()]

            def batches() -> Iterator[list[tuple[Any, ...]]]:
                batch = first
                while batch:
                    yield batch
                    batch = [tuple(row) for row in self._told(f"FETCH {rows} FROM answer") or ()]

            yield Answer(columns, batches())

    def cancel(self) -> None:
        """Cancel the running statement, from another thread; close the connection where the driver cannot cancel."""
        native: Any = self._client.native_connection
        ending = getattr(native, "interrupt", None) or getattr(native, "cancel", None) or native.close
        with suppress(Exception):
            ending()

    def leave(self) -> None:
        """Abandon the connection without closing it: a statement could not be cancelled, and closing would wait for it."""
        self.is_left = True
        self._client.close_connection = lambda: None  # type: ignore[method-assign]

    def make_dataset(self) -> None:
        """Create the dataset."""
        self._client.create_dataset()

    def missing_datasets(self) -> list[str]:
        """Names of the missing datasets among those of tables, staging tables and marts."""
        missing = []
        for name in (self._client.dataset_name, self._client.staging_dataset_name, self._marts):
            with self._client.with_alternative_dataset_name(name):
                if not self._client.has_dataset():
                    missing.append(name)
        return missing

    def drop_datasets(self) -> None:
        """Drop the dataset and the staging dataset that a preflight check created."""
        for name in (self._client.dataset_name, self._client.staging_dataset_name):
            with self._client.with_alternative_dataset_name(name):
                if self._client.has_dataset():
                    self._client.drop_dataset()

    def make_marts(self) -> None:
        """Create the dataset of the marts, unless it exists."""
        with self._client.with_alternative_dataset_name(self._marts):
            if not self._client.has_dataset():
                self._client.create_dataset()

    def create(self, table: str, query: str) -> None:
        """Create a table from a query (CREATE TABLE AS) in the database's dialect."""
        self._with_room(partial(self._told, f"CREATE TABLE {self._name(table)} AS {query}"))

    def counts(self, query: str, column: str) -> dict[str, int]:
        """Count the rows of a query in the database's dialect, grouped by one of its columns."""
        counting = f"SELECT {column}, COUNT(*) FROM ({query}) AS counted GROUP BY {column}"
        return {str(name): int(rows) for name, rows in self._with_room(partial(self._rows, counting))}

    def insert(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        """Insert rows of plain values into a table, in the order of its columns."""
        name = self._name(table)
        for lines in plain_lines(rows, self.dialect):
            self._with_room(partial(self._told, f"INSERT INTO {name} VALUES {lines}"))

    def comment(self, comments: Sequence[tuple[str, str, str]]) -> bool:
        """Set comments on tables and columns, given as (table, column or "", text). False if the database cannot or refuses."""
        if not self._kind.has_comments:
            return False
        try:
            self._with_room(partial(self._write, comments))
        except DatabaseException:
            return False
        return True

    def _write(self, comments: Sequence[tuple[str, str, str]]) -> None:
        with self._client.begin_transaction():
            names = {table: self._name(table) for table in {table for table, *_ in comments}}
            for table, column, words in comments:
                name = column and self._client.escape_column_name(column)
                target = f"COLUMN {names[table]}.{name}" if column else f"TABLE {names[table]}"
                self._told(f"COMMENT ON {target} IS {plain(words, self.dialect)}")

    def translated(self, statement: Statement, values: Mapping[str, object] | None = None) -> str:
        """Translate a statement into the database's dialect, with fully qualified table names."""
        return self._home.translated(statement, values or {})

    def _asked(self, statement: str) -> AbstractContextManager[Any]:
        return self._client.execute_query(self._kind.as_sent(statement))

    def _told(self, statement: str) -> Any:
        return self._client.execute_sql(self._kind.as_sent(statement))

    def _with_room(self, work: Callable[[], _T]) -> _T:
        """Call `work`; on an out-of-memory error, raise the memory limit and retry, up to the highest limit."""
        while True:
            try:
                return work()
            except DatabaseException as error:
                if not self._more_memory or not self._kind.is_cramped(str(error)):
                    raise
                self._told(self._more_memory.pop(0))
                self.is_enlarged = True

    def _columns(self, cursor: Any) -> tuple[str, ...]:
        names = (str(column[0]) for column in cursor.description or ())
        return tuple(name.lower() for name in names) if self._is_upper else tuple(names)

    def _name(self, table: str) -> str:
        return self._home.translated(f"select 1 from {table}", {}).partition(" FROM ")[2]
