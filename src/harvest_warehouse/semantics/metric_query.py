"""Build the SQL of metrics, and narrow statements to one account. Pure: statements are DuckDB's SQL, with values bound later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import sqlglot
from sqlglot import exp

from harvest_time_tracking import SettingWrong
from harvest_warehouse.marts.models import described
from harvest_warehouse.semantics.model import Metric, SemanticModel

# Names are not unique: each comes with its id, and rows of two clients of one name stay apart.
_IDS = {"client_name": "client_id", "project_name": "project_id", "person_name": "user_id", "task_name": "task_id"}

ACCOUNT = "of_account"
"""Name of the parameter with the account's id, after `narrowed`."""


@dataclass(frozen=True)
class Asked:
    """What is asked of metrics of one table.

    Attributes:
        metrics: the metrics, all of one table, or each of its own with the same dimensions.
        group_by: dimensions to group by, beside those that a metric is always split by.
        where: values that dimensions must have.
        since: first day of the period; None for the beginning.
        until: last day of the period, inclusive; None for the end.
        currency: the only currency to include; None for all, each in rows of its own.
        order_by: dimension or metric to order by, `-name` for the largest first; empty for the dimensions.
    """

    metrics: Sequence[str]
    group_by: Sequence[str] = ()
    where: Mapping[str, object] = field(default_factory=dict)
    since: date | None = None
    until: date | None = None
    currency: str | None = None
    order_by: str = ""


@dataclass(frozen=True)
class Built:
    """Statement of a metric query, and the value of each of its parameters."""

    statement: exp.Query
    values: Mapping[str, object]
    metrics: tuple[Metric, ...]
    split_by: tuple[str, ...]


def built(model: SemanticModel, asked: Asked) -> Built:
    """Build the statement for metrics of one table.

    Raises:
        SettingWrong: a metric or dimension is unknown, or does not fit the others; the message lists what does.
    """
    metrics = tuple(_metric(model, name) for name in dict.fromkeys(asked.metrics))
    if not metrics:
        raise SettingWrong("Name at least one metric: `overview` and `find` list them.")
    [table, *others] = dict.fromkeys(metric.table for metric in metrics)
    if others:
        raise SettingWrong(
            f"{metrics[0].name} is of {table} and {_of(metrics, others[0]).name} of {others[0]}: ask for each on its own."
        )
    conditions = {metric.condition for metric in metrics}
    columns = _Columns(model, metrics)
    split_by = tuple(dict.fromkeys(name for metric in metrics for name in metric.split_by))
    with_ids = [key for name in asked.group_by for key in (name, _IDS.get(name, name))]
    keys = tuple(dict.fromkeys((*with_ids, *split_by)))
    query = exp.select(*(exp.alias_(columns.of(name), name) for name in keys))
    for metric in metrics:
        query = query.select(exp.alias_(_value(metric, columns, is_alone=len(conditions) == 1), metric.name))
    query = query.from_(_table(table, "one"))
    where, values = _conditions(columns, asked)
    if len(conditions) == 1 and metrics[0].condition:
        where.append(columns.condition(metrics[0].condition))
    query = columns.joined(query)
    for condition in where:
        query = query.where(condition)
    query = query.group_by(*(columns.of(name) for name in keys)) if keys else query
    return Built(_ordered(query, keys, metrics, asked.order_by), values, metrics, split_by)


def narrowed(statement: exp.Query) -> exp.Query:
    """Narrow every table of the marts in a statement to the rows of the account `:of_account`."""
    tree = statement.copy()
    for table in list(tree.find_all(exp.Table)):
        if table.db == "marts":
            rows = exp.select("*").from_(exp.table_(table.name, db="marts")).where(_is_of_account())
            table.replace(rows.subquery(table.alias_or_name, copy=False))
    return tree


def parsed(sql: str) -> exp.Query:
    """Parse a statement of the semantic model."""
    tree = sqlglot.parse_one(sql, read="duckdb")
    if not isinstance(tree, exp.Query):
        raise TypeError(f"Not a select statement: {sql}")
    return tree


