"""Parts of a parsed select statement: what it reads from, conditions that hold for every row, and expressions. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp


def conditions(select: exp.Select) -> Iterator[exp.Expr]:
    """Conditions that hold for every row: of where, and of inner joins."""
    for join in select.args.get("joins") or ():
        yield from join.args.get("using") or ()
        said = list(conjuncts(join.args["on"])) if join.args.get("on") else []
        # An outer join keeps rows for which its condition does not hold; where it is by keys alone, the marts have no such rows.
        if not join.side or all(isinstance(one, exp.EQ) and is_of_columns(one) for one in said):
            yield from said
    for clause in ("where", "qualify"):
        if found := select.args.get(clause):
            yield from conjuncts(found.this)


def is_of_columns(condition: exp.Expr) -> bool:
    """True if both sides of a comparison are columns."""
    return all(isinstance(side, exp.Column) for side in condition.unnest_operands())


def conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    """Parts of a condition that all have to hold."""
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        yield from conjuncts(condition.this)
        yield from conjuncts(condition.expression)
    else:
        yield condition


def branches(expression: exp.Expr) -> Iterator[tuple[list[exp.Expr], exp.Expr]]:
    """Parts of a case, or of an aggregate with a filter: the conditions under which each counts, and the part."""
    if isinstance(expression, exp.Filter):
        yield list(conjuncts(expression.expression.this)), expression.this
        return
    cases = expression.args.get("ifs") or [expression]
    for case in cases:
        operand = expression.args.get("this") if isinstance(expression, exp.Case) else None
        condition = exp.EQ(this=operand.copy(), expression=case.this.copy()) if operand else case.this
        yield list(conjuncts(condition)), case.args["true"]
    default = expression.args.get("default") or expression.args.get("false")
    if default is not None:
        yield [], default


def own_expressions(select: exp.Select) -> Iterator[exp.Expr]:
    """Expressions of a select that may aggregate."""
    yield from select.expressions
    for clause in ("having", "order", "qualify"):
        if found := select.args.get(clause):
            yield found


def nodes(expression: exp.Expr, kind: type[exp.Expr]) -> Iterator[exp.Expr]:
    """Nodes of a kind in an expression, without those of subqueries."""
    for node in expression.walk(prune=lambda one: isinstance(one, exp.Subquery | exp.Select)):
        if isinstance(node, kind):
            yield node


def subqueries(select: exp.Select) -> Iterator[exp.Expr]:
    """Subqueries in expressions and conditions of a select, not those that it selects from."""
    clauses = [*select.expressions, *(select.args.get(name) for name in ("where", "having", "order", "qualify"))]
    for clause in filter(None, clauses):
        for node in clause.walk(prune=lambda one: isinstance(one, exp.Subquery | exp.Select)):
            if isinstance(node, exp.Subquery | exp.Select):
                yield node


def meant(expression: exp.Expr, select: exp.Select) -> exp.Expr:
    """Expression that a group refers to by position or alias."""
    if isinstance(expression, exp.Literal) and expression.is_int:
        place = int(expression.name) - 1
        return select.expressions[place].unalias() if place < len(select.expressions) else expression
    if isinstance(expression, exp.Column) and not expression.table:
        for one in select.expressions:
            if isinstance(one, exp.Alias) and one.alias.lower() == expression.name.lower():
                return one.this  # type: ignore[no-any-return]
    return expression


def froms(select: exp.Select) -> list[exp.Expr]:
    """What a select reads from: its from, its joins, and its laterals."""
    clause = select.args.get("from_")
    return [*([clause] if clause else []), *(select.args.get("joins") or ()), *(select.args.get("laterals") or ())]


def is_one_value(select: exp.Select) -> bool:
    """True if a select stands for a value in an expression, so that it can have only one column."""
    return isinstance(select.parent, exp.Subquery) and not isinstance(
        select.parent.parent, exp.From | exp.Join | exp.Subquery
    )
