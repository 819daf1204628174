"""What Snowflake says otherwise."""

from __future__ import annotations

from sqlglot import exp

from harvest_warehouse.destinations.dialect import Rule, divide_as_doubles, rename_in_place


def _fold_names(tree: exp.Expr) -> None:
    """Names in upper case, which is what dlt gives them where unquoted ones mean that."""
    for name in tree.find_all(exp.Identifier):
        name.set("this", name.this.upper())


RULES: tuple[Rule, ...] = (divide_as_doubles, _fold_names, rename_in_place)
