"""The semantic model: every metric and every question is worth what an independent computation makes of the account."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml
from sqlglot import exp
from typer.testing import CliRunner

from destinations import postgres_server
from harvest_time_tracking import SettingWrong
from harvest_warehouse.alerts import alerts
from harvest_warehouse.alerts.settings import AlertSettings
from harvest_warehouse.cli import app
from harvest_warehouse.dashboard import queries
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.queries import trust as queries_trust
from harvest_warehouse.dashboard.reader import Reader
from harvest_warehouse.database import open_database
from harvest_warehouse.marts.models import described
from harvest_warehouse.semantics import semantic_model
from harvest_warehouse.semantics.exports import exported
from harvest_warehouse.semantics.metric_query import ACCOUNT, Asked, built, narrowed, parsed
from harvest_warehouse.warehouse import Target
from mart_truth import Books
from support.shop import Shop
from warehouse.semantics.question_truth import EXPECTED
from warehouse.semantics.semantic_truth import metric_truth

MODEL = semantic_model()
DASHBOARD = {
    "utilisation_by_week": queries.utilisation_by_week,
    "utilisation_by_person": queries.utilisation_by_person,
    "missing_timesheets": queries.missing_timesheets,
    "unbilled": queries.unbilled,
    "receivables_by_age": queries.receivables_by_age,
    "overdue_invoices": queries.overdue_invoices,
    "receivables_by_month": queries.receivables_by_month,
    "budgets": queries.budgets,
    "findings": queries_trust.findings,
    "profitability_by_month": lambda read, chosen: queries.profitability(read, chosen, "month_start"),
    "profitability_by_client": lambda read, chosen: queries.profitability(read, chosen, "client"),
    "profitability_by_project": lambda read, chosen: queries.profitability(read, chosen, "project"),
}
Row = dict[str, Any]
Rows = Callable[[exp.Query, Mapping[str, object]], list[Row]]


@pytest.fixture(
    scope="module",
    # The first test waits for the company.
    params=[
        "small",
        *(
            pytest.param(name, marks=[pytest.mark.nightly, pytest.mark.timeout(1200)])
            for name in ("medium", "postgres")
        ),
    ],
)
def asked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, Books]]:
    """A company with its marts, in a file or on a server, and its books."""
    with ExitStack() as stack:
        if request.param == "small":
            shop: Shop = request.getfixturevalue("proven_shop")
        elif request.param == "medium":
            shop = Shop(tmp_path_factory.mktemp(request.param), size=request.param)
            shop.load()
            shop.build()
        else:
            shop = stack.enter_context(on_postgres(tmp_path_factory.mktemp(request.param)))
        yield shop, Books(shop.simulator.truth(), shop.as_of)


@contextmanager
def on_postgres(folder: Path) -> Iterator[Shop]:
    """A small company on a PostgreSQL server of its own."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        try:
            url = stack.enter_context(postgres_server.serving())
        except postgres_server.NoServer as error:
            pytest.skip(str(error))
        patch.setenv("DESTINATION__POSTGRES__CREDENTIALS", url)
        shop = Shop(folder, size="small")
        shop.warehouse = Target(folder, pipelines_dir=folder / "pipelines", destination="postgres")
        shop.load()
        shop.build()
        yield shop


@pytest.fixture(scope="module")
def rows(asked: tuple[Shop, Books]) -> Rows:
    """Runs statements of the model on the company's marts; those of all metrics and questions through one connection."""
    shop, known = asked[0], {}
    statements = [built(MODEL, Asked([name])) for name in MODEL.metrics]
    every = [(one.statement, one.values) for one in statements]
    every += [(parsed(one.sql), one.params) for one in MODEL.questions.values()]
    with open_database(shop.warehouse, "reading") as database:
        for statement, values in every:
            known[statement.sql(), repr(values)] = database.records(narrowed(statement), values_of(shop, values))
    return lambda statement, values: known.get((statement.sql(), repr(values))) or answered(shop, statement, values)


def values_of(shop: Shop, values: Mapping[str, object]) -> dict[str, object]:
    return {**values, ACCOUNT: shop.simulator.account_id}


def answered(shop: Shop, statement: exp.Query, values: Mapping[str, object]) -> list[Row]:
    with open_database(shop.warehouse, "reading") as database:
        return database.records(narrowed(statement), values_of(shop, values))


def close(have: object, want: object) -> bool:
    """Exactly equal; where something was divided, to nine digits."""
    if have is None or want is None or not isinstance(want, Fraction):
        return have == want
    return abs(Fraction(str(have)) - want) <= max(Fraction(1, 10**7), abs(want) / 10**9)


