"""The eight tools: what an agent can ask of a warehouse. Each opens the database only while it reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import sqlglot
from sqlglot import exp

from harvest_time_tracking import SettingWrong
from harvest_warehouse.database import Database
from harvest_warehouse.marts.models import described
from harvest_warehouse.mcp.answer import Answer, Cell, Column, Trust, cells
from harvest_warehouse.mcp.explain import Explanation, Figure, explained
from harvest_warehouse.mcp.find import Found, found
from harvest_warehouse.mcp.hidden_names import hidden_subject, without_names_in
from harvest_warehouse.mcp.reader import WarehouseReader, account_of, answer, columns
from harvest_warehouse.mcp.standing import Standing, standing
from harvest_warehouse.mcp.trust import Asked as AskedTrust
from harvest_warehouse.mcp.trust import trust_in_all, trust_of, unverified, words_of_findings
from harvest_warehouse.query.statement_guard import question as parsed_question
from harvest_warehouse.query.statement_guard import refuse_functions
from harvest_warehouse.semantics import Metric, Question, semantic_model
from harvest_warehouse.semantics.currencies import refuse_mixed
from harvest_warehouse.semantics.metric_query import Asked, built, day, parsed

# Reading a longer one would take longer than the statement may.
_LONGEST_STATEMENT = 20_000
_NO_ADDING = "Ask again for a sum; never add rows up yourself, and never add currencies."


@dataclass(frozen=True)
class Overview:
    """What there is to ask."""

    notes: list[str]
    accounts: list[list[Cell]]
    account_columns: list[Column]
    trust: Trust | None
    currencies: list[str]
    metrics: list[str]
    questions: list[str]


@dataclass(frozen=True)
class Finds:
    """Matches of words."""

    notes: list[str]
    found: list[Found]


@dataclass(frozen=True)
class Described:
    """Description of a table."""

    grain: str
    words: str
    key: list[str]
    columns: list[list[str | None]]
    example: str


@dataclass(frozen=True)
class TrustReport:
    """What is proven, metric by metric, and what differs."""

    trust: Trust
    metrics: dict[str, str]
    differing: list[list[Cell]]
    differing_columns: list[Column]
    never_compared: list[str]
    gaps: dict[str, str]
    findings: list[list[Cell]]


@dataclass(frozen=True)
class Tools:
    """Tools on one warehouse. Every method raises HarvestError, with a message for the agent."""

    reader: WarehouseReader

    def overview(self, account: str = "") -> Overview:
        """List what there is to ask: accounts, currencies, metrics and questions by name, and how fresh the figures are."""
        model = semantic_model()
        names = list(model.metrics), list(model.questions)
        try:
            with self.reader.opened() as database:
                accounts = database.rows(
                    "select account_id, account_name, as_of_date, home_currency from marts.dim_account order by 1"
                )
                is_one = bool(account) or len(accounts) == 1
                known = standing(database, account_of(database, account)) if is_one else None
        except SettingWrong as error:
            # The server answers before anything is loaded, too.
            return Overview([str(error)], [], [], None, [], *names)
        trust = trust_of(model.metrics["hours"], known, AskedTrust()) if known else None
        heads = ("account_id", "account_name", "as_of_date", "home_currency")
        notes = [_NO_ADDING, *([] if known else ["Name an account in every call."])]
        return Overview(
            notes, cells(accounts)[0], columns(heads), trust, list(known.currencies) if known else [], *names
        )

    def find(self, text: str) -> Finds:
        """Find metrics, questions, tables and columns by words or synonyms."""
        matches = found(semantic_model(), text)
        notes = [] if matches else ["Nothing matches: try other words, or `overview` for all names."]
        return Finds(notes, matches)

    def metric(
        self,
        names: Sequence[str],
        group_by: Sequence[str] = (),
        since: str = "",
        until: str = "",
        where: Mapping[str, str | int | bool] | None = None,
        currency: str = "",
        order_by: str = "",
        limit: int = 50,
        account: str = "",
    ) -> Answer:
        """Compute metrics by dimensions over a period. Amounts are always split by currency."""
        model = semantic_model()
        asked = Asked(
            names, group_by, where or {}, day(since, "since"), day(until, "until"), currency or None, order_by
        )
        query = built(model, asked)
        with self.reader.opened() as database:
            known = standing(database, account_of(database, account))
            report = self.reader.own(
                database, query.statement, query.values, known.account_id, self.reader.limit(limit)
            )
            sql = database.translated(self.reader.shown(query.statement.copy()), query.values)
        trust = trust_in_all(query.metrics, known, _asked_of(asked))
        return answer(report, trust, _notes(query.metrics, query.split_by, known, asked), sql, query.metrics[0].table)

    def question(
        self, name: str, params: Mapping[str, str | int | float | None] | None = None, account: str = ""
    ) -> Answer:
        """Answer one of the questions by its verified SQL."""
        model = semantic_model()
        if name not in model.questions:
            raise SettingWrong(f"There is no question {name!r}. There are {', '.join(model.questions)}.")
        asked = model.questions[name]
        values = _values(asked, params or {})
        with self.reader.opened() as database:
            known = standing(database, account_of(database, account))
            tree = parsed(asked.sql)
            report = self.reader.own(database, tree, values, known.account_id, self.reader.most_rows)
            sql = database.translated(self.reader.shown(tree.copy()), values)
        metrics = _metrics_of(asked)
        split = [name for name in report.columns if any(name in metric.dimensions for metric in metrics)]
        since, until = (day(str(values.get(name) or ""), name) for name in ("since", "until"))
        trust = trust_in_all(metrics, known, AskedTrust(split, since, until)) if metrics else unverified(known)
        if not metrics:
            trust = replace(trust, words="No report of Harvest's states this, so nothing can prove it.")
        return answer(report, trust, [_NO_ADDING], sql)

    def sql(self, statement: str, limit: int = 200, account: str = "") -> Answer:
        """Run one select statement in the database's own SQL. What would mix currencies is refused with one that would do."""
        if len(statement) > _LONGEST_STATEMENT:
            raise SettingWrong(f"A statement has at most {_LONGEST_STATEMENT:,} characters here.")
        dialect = self.reader.warehouse.kind.speaks
        tree = parsed_question(statement, dialect)
        refuse_functions(tree)
        with self.reader.opened() as database:
            known = standing(database, account_of(database, account)) if account else _any_standing(database)
            if len(known.currencies) > 1:
                refuse_mixed(tree, semantic_model(), _columns_in(database), dialect)
            if self.reader.hides_names:
                statement = without_names_in(tree, database.tables()).sql(dialect)
        report = self.reader.written(statement, self.reader.limit(limit))
        notes = [_NO_ADDING] if len(known.currencies) > 1 else ["Every amount is in one currency here."]
        return answer(report, unverified(known), notes, statement)

    def explain(
        self,
        metric: str,
        where: Mapping[str, str | int | bool] | None = None,
        since: str = "",
        until: str = "",
        currency: str = "",
        limit: int = 20,
        account: str = "",
    ) -> Explanation:
        """Explain a figure: formula, Harvest's rows with their ids (largest first, the rest in one sum), Harvest's own figure."""
        model = semantic_model()
        asked = Asked([metric], (), where or {}, day(since, "since"), day(until, "until"), currency or None)
        query = built(model, asked)
        with self.reader.opened() as database:
            known = standing(database, account_of(database, account))
            report = self.reader.own(database, query.statement, query.values, known.account_id, self.reader.most_rows)
            sql = database.translated(self.reader.shown(query.statement.copy()), query.values)
            trust = trust_in_all(query.metrics, known, _asked_of(asked))
            figure = Figure(columns(report.columns, query.metrics[0].table), cells(report.rows)[0], sql)
            return explained(self.reader, database, model, asked, known, trust, figure, self.reader.limit(limit))

    def describe(self, table: str) -> Described:
        """Describe a table of the marts: grain, key, columns with their units, an example."""
        known = described().get(table)
        if known is None:
            raise SettingWrong(f"There is no table {table!r} in the marts. There are {', '.join(described())}.")
        model = semantic_model()
        listed: list[list[str | None]] = [
            [column, model.unit_of(table, column), words] for column, words in known.columns.items()
        ]
        example = sqlglot.select("*").from_(table).limit(10).sql()
        return Described(known.grain, known.description, list(known.key), listed, example)

    def trust(self, metric: str = "", since: str = "", until: str = "", account: str = "") -> TrustReport:
        """Tell what Harvest's reports prove, what differs, what was never compared or read, and what checks found."""
        model = semantic_model()
        if metric and metric not in model.metrics:
            raise SettingWrong(f"There is no metric {metric!r}. There are {', '.join(model.metrics)}.")
        asked = AskedTrust((), day(since, "since"), day(until, "until"))
        chosen = [model.metrics[metric]] if metric else list(model.metrics.values())
        with self.reader.opened() as database:
            known = standing(database, account_of(database, account))
            is_compared = "harvest_reconciliation" in database.names()
            rows = database.rows(_DIFFERING, {"account_id": known.account_id}) if is_compared else []
        if self.reader.hides_names:
            rows = [(*row[:3], hidden_subject(row[0], row[3], row[-1]), *row[4:]) for row in rows]
        whole = trust_in_all(chosen if metric else [one for one in chosen if one.proof], known, asked)
        reports = {report for one in model.metrics.values() if one.proof for report in one.proof.reports}
        words = words_of_findings()
        return TrustReport(
            whole,
            {one.name: trust_of(one, known, asked).status for one in chosen},
            cells(row[:-1] for row in rows)[0],
            columns(
                ("report", "from_date", "to_date", "subject_name", "currency", "measure", "ours", "theirs", "verdict")
            ),
            sorted(reports - {one.report for one in known.windows if one.is_finished}),
            dict(known.gaps),
            [[name, count, words.get(name, "")] for name, count in known.findings.items()],
        )


