"""Translate DuckDB SQL into other dialects, with rules where sqlglot's own translation fails or means something else.

Statements are written in the subset of DuckDB's SQL that PostgreSQL shares, so these two need no rules. For destinations
with rules, all names are quoted, so that none is mistaken for a reserved word.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from sqlglot import ErrorLevel, exp

from harvest_warehouse.destinations.registry import DESTINATIONS

HOME = "duckdb"
"""Dialect in which the project's own statements are written."""

CATALOG = "INFORMATION_SCHEMA.TABLES"
"""View with the tables of a schema, where each schema has its own INFORMATION_SCHEMA."""


Rule = Callable[[exp.Expr], exp.Expr | None]
"""Function that changes a syntax tree in place, or returns its replacement."""


def written(tree: exp.Expr, dialect: str) -> str:
    """Render a statement in a database's dialect; changes `tree`.

    Args:
        tree: statement parsed from DuckDB's SQL; parts of it may be rewritten already.
        dialect: sqlglot's name of the dialect.

    Raises:
        UnsupportedError: sqlglot's, for an expression that the dialect cannot express.
    """
    rules = _rules(dialect)
    for rule in rules:
        tree = rule(tree) or tree
    for name in tree.find_all(exp.Identifier) if rules else ():
        # `CATALOG` is two names in one, so it stays unquoted; any other name with a dot (a BigQuery project) is quoted.
        name.set("quoted", name.name != CATALOG)
    return tree.sql(dialect, copy=False, unsupported_level=ErrorLevel.RAISE)


@cache
def _rules(dialect: str) -> tuple[Rule, ...]:
    """Rules of a dialect, from the `dialect.py` of each destination that uses it."""
    speakers = (name for name, entry in DESTINATIONS.items() if entry.speaks == dialect)
    modules = (f"{__package__}.{name}.dialect" for name in speakers)
    return tuple(rule for module in modules if find_spec(module) for rule in import_module(module).RULES)


def divide_as_doubles(tree: exp.Expr) -> None:
    """Make `/` divide doubles, as in DuckDB: decimal division would truncate to six or nine decimals."""
    for division in tree.find_all(exp.Div):
        if not division.this.is_type("double"):
            division.set("this", exp.cast(division.this, "double"))


def rename_in_place(tree: exp.Expr) -> None:
    """Qualify the new name in a rename: unqualified, it would move the table to the connection's schema."""
    for renaming in tree.find_all(exp.AlterRename):
        old = renaming.find_ancestor(exp.Alter)
        for part in ("db", "catalog"):
            value = old.this.args.get(part) if old else None
            renaming.this.set(part, value.copy() if value else None)