def day(text: str, name: str) -> date | None:
    """Parse a day, such as 2026-11-30; None for an empty text. Raises SettingWrong if it is none."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingWrong(f"{name} is a day such as 2026-11-30, got {text!r}.") from None


class _Columns:
    """Columns of a metric query: those of the metrics' table (`one`), and of related tables, which are joined when used."""

    def __init__(self, model: SemanticModel, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics
        self._table = metrics[0].table
        self._split_by = {name for metric in metrics for name in metric.split_by}
        self._related = [one for one in model.relationships if one.table == self._table]
        self._joins: dict[str, tuple[Mapping[str, str], set[str]]] = {}

    def of(self, name: str) -> exp.Column:
        """Column of a dimension. Raises SettingWrong if a metric has no such dimension."""
        for metric in self._metrics:
            ids = [_IDS[one] for one in metric.dimensions if one in _IDS]
            if name not in (*metric.dimensions, *self._split_by, *ids):
                raise SettingWrong(f"{metric.name} has no dimension {name!r}. It has {', '.join(metric.dimensions)}.")
        return self.column(name)

    def column(self, name: str) -> exp.Column:
        """Column of the metrics' table, or of a related one. Raises SettingWrong if there is none, or more than one."""
        if name in described()[self._table].columns:
            return exp.column(name, "one")
        found = [one for one in self._related if name in described()[one.to].columns]
        if not found or (len(found) > 1 and name not in _IDS):
            raise SettingWrong(f"The rows of {self._table} cannot be told apart by {name}: leave it out.")
        self._joins.setdefault(found[0].to, (found[0].on, set()))[1].add(name)
        return exp.column(name, found[0].to)

    def condition(self, text: str) -> exp.Expr:
        """Condition on columns of the metrics' table, with its name before them."""
        tree = sqlglot.parse_one(text, read="duckdb")
        for column in tree.find_all(exp.Column):
            column.set("table", exp.to_identifier("one"))
        return tree

    def joined(self, query: exp.Select) -> exp.Select:
        """Join the related tables that were used, with no column that another table has, too: databases group by names."""
        for table, (on, names) in self._joins.items():
            keys = {"account_id": "account_id", **on}
            columns = [exp.alias_(exp.column(there), f"{table}_{there}") for there in keys.values()]
            rows = exp.select(*columns, *map(exp.column, sorted(names))).from_(exp.table_(table, db="marts"))
            equal = [exp.column(here, "one").eq(exp.column(f"{table}_{there}", table)) for here, there in keys.items()]
            query = query.join(rows.subquery(table), on=exp.and_(*equal), join_type="inner")
        return query


def _table(name: str, alias: str) -> exp.Expr:
    return exp.alias_(exp.table_(name, db="marts"), alias, table=True)


def _metric(model: SemanticModel, name: str) -> Metric:
    if name not in model.metrics:
        raise SettingWrong(f"There is no metric {name!r}. There are {', '.join(model.metrics)}.")
    return model.metrics[name]


def _of(metrics: Sequence[Metric], table: str) -> Metric:
    return next(metric for metric in metrics if metric.table == table)


def _value(metric: Metric, columns: _Columns, *, is_alone: bool) -> exp.Expr:
    def total(name: str) -> exp.Expr:
        column: exp.Expr = exp.column(name, "one")
        if metric.condition and not is_alone:
            column = exp.Case().when(columns.condition(metric.condition), column)
        return exp.Sum(this=column)

    if metric.by is None:
        return total(metric.column)
    above: exp.Expr = total(metric.column)
    if metric.less:
        above = exp.Paren(this=exp.Sub(this=above, expression=total(metric.less)))
    return exp.Div(this=above, expression=exp.Nullif(this=total(metric.by), expression=exp.Literal.number(0)))


def _conditions(columns: _Columns, asked: Asked) -> tuple[list[exp.Expr], dict[str, object]]:
    where: list[exp.Expr] = []
    values: dict[str, object] = {}
    for number, (name, value) in enumerate(asked.where.items()):
        values[f"value_{number}"] = value
        where.append(columns.of(name).eq(exp.Placeholder(this=f"value_{number}")))
    if asked.currency is not None:
        values["currency"] = asked.currency
        where.append(_currency(columns).eq(exp.Placeholder(this="currency")))
    times = {metric.time for metric in columns._metrics}
    if (asked.since or asked.until) and None in times:
        raise SettingWrong(
            "This metric is of now, the day of the last load: it has no period. Leave out since and until."
        )
    for name, limit in (("since", asked.since), ("until", asked.until)):
        if limit is not None:
            values[name] = limit
            compare = exp.GTE if name == "since" else exp.LTE
            where.append(compare(this=columns.column(str(next(iter(times)))), expression=exp.Placeholder(this=name)))
    return where, values


def _currency(columns: _Columns) -> exp.Column:
    if "currency" not in described()[columns._table].columns:
        raise SettingWrong("This metric has no currency: leave it out.")
    return exp.column("currency", "one")


def _ordered(query: exp.Select, keys: Sequence[str], metrics: Sequence[Metric], order_by: str) -> exp.Select:
    names = [*keys, *(metric.name for metric in metrics)]
    name = order_by.removeprefix("-")
    if order_by and name not in names:
        raise SettingWrong(f"The answer can be ordered by {', '.join(names)}, not by {name!r}.")
    first = [exp.Ordered(this=exp.column(name), desc=order_by.startswith("-"))] if order_by else []
    rest = [exp.Ordered(this=exp.column(key), desc=False) for key in keys if key != name]
    return query.order_by(*first, *rest) if first or rest else query


def _is_of_account() -> exp.Expr:
    return exp.column("account_id").eq(exp.Placeholder(this=ACCOUNT))
