"""The warehouse's database, through dlt's own client and in its own dialect: nothing here knows which one it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlglot
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.destinations.sql_client import SqlClientBase
from sqlglot import exp

from harvest_warehouse.settings import Warehouse

# What our own statements are written in.
_DIALECT = "duckdb"
_ROWS_OF_AN_INSERT = 200


class Database:
    """One open connection to the tables of an account.

    Statements are written in DuckDB's SQL: tables without a schema are those of the dataset, and `:name` stands for a
    value. They are translated into the dialect of whatever database it is.

    Attributes:
        dialect: sqlglot's name of the database's dialect.
    """

    def __init__(self, client: SqlClientBase[Any]) -> None:
        self._client = client
        self.dialect: str = client.capabilities.sqlglot_dialect or _DIALECT

    def rows(self, query: str, values: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """The rows that `query` gives.

        Raises:
            DatabaseException: dlt's, where the database refuses it; a `DltException` like all of dlt's errors.
        """
        with self._client.execute_query(self._translated(query, values or {})) as cursor:
            return list(cursor.fetchall())

    def run(self, statements: Sequence[str | exp.Expression], values: Mapping[str, object] | None = None) -> None:
        """Run statements, all or none of them where the database has transactions.

        Args:
            statements: as text, or made by `insertions`.
            values: for the names in all of them.

        Raises:
            DatabaseException: dlt's, where the database refuses one.
        """
        translated = [self._translated(statement, values or {}) for statement in statements]
        with self._client.begin_transaction():
            for statement in translated:
                self._client.execute_sql(statement)

    def columns(self, table: str) -> tuple[str, ...]:
        """The columns of a table as the database has them; none where there is no such table."""
        try:
            with self._client.execute_query(self._translated(f'select * from "{table}" limit 0', {})) as cursor:
                return tuple(column[0] for column in cursor.description or ())
        except DatabaseUndefinedRelation:
            return ()

    def _translated(self, statement: str | exp.Expression, values: Mapping[str, object]) -> str:
        tree = sqlglot.parse_one(statement, read=_DIALECT) if isinstance(statement, str) else statement
        named = {cte.alias for cte in tree.find_all(exp.CTE)}
        for table in list(tree.find_all(exp.Table)):
            if not table.db and table.name not in named:
                self._qualify(table)
        for placeholder in list(tree.find_all(exp.Placeholder)):
            _fill(placeholder, values[placeholder.name])
        return tree.sql(self.dialect)

    def _qualify(self, table: exp.Table) -> None:
        *path, name = self._client.make_qualified_table_name_path(table.name, quote=False)
        table.set("this", exp.to_identifier(name, quoted=True))
        for part, key in zip(reversed(path), ("db", "catalog"), strict=False):
            table.set(key, exp.to_identifier(part, quoted=True))


def insertions(table: str, rows: Sequence[Mapping[str, object]]) -> list[exp.Expression]:
    """Statements that insert rows, all of the same columns."""
    names = list(rows[0]) if rows else []
    columns = exp.Schema(this=exp.to_table(table), expressions=[exp.to_identifier(name, quoted=True) for name in names])
    tuples = [exp.Tuple(expressions=[exp.convert(row[name]) for name in names]) for row in rows]
    return [
        exp.Insert(this=columns.copy(), expression=exp.Values(expressions=tuples[first : first + _ROWS_OF_AN_INSERT]))
        for first in range(0, len(tuples), _ROWS_OF_AN_INSERT)
    ]


def _fill(placeholder: exp.Placeholder, value: object) -> None:
    """Put a value in the place of its name; for a list, `in (:ids)` becomes a list of values."""
    if isinstance(value, list | tuple):
        if not isinstance(placeholder.parent, exp.In):
            raise TypeError(f"A list stands behind `in` only, not for :{placeholder.name}.")
        placeholder.parent.set("expressions", [exp.convert(item) for item in value or (None,)])
    else:
        placeholder.replace(exp.convert(value))


@contextmanager
def open_database(warehouse: Warehouse) -> Iterator[Database]:
    """A connection for as long as the block lasts: a file that stays open could not be loaded.

    Raises:
        DltException: where the database cannot be reached.
    """
    with warehouse.pipeline().sql_client() as client:
        yield Database(client)
