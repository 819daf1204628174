"""Translate statements for a database: its dialect, fully qualified table names, and values for placeholders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp

from harvest_warehouse.destinations.dialect import HOME, written

Statement = str | exp.Expr

# Longer statements contain hundreds of ids and are not reused; each would take a third of a megabyte in the cache.
_SIGNS_OF_A_KEPT_ONE = 4_000


@dataclass(frozen=True)
class Home:
    """Dialect and qualified names of an account's datasets.

    Attributes:
        dialect: sqlglot's name of the database's dialect.
        dataset: parts of the fully qualified name of the dataset.
        marts: parts of the fully qualified name of the marts' dataset.
        folded: case-folds a table's name as the database does.
    """

    dialect: str
    dataset: tuple[str, ...]
    marts: tuple[str, ...]
    folded: Callable[[str], str]

    def translated(self, statement: Statement, values: Mapping[str, object]) -> str:
        """Translate a statement from DuckDB's SQL into the database's dialect; a syntax tree is changed in place.

        Args:
            statement: statement in which tables without a schema, or in `raw`, belong to the dataset, and those in `marts`
                to the marts.
            values: value for each `:name` in it.
        """
        if not isinstance(statement, str):
            return self._filled(self._name(statement), values)
        if len(statement) > _SIGNS_OF_A_KEPT_ONE:
            return self._filled(self._read(statement), values)
        return self._filled(_named(self, statement).copy(), values) if values else _said(self, statement)

    def _read(self, text: str) -> exp.Expr:
        return self._name(sqlglot.parse_one(text, read=HOME))

    def _filled(self, tree: exp.Expr, values: Mapping[str, object]) -> str:
        _bind(tree, values)
        return written(tree, self.dialect)

    def _name(self, tree: exp.Expr) -> exp.Expr:
        """Qualify the names of the tables in a statement."""
        named = {cte.alias for cte in tree.find_all(exp.CTE)}
        for table in list(tree.find_all(exp.Table)):
            # The new name in `alter table ... rename to` is not qualified.
            is_new_name = isinstance(table.parent, exp.AlterRename)
            if table.db == "marts":
                self._qualify(table, self.marts)
            elif table.db == "raw" or not (table.db or table.name in named or is_new_name):
                self._qualify(table, self.dataset)
        return tree

    def _qualify(self, table: exp.Table, path: tuple[str, ...]) -> None:
        table.set("this", exp.to_identifier(self.folded(table.name), quoted=True))
        for part, key in zip(reversed(path), ("db", "catalog"), strict=False):
            table.set(key, exp.to_identifier(part, quoted=True))


def bound(text: str, values: Mapping[str, object]) -> exp.Expr:
    """Bind values to a statement, so that `Database.run` can take several statements with different values for the same names.

    Args:
        text: statement in DuckDB's SQL, not yet translated.
        values: value for each `:name` in it.
    """
    tree = _parsed(text).copy()
    _bind(tree, values)
    return tree


@lru_cache(maxsize=256)
def _parsed(text: str) -> exp.Expr:
    return sqlglot.parse_one(text, read=HOME)


@lru_cache(maxsize=256)
def _named(home: Home, text: str) -> exp.Expr:
    return home._read(text)


@lru_cache(maxsize=1_024)
def _said(home: Home, text: str) -> str:
    return home._filled(home._read(text), {})


def _bind(tree: exp.Expr, values: Mapping[str, object]) -> None:
    for placeholder in list(tree.find_all(exp.Placeholder)):
        _fill(placeholder, values[placeholder.name])


def _fill(placeholder: exp.Placeholder, value: object) -> None:
    """Replace a placeholder by its value; for a list, `in (:ids)` becomes a list of values."""
    if isinstance(value, list | tuple):
        if not (isinstance(placeholder.parent, exp.In) and len(placeholder.parent.expressions) == 1):
            raise TypeError(f"A list can follow only `in`, alone, not replace :{placeholder.name}.")
        placeholder.parent.set("expressions", [exp.convert(item) for item in value or (None,)])
    else:
        placeholder.replace(exp.convert(value))
