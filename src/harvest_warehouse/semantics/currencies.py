"""Refuse statements that mix currencies, or hours and money, and propose one that does not. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from harvest_time_tracking import SettingWrong
from harvest_warehouse.semantics.amounts import rules
from harvest_warehouse.semantics.clauses import froms, is_one_value
from harvest_warehouse.semantics.model import SemanticModel
from harvest_warehouse.semantics.tracing import Check, Mixed

_MOST_REWRITES = 4


class MixesCurrencies(SettingWrong):
    """A statement adds or compares amounts in different currencies.

    Attributes:
        instead: a statement that would do; None if there is no simple one.
    """

    def __init__(self, message: str, instead: str | None = None) -> None:
        super().__init__(message)
        self.instead = instead


def refuse_mixed(tree: exp.Expr, model: SemanticModel, columns: Callable[[str], Sequence[str]], dialect: str) -> None:
    """Refuse a statement that mixes currencies, or hours and money.

    Args:
        tree: a parsed select statement with unqualified or qualified names of tables; it is not changed.
        model: the semantic model.
        columns: columns of a table, by its name.
        dialect: sqlglot's name of the dialect of the statement that is proposed instead.

    Raises:
        MixesCurrencies: the message names the expression; the error has a statement that would do, where there is one.
    """
    checks = [Check(rule, model, columns) for rule in rules(model)]
    for check in checks:
        try:
            check.statement(tree)
        except RecursionError:
            raise SettingWrong("This statement is nested too deeply to be checked.") from None
        except Mixed as error:
            instead = _instead(tree, checks)
            label = "budget_unit" if "budget_unit" in check.rule.labels else "the currency of the same rows"
            raise MixesCurrencies(
                f"{error.expression.sql(dialect)} mixes {check.rule.what}: {error.reason}. Group by {label}, or keep one with a "
                f"condition.{f' This would do: {instead.sql(dialect)}' if instead else ''}",
                instead.sql(dialect) if instead else None,
            ) from None


def _instead(tree: exp.Expr, checks: Sequence[Check]) -> exp.Expr | None:
    """The statement with the currency added to what it is grouped by; None if that does not do."""
    tree = tree.copy()
    for _ in range(_MOST_REWRITES):
        try:
            for check in checks:
                check.statement(tree)
        except Mixed as error:
            if error.select is None or error.alias is None or is_one_value(error.select):
                return None
            label = next((name for name, one in error.outputs.items() if one.is_label), None)
            if label is None or isinstance(error.expression.parent, exp.Window):
                return None
            _group_too(error.select, exp.column(label, error.alias if len(froms(error.select)) > 1 else None))
            continue
        return tree
    return None


def _group_too(select: exp.Select, column: exp.Column) -> None:
    """Select a column first, and group by it; references by position move by one."""
    group = select.args.get("group")
    references = [*(group.expressions if group else ()), *(one.this for one in select.find_all(exp.Ordered))]
    for one in references:
        if isinstance(one, exp.Literal) and one.is_int:
            one.replace(exp.Literal.number(int(one.name) + 1))
    if column.name not in {one.alias_or_name for one in select.expressions}:
        select.set("expressions", [column.copy(), *select.expressions])
    if not (group and group.args.get("all")):
        select.group_by(column, copy=False)