def _asked_of(asked: Asked) -> AskedTrust:
    return AskedTrust([*asked.group_by, *asked.where], asked.since, asked.until)


def _notes(metrics: Sequence[Metric], split_by: Sequence[str], known: Standing, asked: Asked) -> list[str]:
    notes = [f"{metric.name} is not for: {metric.not_for}." for metric in metrics]
    if "currency" in split_by and len(known.currencies) > 1:
        notes.append(f"There are {len(known.currencies)} currencies ({', '.join(known.currencies)}): never add them.")
    whole = {(metric.time or "").removesuffix("_start") for metric in metrics} & {"week", "month"}
    if whole and (asked.since or asked.until):
        notes.append(f"A period has whole {' and '.join(sorted(whole))}s: those that begin in it.")
    if any(metric.by for metric in metrics):
        notes.append("Ratios do not add up: ask for them by other dimensions instead.")
    return notes


def _values(asked: Question, params: Mapping[str, str | int | float | None]) -> dict[str, object]:
    if unknown := sorted(set(params) - set(asked.params)):
        has = ", ".join(asked.params) or "none"
        raise SettingWrong(f"{asked.name} has no parameter {unknown[0]!r}. It has {has}.")
    values = {**asked.params, **params}
    for name in ("since", "until"):
        if isinstance(values.get(name), str):
            day(str(values[name]), name)
    for name, value in asked.params.items():
        if value is not None and not isinstance(value, str) and isinstance(values[name], str):
            raise SettingWrong(f"{name} is a number, got {values[name]!r}.")
    return values


