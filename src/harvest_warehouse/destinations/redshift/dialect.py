"""Dialect rules for Redshift."""

from __future__ import annotations

from sqlglot import exp

from harvest_warehouse.destinations.dialect import Rule, divide_as_doubles


def _list_within_group(tree: exp.Expr) -> None:
    """Move the order of a string aggregate behind the function (`within group`)."""
    for listed in list(tree.find_all(exp.GroupConcat)):
        if isinstance(order := listed.this, exp.Order):
            listed.set("this", order.this)
            order.set("this", None)
            listed.replace(exp.WithinGroup(this=listed.copy(), expression=order))


def _differ_by_case(tree: exp.Expr) -> None:
    """Rewrite `is [not] distinct from`, which Redshift does not support, as a `case` expression.

    https://docs.aws.amazon.com/redshift/latest/dg/c_unsupported-postgresql-functions.html
    """
    for compared in list(tree.find_all(exp.NullSafeEQ, exp.NullSafeNEQ)):
        one, other = compared.this, compared.expression
        are_nothing = exp.paren(exp.and_(one.is_(exp.null()), other.is_(exp.null())))
        is_same = exp.Case().when(exp.or_(one.eq(other), are_nothing), "1").else_("0")
        compared.replace(exp.paren(is_same.eq(int(isinstance(compared, exp.NullSafeEQ)))))


RULES: tuple[Rule, ...] = (divide_as_doubles, _list_within_group, _differ_by_case)
