"""Translate statements for a database: its dialect, fully qualified table names, and values for placeholders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp

from harvest_warehouse.destinations.dialect import HOME, written

Statement = str | exp.Expr

# Longer ones have hundreds of ids in them and come once; each of them kept as a tree would take a third of a megabyte.
_SIGNS_OF_A_KEPT_ONE = 4_000


@dataclass(frozen=True)
class Home:
    """Dialect and qualified names of an account's datasets.

    Attributes:
        dialect: sqlglot's name of the database's dialect.
        dataset: the full name of the dataset, in its parts.
        marts: that of the marts' dataset.
        folded: gives a table's name there.
    """

    dialect: str
    dataset: tuple[str, ...]
    marts: tuple[str, ...]
    folded: Callable[[str], str]

    def translated(self, statement: Statement, values: Mapping[str, object]) -> str:
        """Translate a statement from DuckDB's SQL into the database's dialect; a tree is changed on the way.

        Args:
            statement: tables without a schema, or of `raw`, are the dataset's, and those of `marts` the marts'.
            values: for each `:name` in it.
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
        """Qualify the names of its tables."""
        named = {cte.alias for cte in tree.find_all(exp.CTE)}
        for table in list(tree.find_all(exp.Table)):
            # The new name in `alter table ... rename to` stands alone.
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
    """Put its own values into a statement, for `Database.run` of several that have different values by the same names.

    Args:
        text: in DuckDB's SQL, not yet translated.
        values: for each `:name` in it.
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
        if not isinstance(placeholder.parent, exp.In):
            raise TypeError(f"A list can follow only `in`, not replace :{placeholder.name}.")
        placeholder.parent.set("expressions", [exp.convert(item) for item in value or (None,)])
    else:
        placeholder.replace(exp.convert(value))
