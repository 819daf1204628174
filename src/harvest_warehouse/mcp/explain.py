"""Explain a metric: its formula, the rows of Harvest's that it is made of, and Harvest's own figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlglot import exp

from harvest_warehouse.database import Database
from harvest_warehouse.marts.models import described
from harvest_warehouse.mcp.answer import Cell, Column, Trust, cells, exact
from harvest_warehouse.mcp.reader import WarehouseReader, columns
from harvest_warehouse.mcp.standing import Standing
from harvest_warehouse.mcp.trust import Asked as AskedTrust
from harvest_warehouse.mcp.trust import windows_for
from harvest_warehouse.semantics import Metric, SemanticModel
from harvest_warehouse.semantics.exports import statement_of
from harvest_warehouse.semantics.metric_query import Asked, built
from harvest_warehouse.semantics.model import Part

# What tells rows of the tables apart, and what helps to find them in Harvest.
_SHOWN = (
    *("time_entry_id", "expense_id", "invoice_id", "invoice_number", "estimate_id", "estimate_number", "spent_date"),
    *(
        "issue_date",
        "week_start",
        "month_start",
        "age_bucket",
        "person_name",
        "project_name",
        "client_name",
        "task_name",
    ),
    *("hours", "billable_rate", "cost_rate", "budget_unit", "currency"),
)
# Which projects each measure of a proof is of, where there are two.
_TYPES = ("time_and_materials", "fixed_fee")
_SUBJECT_TABLES = {"team": ("dim_person", "user_id"), "tasks": ("dim_task", "task_id")}


@dataclass(frozen=True)
class HarvestsFigure:
    """Figure of Harvest's report beside ours, by currency, over the compared windows."""

    report: str
    measure: str
    from_date: str
    to_date: str
    currency: str
    theirs: str
    ours: str
    differing_figures: int


@dataclass(frozen=True)
class Figure:
    """The figure itself, in rows by what it is always split by."""

    columns: list[Column]
    rows: list[list[Cell]]
    sql: str


@dataclass(frozen=True)
class RowsOf:
    """Rows that a figure is made of, the largest first, and what the others come to."""

    table: str
    columns: list[Column]
    rows: list[list[Cell]]
    row_count: int
    shown: int
    rest: str
    total: str


@dataclass(frozen=True)
class Explanation:
    """How a figure comes about."""

    trust: Trust
    notes: list[str]
    formula: str
    figure: Figure
    made_of: list[RowsOf]
    harvest: list[HarvestsFigure]


def explained(
    reader: WarehouseReader,
    database: Database,
    model: SemanticModel,
    asked: Asked,
    known: Standing,
    trust: Trust,
    figure: Figure,
    limit: int,
) -> Explanation:
    """Explain one metric as it was asked for.

    Raises:
        SettingWrong: a dimension is unknown, as in `metric_query.built`.
    """
    metric = model.metrics[asked.metrics[0]]
    where = f" where {metric.condition}" if metric.condition else ""
    notes = [f"Not for: {metric.not_for}."]
    if metric.by:
        above = f"{metric.column} less {metric.less}" if metric.less else metric.column
        notes.append(f"It is a ratio: the rows are those of {above}, before it is divided by {metric.by}.")
    return Explanation(
        trust,
        notes,
        f"{statement_of(metric)} of {metric.table}{where}",
        figure,
        [_rows_of(reader, database, model, replace(asked, group_by=()), part, known, limit) for part in metric.parts],
        _harvests(reader, database, metric, asked, known),
    )


def _rows_of(
    reader: WarehouseReader,
    database: Database,
    model: SemanticModel,
    asked: Asked,
    part: Part,
    known: Standing,
    limit: int,
) -> RowsOf:
    """The largest rows of a part; its dimensions are those of the metric, found in the part's own table."""
    statement, values = _statement(model, asked, part)
    shown = reader.own(database, statement.copy().limit(limit), values, known.account_id, limit)
    [(count, total)] = reader.own(database, _summed(statement), values, known.account_id, 1).rows
    value = shown.columns.index("value")
    seen = sum((Decimal(str(row[value] or 0)) for row in shown.rows), Decimal(0))
    rows, _ = cells(shown.rows)
    rest = Decimal(str(total or 0)) - seen
    return RowsOf(
        part.table, columns(shown.columns, part.table), rows, int(count), len(rows), exact(rest), _text(total)
    )


