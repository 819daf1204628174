"""`mcp --hide-names`: no tool answers with a person's name or e-mail, whatever it is asked."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
import sqlglot

from harvest_time_tracking import SettingWrong
from harvest_warehouse.marts.models import described
from harvest_warehouse.mcp.hidden_names import without_names
from harvest_warehouse.mcp.reader import WarehouseReader
from harvest_warehouse.mcp.tools import Tools
from harvest_warehouse.semantics import semantic_model
from harvest_warehouse.semantics.metric_query import parsed
from support.shop import Shop

MODEL = semantic_model()
# Statements by which somebody could get at names that are not where they were.
STATEMENTS = [
    "select * from dim_person",
    "from dim_person",
    "select person_name || '' as x from mart_work_monthly",
    "select upper(person_name), email from dim_person",
    "select max(person_name) as a, min(email) as b from dim_person",
    "select string_agg(person_name, ', ') as x from dim_person",
    "select p from dim_person as p",
    "select columns('.*name') from dim_person",
    "select * exclude (user_id) from dim_person",
    "select substr(person_name, 1, 4) as x from dim_person order by person_name",
    "select dim_person.person_name from dim_person, dim_task",
    "with x as (select * from dim_person) select * from x",
    "with recursive x as (select 1 as n union all select n + 1 from x where n < 2) select * from x, dim_person",
    "select * from (select * from dim_person) as p, lateral (select p.person_name as q) as r",
    "select * from dim_person union all select * from dim_person",
    "(select * from dim_person)",
    "select (select max(person_name) from dim_person) as x",
    "select line_name from mart_project_budget_line",
    "select subject from fct_invoice",
    "select description from fct_invoice_line",
    "select * from harvest_marts.dim_person",
    "select * from mart_utilisation_weekly where week_index > 0",
]
REFUSED = [
    "select * from users",
    "select user__name from time_entries",
    "select * from harvest_deletions",
    "select subject from harvest_reconciliation",
    "select * from harvest_time_tracking_data.users",
    "with dim_person as (select first_name from users) select * from dim_person",
    "with users as (select * from dim_task) select * from users",
    "describe users",
    "summarize dim_person",
    "select table_name from information_schema.tables",
]


@pytest.fixture(scope="module")
def shop(proven_shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The company with a person's name where people type texts, and a figure of a person that differs."""
    made = proven_shop.copy(tmp_path_factory.mktemp("hidden"))
    [(name,)] = made.rows("select min(person_name) from marts.dim_person")
    made.run(
        f"update marts.fct_invoice set subject = 'For {name}'",
        f"update marts.fct_invoice_line set description = 'Work of {name}'",
        "update harvest_reconciliation set verdict = 'mismatch' where report = 'time/team'",
    )
    return made


@pytest.fixture(scope="module")
def names(shop: Shop) -> list[str]:
    people = shop.rows("select person_name, email from marts.dim_person")
    return sorted({str(one) for row in people for one in row if one})


@pytest.fixture(scope="module")
def hidden(shop: Shop) -> Tools:
    return Tools(WarehouseReader(shop.warehouse, hides_names=True))


def said(answer: Any) -> str:
    return json.dumps(asdict(answer), default=str, ensure_ascii=False)


def found_in(text: str, names: list[str]) -> list[str]:
    return [name for name in names if name in text]


def test_without_the_option_names_are_there(shop: Shop, names: list[str]) -> None:
    """Else the tests below would say nothing."""
    open_tools = Tools(WarehouseReader(shop.warehouse))
    assert found_in(said(open_tools.question("hours_by_person")), names)
    assert found_in(said(open_tools.trust()), names)
    assert found_in(said(open_tools.sql("select subject from fct_invoice")), names)


@pytest.mark.by_day(8)
@pytest.mark.parametrize(
    "name", sorted(MODEL.questions, key=lambda name: "person_name" not in MODEL.questions[name].sql)
)
def test_no_question_tells_a_name(name: str, hidden: Tools, names: list[str]) -> None:
    assert found_in(said(hidden.question(name)), names) == []


def test_figures_by_person_are_the_same_and_people_are_told_apart(hidden: Tools, shop: Shop, names: list[str]) -> None:
    answer = hidden.metric(["hours"], ["person_name"], limit=200)
    assert found_in(said(answer), names) == []
    heads = [column.name for column in answer.columns]
    have = {row[heads.index("person_name")]: row[heads.index("hours")] for row in answer.rows}
    want = {
        f"person {key}": hours
        for key, hours in shop.rows("select user_id, sum(hours) from marts.fct_time_entry group by user_id")
    }
    assert {key: float(value) for key, value in have.items()} == {key: float(value) for key, value in want.items()}
    [one, *_] = have
    alone = hidden.metric(["hours"], where={"person_name": one})
    assert alone.rows == [[have[one]]]


def test_a_name_cannot_be_guessed_by_a_filter(hidden: Tools, shop: Shop, names: list[str]) -> None:
    [(name,)] = shop.rows("select max(person_name) from marts.dim_person")
    assert hidden.metric(["hours"], where={"person_name": name}).rows in ([], [[None]])
    explained = hidden.explain("hours", where={"person_name": name})
    assert [part.rows for part in explained.made_of] == [[]]
    assert explained.harvest == []


def test_explain_trust_and_overview_tell_no_name(hidden: Tools, names: list[str]) -> None:
    for metric in ("hours", "labour_cost", "expense_amount", "revenue", "budget_spent"):
        assert found_in(said(hidden.explain(metric)), names) == []
    trust = hidden.trust()
    assert trust.differing
    assert all(row[3].startswith("person ") for row in trust.differing if row[0] == "time/team")
    assert found_in(said(trust) + said(hidden.overview()), names) == []


@pytest.mark.parametrize("statement", STATEMENTS)
def test_no_statement_gets_at_a_name(statement: str, hidden: Tools, names: list[str]) -> None:
    try:
        answer = hidden.sql(statement)
    except SettingWrong as refused:
        told = str(refused)
    else:
        told = said(answer)
        assert answer.rows
    assert found_in(told, names) == []


def test_most_of_these_statements_are_answered(hidden: Tools) -> None:
    assert hidden.sql("select person_name from dim_person order by user_id limit 1").rows[0][0].startswith("person ")
    assert hidden.sql("select count(*) from fct_time_entry").rows != [[0]]


@pytest.mark.parametrize("statement", REFUSED)
def test_tables_that_are_no_marts_are_refused(statement: str, hidden: Tools) -> None:
    with pytest.raises(SettingWrong):
        hidden.sql(statement)


def test_every_column_of_the_marts_with_somebodys_name_is_hidden() -> None:
    """A new column of that kind has to be hidden, or named here as one that has no person's name."""
    harmless = {
        *("account_name", "client_name", "project_name", "task_name", "role_name", "expense_category_name", "day_name"),
        *("week_name", "month_name", "words", "query"),
    }
    for table, model in described().items():
        tree = without_names(parsed(f"select * from marts.{table}"))
        shown = {one.name for one in tree.find_all(sqlglot.exp.Column) if not one.find_ancestor(sqlglot.exp.Alias)}
        masked = {one.alias for one in tree.find_all(sqlglot.exp.Alias)}
        texts = {
            column
            for column in model.columns
            if column.endswith("_name") or column in ("email", "subject", "description", "notes")
        }
        assert texts - harmless <= masked, table
        assert not masked & shown, table
