"""What Databricks' parser takes and Databricks refuses, as its documentation has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp


def refusal(tree: exp.Expr) -> str | None:
    """Why Databricks refuses a statement that its parser took, as its documentation has it; None where it does not."""
    return next((why for why, is_so in _REFUSED.items() if is_so(tree)), None)


def _has(*kinds: type[exp.Expr]) -> Callable[[exp.Expr], bool]:
    return lambda tree: any(True for _ in tree.find_all(*kinds))


def _changes_by_several_columns(tree: exp.Expr) -> bool:
    return isinstance(tree, exp.Update | exp.Delete) and any(
        isinstance(one.this, exp.Tuple) and one.args.get("query") for one in tree.find_all(exp.In)
    )


def _changes_by_nested_questions(tree: exp.Expr) -> bool:
    if not isinstance(tree, exp.Update | exp.Delete):
        return False
    return any(inner.find_ancestor(exp.Select) for inner in tree.find_all(exp.Select))


def _is_not_in_beside_or(tree: exp.Expr) -> bool:
    return isinstance(tree, exp.Update | exp.Delete) and any(
        isinstance(no.this.unnest(), exp.In) and no.this.unnest().args.get("query") and no.find_ancestor(exp.Or)
        for no in tree.find_all(exp.Not)
    )


def _sets_by_a_question(tree: exp.Expr) -> bool:
    return isinstance(tree, exp.Update) and any(value.find(exp.Select) for value in tree.expressions)


def _alters(*kinds: type[exp.Expr]) -> Callable[[exp.Expr], bool]:
    return lambda tree: isinstance(tree, exp.Alter) and any(isinstance(one, kinds) for one in tree.args["actions"])


def _has_odd_name(tree: exp.Expr) -> bool:
    return isinstance(tree, exp.Create) and any(
        set(column.alias_or_name) & set(" ,;{}()\n\t=") for column in made(tree)
    )


def made(tree: exp.Expr) -> list[exp.Expr]:
    """The columns that a statement gives a table."""
    if isinstance(tree.this, exp.Schema):
        return [one for one in tree.this.expressions if isinstance(one, exp.ColumnDef)]
    chosen = tree.expression.selects if isinstance(tree.expression, exp.Query) else []
    return [one for one in chosen if not isinstance(one, exp.Star)]


def _has_untyped_column(tree: exp.Expr) -> bool:
    return isinstance(tree, exp.Create) and any(isinstance(column.unalias(), exp.Null) for column in made(tree))


_REFUSED: Mapping[str, Callable[[exp.Expr], bool]] = {
    # docs.databricks.com/aws/en/sql/language-manual/delta-update
    "UPDATE has no FROM": lambda tree: isinstance(tree, exp.Update) and bool(tree.args.get("from_")),
    "no subquery in what UPDATE sets": _sets_by_a_question,
    # docs.databricks.com/aws/en/sql/language-manual/delta-delete-from
    "DELETE has no USING": lambda tree: isinstance(tree, exp.Delete) and bool(tree.args.get("using")),
    "no nested subquery in UPDATE and DELETE": _changes_by_nested_questions,
    "no IN of several columns in UPDATE and DELETE": _changes_by_several_columns,
    "no NOT IN inside OR in UPDATE and DELETE": _is_not_in_beside_or,
    # Tables without column mapping, type widening and defaults, which is how dlt makes them.
    "columns cannot be dropped, renamed or retyped": _alters(exp.Drop, exp.RenameColumn, exp.AlterColumn),
    "no default of a column": _has(exp.DefaultColumnConstraint),
    "no such sign in a column's name": _has_odd_name,
    "a column needs a type": _has_untyped_column,
    "no index": lambda tree: isinstance(tree, exp.Create) and tree.kind == "INDEX",
    "no transaction of several statements": _has(exp.Transaction, exp.Commit, exp.Rollback),
    "no DISTINCT ON": lambda tree: any(one.args.get("on") for one in tree.find_all(exp.Distinct)),
}
