"""Translate DuckDB SQL into other dialects, with rules where sqlglot's own translation fails or means something else.

Statements are written in DuckDB's SQL, in the part of it that PostgreSQL has too; these two need nothing more. Each of the
others gets its statements with all names quoted, so that no word that is reserved there is taken for one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from sqlglot import ErrorLevel, exp

from harvest_warehouse.destinations.registry import DESTINATIONS

HOME = "duckdb"
"""Dialect that our own statements are written in."""

CATALOG = "INFORMATION_SCHEMA.TABLES"
"""The list of a schema's tables, where each schema has one."""


Rule = Callable[[exp.Expr], exp.Expr | None]
"""Changes a tree, or gives another one in its place."""


def written(tree: exp.Expr, dialect: str) -> str:
    """Render a statement in the dialect of a database; changes `tree`.

    Args:
        tree: parsed as DuckDB's SQL; parts of it may be rewritten already.
        dialect: sqlglot's name of it.

    Raises:
        UnsupportedError: sqlglot's, for what cannot be said there: an error is better than a guess.
    """
    rules = _rules(dialect)
    for rule in rules:
        tree = rule(tree) or tree
    for name in tree.find_all(exp.Identifier) if rules else ():
        # Two names in one; a project of BigQuery's may have a dot, too.
        name.set("quoted", name.name != CATALOG)
    return tree.sql(dialect, copy=False, unsupported_level=ErrorLevel.RAISE)


@cache
def _rules(dialect: str) -> tuple[Rule, ...]:
    """Rules from `dialect.py` in the folder of each destination that speaks it, if it has one."""
    speakers = (name for name, entry in DESTINATIONS.items() if entry.speaks == dialect)
    modules = (f"{__package__}.{name}.dialect" for name in speakers)
    return tuple(rule for module in modules if find_spec(module) for rule in import_module(module).RULES)


def divide_as_doubles(tree: exp.Expr) -> None:
    """Make `/` divide doubles, as in DuckDB: decimals would be cut to six or nine digits after the point."""
    for division in tree.find_all(exp.Div):
        if not division.this.is_type("double"):
            division.set("this", exp.cast(division.this, "double"))


def rename_in_place(tree: exp.Expr) -> None:
    """Qualify the new name in a rename: alone it would mean the connection's schema, and move the table there."""
    for renaming in tree.find_all(exp.AlterRename):
        old = renaming.find_ancestor(exp.Alter)
        for part in ("db", "catalog"):
            value = old.this.args.get(part) if old else None
            renaming.this.set(part, value.copy() if value else None)
