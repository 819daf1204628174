"""Dialect rules for Snowflake."""

from __future__ import annotations

from sqlglot import exp

from harvest_warehouse.destinations.dialect import Rule, divide_as_doubles, rename_in_place


def _fold_names(tree: exp.Expr) -> None:
    """Fold names to upper case, as dlt does where unquoted names are upper case."""
    for name in tree.find_all(exp.Identifier):
        name.set("this", name.this.upper())


RULES: tuple[Rule, ...] = (divide_as_doubles, _fold_names, rename_in_place)
