"""Dialect rules for BigQuery."""

from __future__ import annotations

from sqlglot import exp

from harvest_warehouse.destinations.dialect import Rule, divide_as_doubles


def _greatest_of_known(tree: exp.Expr) -> None:
    """Make `greatest` of two values ignore nulls, as in DuckDB."""
    for greatest in tree.find_all(exp.Greatest):
        if len(greatest.expressions) == 1 and not greatest.this.find(exp.Coalesce):
            one, other = greatest.this, greatest.expressions[0]
            greatest.set("this", exp.func("coalesce", one.copy(), other.copy()))
            greatest.set("expressions", [exp.func("coalesce", other.copy(), one.copy())])


def _list_without_nulls(tree: exp.Expr) -> None:
    """Drop the null ordering in `string_agg`, which BigQuery does not support; it ignores nulls."""
    for listed in tree.find_all(exp.GroupConcat):
        for ordered in listed.find_all(exp.Ordered):
            ordered.set("nulls_first", not ordered.args.get("desc"))


def _change_where(tree: exp.Expr) -> None:
    """Add `where true` to updates and deletes of all rows: https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax."""
    if isinstance(tree, exp.Update | exp.Delete) and not tree.args.get("where"):
        tree.set("where", exp.Where(this=exp.true()))


def _decimals_as_such(tree: exp.Expr) -> None:
    """Cast literals with a decimal point to decimal: they would be doubles."""
    for literal in list(tree.find_all(exp.Literal)):
        if not literal.is_string and "." in literal.name and not isinstance(literal.parent, exp.Cast):
            literal.replace(exp.cast(exp.Literal.string(literal.name), "decimal"))


RULES: tuple[Rule, ...] = (divide_as_doubles, _greatest_of_known, _list_without_nulls, _decimals_as_such, _change_where)