def _metrics_of(asked: Question) -> list[Metric]:
    """Metrics whose columns a question sums up: those whose condition it has, if it has one of theirs."""
    tree = parsed(asked.sql)
    tables = {table.name for table in tree.find_all(exp.Table)}
    summed = {column.name for total in tree.find_all(exp.Sum) for column in total.find_all(exp.Column)}
    metrics = [
        one
        for one in semantic_model().metrics.values()
        if one.table in tables and one.by is None and one.column in summed
    ]
    said = {part for where in tree.find_all(exp.Where) for part in _conjuncts(where.this)}
    narrowed = [
        one for one in metrics if one.condition and _conjuncts(sqlglot.parse_one(one.condition, read="duckdb")) <= said
    ]
    return narrowed or metrics


def _conjuncts(condition: exp.Expr) -> set[str]:
    """Conditions that all have to hold, as SQL."""
    return {part.sql() for part in (condition.flatten() if isinstance(condition, exp.And) else [condition])}


def _any_standing(database: Database) -> Standing:
    """Standing of the first account, with the currencies of all: a statement may read every account's rows."""
    accounts = [str(row[0]) for row in database.rows("select account_id from marts.dim_account order by 1")]
    all_of = [standing(database, account) for account in accounts]
    currencies = sorted({name for one in all_of for name in one.currencies})
    return replace(all_of[0], currencies=tuple(currencies))


def _columns_in(database: Database) -> Callable[[str], Sequence[str]]:
    known: dict[str, tuple[str, ...]] = {}

    names = {name.lower() for name in database.names()}

    def of(table: str) -> tuple[str, ...]:
        if table not in known:
            is_mart = table in described()
            known[table] = (
                tuple(described()[table].columns) if is_mart else database.columns(table) if table in names else ()
            )
        return known[table]

    return of


_DIFFERING = """
    select report, from_date, to_date, subject, currency, measure, ours, theirs, verdict, subject_id
    from harvest_reconciliation
    where account_id = :account_id and verdict not in ('exact', 'tie')
    order by abs(ours - theirs) desc, report, from_date, subject_id
    limit 50
"""
