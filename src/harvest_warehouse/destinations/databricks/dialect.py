"""Dialect rules for Databricks."""

from __future__ import annotations

from sqlglot import exp

from harvest_warehouse.destinations.dialect import Rule, divide_as_doubles, rename_in_place

_ROW = "_dlt_id"


def _change_by_merge(tree: exp.Expr) -> exp.Expr | None:
    """Rewrite updates and deletes with another table or a nested subquery as `merge`, the only statement that supports them.

    https://docs.databricks.com/aws/en/sql/language-manual/delta-update, and delta-delete-from: no `from`, no nested subquery.
    """
    if not isinstance(tree, exp.Update | exp.Delete):
        return None
    what, where = tree.this, tree.args["where"].this if tree.args.get("where") else exp.true()
    if from_ := tree.args.get("from_"):
        source, on = from_.this, where
    elif any(question.find_ancestor(exp.Select) for question in where.find_all(exp.Select)):
        # Every table of the dataset has dlt's row key.
        found = exp.select(_ROW).from_(what.copy()).where(where)
        source, on = found.subquery("found"), exp.column(_ROW, "changed").eq(exp.column(_ROW, "found"))
        what = what.copy()
        what.set("alias", exp.TableAlias(this=exp.to_identifier("changed")))
    else:
        return None
    then: exp.Expr | exp.Var = exp.var("DELETE")
    if isinstance(tree, exp.Update):
        then = exp.Update(expressions=tree.expressions)
    whens = exp.Whens(expressions=[exp.When(matched=True, then=then)])
    return exp.Merge(this=what, using=source, on=on, whens=whens)


RULES: tuple[Rule, ...] = (divide_as_doubles, rename_in_place, _change_by_merge)