@pytest.mark.parametrize("name", MODEL.metrics)
def test_a_metric_is_what_the_books_make_it(name: str, asked: tuple[Shop, Books], rows: Rows) -> None:
    _, books = asked
    metric = MODEL.metrics[name]
    query = built(MODEL, Asked([name]))
    have = {tuple(row[key] for key in metric.split_by): row[name] for row in rows(query.statement, query.values)}
    want = metric_truth(books, name)
    assert any(want.values()), "a figure of nothing would say little"
    assert have.keys() == want.keys()
    assert [key for key, value in want.items() if not close(have[key], value)] == []


@pytest.mark.by_day(4)
@pytest.mark.parametrize("name", sorted(MODEL.metrics))
def test_a_metric_by_each_of_its_dimensions_adds_up_to_the_whole(
    name: str, asked: tuple[Shop, Books], rows: Rows
) -> None:
    metric = MODEL.metrics[name]
    if metric.by:
        metric_parts = [metric.column, metric.by]
        assert set(metric_parts) <= set(described()[metric.table].columns)
        return
    keys = metric.split_by
    query = built(MODEL, Asked([name]))
    whole = {tuple(row[key] for key in keys): row[name] for row in rows(query.statement, query.values)}
    for dimension in metric.dimensions:
        part = built(MODEL, Asked([name], [dimension]))
        sums: dict[tuple[Any, ...], Fraction] = {}
        for row in rows(part.statement, part.values):
            key = tuple(row[one] for one in keys)
            sums[key] = sums.get(key, Fraction()) + Fraction(row[name] or 0)
        assert sums == {key: Fraction(value or 0) for key, value in whole.items()}, dimension


@pytest.mark.parametrize("name", [name for name, one in MODEL.questions.items() if one.same_as])
def test_a_question_that_the_dashboard_answers_has_its_rows(name: str, asked: tuple[Shop, Books], rows: Rows) -> None:
    shop, books = asked
    question = MODEL.questions[name]
    read = Reader(shop.warehouse)
    currencies = sorted({str(client["currency"]) for client in books.clients.values()})
    assert len(currencies) > 1
    for currency in currencies[:2]:
        chosen = Filters(shop.simulator.account_id, currency)
        want = DASHBOARD[question.same_as](read, chosen)
        values = {**question.params, **({"currency": currency} if "currency" in question.params else {})}
        have = rows(parsed(question.sql), values)
        columns = set(want[0]) if want else set()
        assert sorted(map(repr, ({key: row[key] for key in row if key in columns} for row in have))) == sorted(
            map(repr, ({key: row[key] for key in have[0] if key in columns} for row in want))
        )


@pytest.mark.parametrize("name", [name for name, one in MODEL.questions.items() if one.alert])
def test_a_question_that_is_an_alert_has_its_rows(name: str, asked: tuple[Shop, Books], rows: Rows) -> None:
    shop, _ = asked
    question = MODEL.questions[name]
    report = alerts(shop.warehouse, AlertSettings())
    want = [row for raised in report.raised if raised.alert.name == question.alert for row in raised.rows]
    assert rows(parsed(question.sql), question.params) == want


@pytest.mark.parametrize("name", [name for name, one in MODEL.questions.items() if not (one.same_as or one.alert)])
def test_a_question_has_the_answer_of_the_books(name: str, asked: tuple[Shop, Books], rows: Rows) -> None:
    _, books = asked
    keys, expected = EXPECTED[name]
    have = {
        tuple(row[key] for key in keys): row
        for row in rows(parsed(MODEL.questions[name].sql), MODEL.questions[name].params)
    }
    want = expected(books)
    assert have.keys() == want.keys()
    for key, figures in want.items():
        for column, value in figures.items():
            exact = Fraction(value) if not hasattr(value, "isoformat") and not isinstance(value, str) else value
            assert close(have[key][column], exact), (key, column, have[key][column], value)


def test_the_company_has_rows_for_most_questions(asked: tuple[Shop, Books], rows: Rows) -> None:
    empty = [name for name, one in MODEL.questions.items() if not rows(parsed(one.sql), one.params)]
    assert len(empty) <= 3, empty


def test_a_metric_names_only_columns_that_exist() -> None:
    for metric in MODEL.metrics.values():
        columns = described()[metric.table].columns
        related = {one.to for one in MODEL.relationships if one.table == metric.table}
        reached = {name for table in related for name in described()[table].columns}
        assert {metric.column, *filter(None, (metric.by, metric.less)), *metric.split_by} <= set(columns), metric.name
        assert metric.time is None or metric.time in columns, metric.name
        assert set(metric.dimensions) <= {*columns, *reached}, metric.name
        if metric.condition:
            named = {column.name for column in sqlglot.parse_one(metric.condition, read="duckdb").find_all(exp.Column)}
            assert named <= set(columns), metric.name