def _statement(model: SemanticModel, asked: Asked, part: Part) -> tuple[exp.Select, Mapping[str, object]]:
    metric = model.metrics[asked.metrics[0]]
    # Built as a metric of the part's table, so that joins, conditions and periods are the same as everywhere.
    as_metric = replace(
        metric, table=part.table, column=part.column, by=None, condition=part.condition, is_by_currency=False,
        dimensions=tuple(dict.fromkeys((*metric.dimensions, *_SHOWN))), unit="count",
    )  # fmt: skip
    names = [name for name in _SHOWN if name in _reached(model, part.table) - _left_out(model, metric, part.table)]
    narrow = replace(model, metrics={metric.name: as_metric})
    query = built(narrow, replace(asked, group_by=names, order_by=""))
    tree = query.statement.assert_is(exp.Select).copy()
    tree.set("group", None)
    tree.set("order", None)
    value = exp.column(part.column, "one")
    listed = [one for one in tree.expressions if one.alias != metric.name]
    tree.set("expressions", [*listed, exp.alias_(value, "value")])
    tree = tree.where(value.copy().neq(0))
    return tree.order_by(
        exp.Ordered(this=exp.Abs(this=value.copy()), desc=True), *(exp.column(name) for name in names[:2])
    ), query.values


def _reached(model: SemanticModel, table: str) -> set[str]:
    found = set(described()[table].columns)
    for one in model.relationships:
        if one.table == table and one.to != "fct_invoice":
            found |= set(described()[one.to].columns)
    return found


def _left_out(model: SemanticModel, metric: Metric, table: str) -> set[str]:
    """Columns that would only repeat others, or say more than was asked: what people cost, in answers about hours."""
    reached = _reached(model, table)
    left_out = {"week_start", "month_start", "invoice_id"} if "spent_date" in reached else set()
    left_out |= {"cost_rate"} if metric.unit != "home_money" else {"billable_rate"}
    return left_out | ({"budget_unit"} if metric.unit != "by_unit" else set())


def _summed(statement: exp.Select) -> exp.Select:
    inner = statement.copy()
    inner.set("order", None)
    return exp.select("count(*) as row_count", "sum(value) as total").from_(inner.subquery("rows"))


def _harvests(
    reader: WarehouseReader, database: Database, metric: Metric, asked: Asked, known: Standing
) -> list[HarvestsFigure]:
    """Harvest's figures of the compared windows in the period, narrowed to the same projects, people or tasks."""
    dimensions = [*asked.where, *asked.group_by]
    report, windows = windows_for(metric, known, AskedTrust(dimensions, asked.since, asked.until))
    if metric.proof is None or report is None or not windows:
        return []
    kind = report.rpartition("/")[2]
    table, key = _SUBJECT_TABLES.get(kind, ("dim_project", "project_id"))
    values: dict[str, object] = {"account_id": known.account_id, "report": report}
    values |= {"first": windows[0].first, "last": windows[-1].last}
    conditions = []
    for number, (name, value) in enumerate(asked.where.items()):
        if name not in described()[table].columns:
            return []
        values[f"value_{number}"] = value
        conditions.append(exp.column(name).eq(exp.Placeholder(this=f"value_{number}")))
    if asked.currency:
        values["currency"] = asked.currency
    found: dict[str, tuple[Decimal, Decimal, int]] = {}
    for measure, of_type in zip(metric.proof.measures, _TYPES, strict=False):
        # A fixed fee is of no window: the report states what is left of it in each.
        is_of_type = exp.column("project_type").eq(exp.Literal.string(of_type))
        narrowing = [*conditions, is_of_type] if metric.table == "mart_unbilled" else conditions
        query = reader.shown(_query(table, key, narrowing, bool(asked.currency)))
        for currency, *figures in database.rows(query, {**values, "measure": measure}):
            theirs, ours, differing = found.get(currency, (Decimal(0), Decimal(0), 0))
            found[currency] = (theirs + _number(figures[0]), ours + _number(figures[1]), differing + int(figures[2]))
    first, last = str(windows[0].first), str(windows[-1].last)
    measures = " and ".join(metric.proof.measures)
    return [
        HarvestsFigure(report, measures, first, last, currency, exact(theirs), exact(ours), differing)
        for currency, (theirs, ours, differing) in sorted(found.items())
    ]


def _query(table: str, key: str, conditions: Sequence[exp.Expr], is_in_one_currency: bool) -> exp.Select:
    query = (
        exp.select("currency", "sum(theirs) as theirs", "sum(ours) as ours")
        .select("sum(case when verdict in ('exact', 'tie') then 0 else 1 end) as differing")
        .from_("harvest_reconciliation")
        .where("account_id = :account_id", "report = :report", "measure = :measure")
        .where("from_date >= :first", "to_date <= :last")
        .group_by("currency")
        .order_by("currency")
    )
    if is_in_one_currency:
        query = query.where("currency = :currency")
    if conditions:
        subjects = exp.select(key).from_(exp.table_(table, db="marts")).where("account_id = :account_id", *conditions)
        query = query.where(exp.column("subject_id").isin(query=subjects))
    return query


def _number(value: object) -> Decimal:
    return Decimal(str(value or 0))


def _text(value: object) -> str:
    return exact(_number(value))
