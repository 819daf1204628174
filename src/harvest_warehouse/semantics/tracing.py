"""Trace the amounts in a statement: no aggregate and no sum may mix currencies, or hours and money. Pure.

Every expression is traced to the columns that it is computed from (units in semantic.yml). An amount is of the currency of a
row of its table, or of a currency that a condition fixes. An aggregate of amounts passes if it is grouped by the currency of
its rows, or by a key that has only one, or if a condition fixes the currency. Budgets, which are in hours or money, are traced
a second time, by their unit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import or_

from sqlglot import exp

from harvest_warehouse.semantics.amounts import Amount, Output, Outputs, Rule, Scope, has_amounts, renamed, united
from harvest_warehouse.semantics.clauses import (
    branches,
    conditions,
    froms,
    meant,
    nodes,
    own_expressions,
    subqueries,
)
from harvest_warehouse.semantics.model import SemanticModel

# Of amounts, only their number or one of their own values, with its row's currency, is asked.
_HARMLESS = (
    exp.Count,
    exp.CountIf,
    exp.ApproxDistinct,
    exp.AnyValue,
    exp.First,
    exp.Last,
    exp.FirstValue,
    exp.LastValue,
)
_WITHOUT_AMOUNTS = (exp.Count, exp.CountIf, exp.ApproxDistinct)


class Mixed(Exception):
    """An expression that mixes what must not be mixed, with the select and the source in which it does."""

    def __init__(
        self,
        expression: exp.Expr,
        select: exp.Select | None,
        reason: str,
        alias: str | None = None,
        outputs: Outputs | None = None,
    ) -> None:
        super().__init__(reason)
        self.expression, self.select, self.reason, self.alias = expression, select, reason, alias
        self.outputs = outputs or {}


class Check:
    """Check of one rule: traces every expression of a statement to columns of tables."""

    def __init__(self, rule: Rule, model: SemanticModel, columns: Callable[[str], Sequence[str]]) -> None:
        self.rule = rule
        self._model = model
        self._columns = columns
        # A subquery is met in several expressions, which would be met as often for each level of nesting.
        self._known: dict[int, Outputs] = {}

    def statement(self, tree: exp.Expr) -> None:
        """Check a whole statement."""
        self._known = {}
        if isinstance(tree, exp.Query):
            self.query(tree, {})
        elif isinstance(tree, exp.Summarize):
            outputs = self._table(tree.this.name) if isinstance(tree.this, exp.Table) else self.query(tree.this, {})
            if any(one.is_amount for one in outputs.values()):
                raise Mixed(tree, None, "it averages columns with amounts")

    def query(self, tree: exp.Expr, known: Mapping[str, Outputs], outer: Scope | None = None) -> Outputs:
        """Check a query; gives its output columns."""
        if id(tree) not in self._known:
            self._known[id(tree)] = self._query(tree, known, outer)
        return self._known[id(tree)]

    def _query(self, tree: exp.Expr, known: Mapping[str, Outputs], outer: Scope | None) -> Outputs:
        known = dict(known)
        for cte in tree.ctes if isinstance(tree, exp.Query) else ():
            # A recursive part sees its own columns as the first part makes them.
            body = cte.this
            if isinstance(body, exp.SetOperation):
                known[cte.alias.lower()] = renamed(cte.args["alias"], self.query(body.this, known))
            known[cte.alias.lower()] = renamed(cte.args["alias"], self.query(body, known))
        if isinstance(tree, exp.Subquery):
            return self.query(tree.this, known, outer)
        if isinstance(tree, exp.SetOperation):
            return united(self.query(tree.this, known, outer), self.query(tree.expression, known, outer))
        if isinstance(tree, exp.Select):
            return self._select(tree, known, outer)
        return {}

    def _select(self, select: exp.Select, known: Mapping[str, Outputs], outer: Scope | None) -> Outputs:
        scope = Scope()
        around = outer or Scope()
        for node in (one if isinstance(one, exp.Lateral) else one.this for one in froms(select)):
            # A later source may refer to those before it, with or without the word lateral.
            seen = Scope({**around.sources, **scope.sources}, fixed=dict(around.fixed), exempt=set(around.exempt))
            outputs = self._source(node, known, seen)
            if node.args.get("pivots") and has_amounts(outputs):
                raise Mixed(node.args["pivots"][0], None, "its amounts cannot be traced through a pivot")
            scope.sources[node.alias_or_name] = renamed(node.args.get("alias"), outputs)
        # A correlated subquery is computed for one row of each outer source, in the currency of that row.
        rows = set(around.sources) - set(scope.sources)
        # A name without a table is first looked for here, then outside.
        scope.sources |= {alias: around.sources[alias] for alias in around.sources if alias in rows}
        scope.fixed |= {alias: fixed for alias, fixed in around.fixed.items() if alias in rows}
        scope.exempt |= around.exempt & rows
        for condition in conditions(select):
            self._learn(scope, condition)
        for subquery in subqueries(select):
            self.query(subquery, known, scope)
        groups = self._groups(select, scope) | {scope.root(alias) for alias in rows}
        for expression in own_expressions(select):
            for aggregate in nodes(expression, exp.AggFunc):
                self._refuse_aggregate(aggregate, select, scope, groups)
            for sign in (exp.Add, exp.Sub, exp.Coalesce, exp.Greatest, exp.Least):
                for node in nodes(expression, sign):
                    self._refuse_sum(node, scope, known)
        return self._outputs(select, scope, known)

    def _source(self, node: exp.Expr, known: Mapping[str, Outputs], seen: Scope) -> Outputs:
        """Columns of what a select reads from."""
        if isinstance(node, exp.Lateral):
            node = node.this
        if isinstance(node, exp.Subquery):
            return self.query(node.this, known, seen)
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            name = node.name.lower()
            return known[name] if not node.db and name in known else self._table(name)
        if isinstance(node, exp.Unnest):
            is_amount = any(self.amount(one, seen, known) for one in node.expressions)
            return {name: Output(is_amount) for name in (node.alias.lower(), "unnest")}
        return {}

    def _table(self, name: str) -> Outputs:
        return {
            column.lower(): Output(
                self._model.unit_of(name, column) in self.rule.units,
                determines=self.rule.determines(name, column.lower()),
                is_label=column.lower() in self.rule.labels,
                exempt=self.rule.exempt.get(column.lower(), ""),
            )
            for column in self._columns(name)
        }

    def _learn(self, scope: Scope, condition: exp.Expr) -> None:
        """Note what a condition says: a fixed currency, or that two sources have rows of one currency."""
        if isinstance(condition, exp.EQ):
            left, right = condition.unnest_operands()
            self._fix(scope, left, right)
            self._fix(scope, right, left)
            found = [scope.output_of(side) for side in (left, right) if isinstance(side, exp.Column)]
            if len(found) == 2 and found[0] and found[1] and found[0][1].determines and found[1][1].determines:
                scope.join(found[0][0], found[1][0])
        elif isinstance(condition, exp.In) and len(condition.expressions) == 1:
            self._fix(scope, condition.this, condition.expressions[0])
        elif isinstance(condition, exp.Identifier):
            # A join `using (client_id)`.
            sharing = [alias for alias, outputs in scope.sources.items() if condition.name.lower() in outputs]
            if sharing and all(scope.sources[alias][condition.name.lower()].determines for alias in sharing):
                for alias in sharing[1:]:
                    scope.join(sharing[0], alias)

    def _fix(self, scope: Scope, column: exp.Expr, value: exp.Expr) -> None:
        mine = scope.output_of(column) if isinstance(column, exp.Column) else None
        if mine is None or not isinstance(value, exp.Literal):
            return
        if mine[1].is_label:
            scope.fixed[mine[0]] = frozenset({value.name})
        elif mine[1].exempt == value.name:
            scope.exempt.add(mine[0])

    def amount(self, expression: exp.Expr, scope: Scope, known: Mapping[str, Outputs] | None = None) -> Amount | None:
        """Where the amounts in an expression have their currency from; None if it has no amounts."""
        if isinstance(expression, (*_WITHOUT_AMOUNTS, exp.Predicate)):
            return None
        if isinstance(expression, exp.Column):
            return self._amount_of_column(expression, scope)
        if isinstance(expression, exp.Columns | exp.Star):
            sources = {scope.root(alias) for alias, outputs in scope.sources.items() if has_amounts(outputs)}
            return Amount(frozenset(sources)) if sources else None
        if isinstance(expression, exp.Subquery | exp.Query):
            amounts = [one for one in self.query(expression, known or {}, scope).values() if one.is_amount]
            fixed = frozenset[str]().union(*(one.fixed for one in amounts))
            # In the currency of whichever row it is, which no other amount shares.
            return (
                Amount(frozenset() if fixed else frozenset({f"a subquery ({id(expression)})"}), fixed)
                if amounts
                else None
            )
        return self._amount_of_parts(expression, scope, known)

    def _amount_of_parts(
        self, expression: exp.Expr, scope: Scope, known: Mapping[str, Outputs] | None
    ) -> Amount | None:
        if isinstance(expression, exp.Case | exp.If | exp.Filter):
            parts = []
            for said, part in branches(expression):
                inner = replace(scope, fixed=dict(scope.fixed), exempt=set(scope.exempt))
                for condition in said:
                    self._learn(inner, condition)
                parts.append(self.amount(part, inner, known))
        elif isinstance(expression, exp.Window):
            parts = [self.amount(expression.this, scope, known)]
        else:
            parts = [self.amount(part, scope, known) for part in expression.iter_expressions()]
        found = [part for part in parts if part]
        # An amount divided by an amount has no currency.
        is_ratio = isinstance(expression, exp.Div) and len(found) == 2
        return reduce(or_, found) if found and not is_ratio else None

    def _amount_of_column(self, column: exp.Column, scope: Scope) -> Amount | None:
        mine = scope.output_of(column)
        if mine is None:
            # A whole row: `select t from invoices as t`.
            alias = next((one for one in scope.sources if one.lower() == column.name.lower()), None)
            is_amount = alias is not None and has_amounts(scope.sources[alias])
            mine = (alias, Output(is_amount=True)) if alias and is_amount else None
        if mine is None or not mine[1].is_amount or mine[0] in scope.exempt:
            return None
        fixed = mine[1].fixed or self._fixed(scope, mine[0])
        return Amount(fixed=fixed) if fixed else Amount(frozenset({scope.root(mine[0])}))

    def _fixed(self, scope: Scope, alias: str) -> frozenset[str]:
        together = [one for one in scope.sources if scope.root(one) == scope.root(alias)]
        return frozenset().union(*(scope.fixed.get(one, frozenset()) for one in together))

    def _groups(self, select: exp.Select, scope: Scope) -> set[str]:
        """Sources (by root) whose currency the select is grouped by."""
        group = select.args.get("group")
        if group is None:
            return set()
        if group.args.get("all") or any(
            isinstance(one, exp.Column) and one.name.lower() == "all" for one in group.expressions
        ):
            expressions = [one.unalias() for one in select.expressions if not one.find(exp.AggFunc)]
        else:
            expressions = [meant(one, select) for one in group.expressions]
        # Within rollups and cubes the currency may be rolled up: they do not count.
        return {
            scope.root(mine[0])
            for one in expressions
            if isinstance(one, exp.Column) and (mine := scope.output_of(one)) and mine[1].determines
        }

    def _refuse_aggregate(self, aggregate: exp.Expr, select: exp.Select, scope: Scope, groups: set[str]) -> None:
        if isinstance(aggregate, _HARMLESS):
            return
        whole = aggregate
        while isinstance(whole.parent, exp.Filter | exp.WithinGroup | exp.IgnoreNulls | exp.RespectNulls):
            whole = whole.parent
        amount = self.amount(whole if isinstance(whole, exp.Filter) else aggregate, scope)
        if amount is None:
            return
        window = whole.parent if isinstance(whole.parent, exp.Window) else None
        if window is not None:
            parts = [one for one in window.args.get("partition_by") or () if isinstance(one, exp.Column)]
            groups = {scope.root(mine[0]) for one in parts if (mine := scope.output_of(one)) and mine[1].determines}
        if len(amount.fixed) > 1 or (amount.fixed and amount.sources):
            raise Mixed(aggregate, select, "its amounts are in different ones")
        for alias in sorted(amount.sources - groups):
            raise Mixed(aggregate, select, self.rule.reason, alias, scope.sources.get(alias))
        if len(amount.sources) > 1:
            raise Mixed(aggregate, select, "its amounts are of tables that are not joined by a key")

    def _refuse_sum(self, node: exp.Expr, scope: Scope, known: Mapping[str, Outputs]) -> None:
        amount = self.amount(node, scope, known)
        if amount and (len(amount.sources) > 1 or len(amount.fixed) > 1 or (amount.sources and amount.fixed)):
            raise Mixed(node, None, "its amounts are in different ones")

    def _outputs(self, select: exp.Select, scope: Scope, known: Mapping[str, Outputs]) -> Outputs:
        made: Outputs = {}
        for expression in select.expressions:
            if isinstance(expression, exp.Star) or (
                isinstance(expression, exp.Column) and isinstance(expression.this, exp.Star)
            ):
                table = expression.table if isinstance(expression, exp.Column) else ""
                for alias, outputs in scope.sources.items():
                    if not table or alias.lower() == table.lower():
                        fixed = self._fixed(scope, alias)
                        made |= {
                            name: replace(one, fixed=one.fixed or fixed)
                            for name, one in outputs.items()
                            if name not in made
                        }
                continue
            inner = expression.unalias()
            mine = scope.output_of(inner) if isinstance(inner, exp.Column) else None
            amount = self.amount(inner, scope, known)
            made[expression.alias_or_name.lower()] = Output(
                amount is not None,
                amount.fixed if amount else frozenset(),
                mine[1].determines if mine else False,
                mine[1].is_label if mine else False,
                mine[1].exempt if mine else "",
            )
        return made