def test_the_unit_of_a_metric_is_that_of_its_column() -> None:
    for metric in MODEL.metrics.values():
        if metric.by is None:
            assert MODEL.unit_of(metric.table, metric.column) == metric.unit, metric.name
    assert {name for name, one in MODEL.metrics.items() if one.by} == {
        name for name, one in MODEL.metrics.items() if one.additive == "none"
    }


def test_units_are_of_columns_that_exist_and_relationships_join_keys() -> None:
    columns = {column for table in described().values() for column in table.columns}
    raw = {"total_cost", "tax2_amount", "price", "rounded_hours"}
    assert set(MODEL.units) - raw <= columns
    for one in MODEL.relationships:
        assert set(one.on) <= set(described()[one.table].columns)
        assert {"account_id", *one.on.values()} == set(described()[one.to].key), one


def test_every_parameter_of_a_question_is_in_its_sql_and_has_a_default() -> None:
    for question in MODEL.questions.values():
        named = {placeholder.name for placeholder in parsed(question.sql).find_all(exp.Placeholder)}
        assert named == set(question.params), question.name
    asks = [ask for question in MODEL.questions.values() for ask in question.asks]
    assert len(set(asks)) == len(asks) >= 40


def test_rows_of_another_account_are_not_counted(proven_shop: Shop, tmp_path: Path) -> None:
    shop = proven_shop.copy(tmp_path)
    query = built(MODEL, Asked(["hours"]))
    [(alone,)] = shop.rows("select sum(hours) from marts.fct_time_entry")
    shop.run(
        "create table marts.more as select * from marts.fct_time_entry",
        "insert into marts.fct_time_entry select * replace ('654321' as account_id) from marts.more",
        "drop table marts.more",
    )
    assert shop.rows("select sum(hours) from marts.fct_time_entry") == [(2 * alone,)]
    assert answered(shop, query.statement, query.values) == [{"hours": alone}]


@pytest.mark.parametrize(
    ("asked_for", "said"),
    [
        (Asked(["turnover"]), "There is no metric 'turnover'"),
        (Asked([]), "at least one metric"),
        (Asked(["hours"], ["currency"]), "hours has no dimension 'currency'"),
        (Asked(["hours", "revenue"]), "ask for each on its own"),
        (Asked(["unbilled_amount"], since=None, where={"nobody": 1}), "has no dimension 'nobody'"),
        (Asked(["missing_hours"], currency="EUR"), "has no currency"),
        (Asked(["receivables"], since=date(2026, 1, 1)), "it has no period"),
        (Asked(["hours"], order_by="random()"), "can be ordered by hours"),
    ],
)
def test_what_a_metric_does_not_have_is_named_with_what_it_has(asked_for: Asked, said: str) -> None:
    with pytest.raises(SettingWrong, match=re.escape(said)):
        built(MODEL, asked_for)


def test_the_model_is_printed_in_each_form() -> None:
    printed = CliRunner().invoke(app, ["model"])
    assert printed.exit_code == 0
    assert len(printed.stdout) < 7_000
    assert all(f"`{name}`" in printed.stdout for name in (*MODEL.metrics, *MODEL.questions))
    whole = yaml.safe_load(CliRunner().invoke(app, ["model", "--as", "yaml"]).stdout)
    assert list(whole["metrics"]) == list(MODEL.metrics)
    assert all(one["sql"] for one in whole["questions"].values())


def test_the_interchange_form_keeps_units_and_questions() -> None:
    # https://github.com/open-semantic-interchange/OSI/blob/main/core-spec/spec.md
    made = yaml.safe_load(exported("osi"))
    assert set(made) == {"version", "semantic_model"}
    [model] = made["semantic_model"]
    assert {one["name"] for one in model["datasets"]} == set(described())
    assert {"name", "from", "to", "from_columns", "to_columns"} == set(model["relationships"][0])
    facts = {one["name"]: json.loads(one["custom_extensions"][0]["data"]) for one in model["metrics"]}
    assert facts["hours"]["proven_by"] == {
        "reports": ["time/projects", "time/team", "time/tasks"],
        "measure": "total_hours",
    }
    assert facts["budget_spent"]["always_grouped_by"] == ["budget_unit", "currency"]
    assert set(json.loads(model["custom_extensions"][0]["data"])["questions"]) == set(MODEL.questions)


def test_the_form_for_snowflake_has_every_question_as_a_verified_query() -> None:
    made = yaml.safe_load(exported("snowflake"))
    assert [one["name"] for one in made["verified_queries"]] == list(MODEL.questions)
    tables = {f"__{one['name']}" for one in made["tables"]}
    for one in made["verified_queries"]:
        tree = sqlglot.parse_one(one["sql"], read="snowflake")
        ctes = {cte.alias for cte in tree.find_all(exp.CTE)}
        assert {table.name for table in tree.find_all(exp.Table)} - ctes <= tables, one["name"]
        assert not list(tree.find_all(exp.Placeholder))
