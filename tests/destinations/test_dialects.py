"""Every statement that a company's life took on DuckDB can be said in the words of every other destination."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlglot
from sqlglot import Dialect, exp
from sqlglot.errors import SqlglotError

from destinations import bigquery_refusals, databricks_refusals
from destinations.conftest import SENT, Here
from destinations.test_conformance import shop
from harvest_time_tracking import tables
from harvest_warehouse.alerts import alerts
from harvest_warehouse.alerts.settings import AlertSettings
from harvest_warehouse.dashboard.pages import PAGES
from harvest_warehouse.dashboard.records.kinds import KINDS
from harvest_warehouse.destinations import DESTINATIONS, Destination
from harvest_warehouse.destinations.dialect import written
from harvest_warehouse.peers import layout, layout_names
from harvest_warehouse.peers.select import peer_query
from harvest_warehouse.query.query import question
from support.dashboards import page, records

# The others speak DuckDB's own.
OTHERS = [name for name, entry in DESTINATIONS.items() if entry.speaks != "duckdb"]
_VALUES = re.compile(r"'(?:[^']|'')*'|\b\d[\d.]*\b")
_CALLS = re.compile(r"\b([A-Z][A-Z_0-9]+)\(")
# What stands before a bracket and is no function, or is a type.
_NO_FUNCTIONS = {"AND", "AS", "BY", "FROM", "IN", "JOIN", "ON", "OR", "OVER", "SELECT", "THEN", "VALUES", "WHEN", "NOT"}
_NO_FUNCTIONS |= {"DECIMAL", "VARCHAR", "NUMERIC", "GROUP", "TABLE", "EXISTS", "STRUCT"}
_EVERYWHERE = {
    "ABS",
    "CAST",
    "COALESCE",
    "COUNT",
    "LOWER",
    "MAX",
    "MIN",
    "NULLIF",
    "ROUND",
    "ROW_NUMBER",
    "SUM",
    "TRIM",
}
_QUERIES = (exp.Select, exp.Update, exp.Delete)
# Made by hand, so that a new one is looked at: sqlglot writes and reads functions that a database does not have.
FUNCTIONS = {
    "postgres": {"EXTRACT", "GREATEST", "LEAST", "STRING_AGG"},
    "snowflake": {"DATE_PART", "GREATEST_IGNORE_NULLS", "LEAST_IGNORE_NULLS", "LISTAGG"},
    "bigquery": {"EXTRACT", "GREATEST", "LEAST", "STRING_AGG", "UNNEST"},
    "redshift": {"EXTRACT", "GREATEST", "LEAST", "LISTAGG"},
    "databricks": {"EXTRACT", "GREATEST", "LEAST", "LISTAGG"},
}


# Of tables in another product's layout, whose JSON each destination says in its own way: below.
_OF_PEERS = re.compile(r"\bAS (base|compared)\b|\blike_")
_OF_ALL = {"CEIL", "FLOOR", "MD5", "REPLACE", "SUBSTRING"}
PEER_FUNCTIONS = {
    "postgres": {*_OF_ALL, "STRING_AGG", "TO_JSON"},
    "snowflake": {*_OF_ALL, "CONVERT_TIMEZONE", "LISTAGG", "PARSE_JSON", "TO_JSON", "TO_VARIANT"},
    "bigquery": {*_OF_ALL, "PARSE_JSON", "STRING_AGG", "TO_HEX", "TO_JSON_STRING"},
    "redshift": {*_OF_ALL, "JSON_PARSE", "JSON_SERIALIZE", "LISTAGG"},
    "databricks": {*_OF_ALL, "ARRAY", "CURRENT_TIMEZONE", "LENGTH", "LISTAGG", "TO_JSON", "TO_UTC_TIMESTAMP"},
}


@pytest.fixture(scope="module")
def statements(request: pytest.FixtureRequest) -> list[exp.Expr]:
    """One of each shape: their values differ."""
    reference: Here = request.getfixturevalue("opened")("duckdb")
    alerts(reference.story.warehouse, AlertSettings())
    for name in PAGES:
        page(shop(reference), name)
    for kind in KINDS:
        records(shop(reference), kind)
    shapes = {_VALUES.sub("?", statement)[:4_000]: statement for statement in SENT if not _OF_PEERS.search(statement)}
    return [sqlglot.parse_one(statement, read="duckdb") for statement in shapes.values()]


def test_what_was_sent_is_of_every_kind(statements: list[exp.Expr]) -> None:
    kinds = {type(statement) for statement in statements}
    assert kinds >= {exp.Select, exp.Insert, exp.Update, exp.Delete, exp.Create, exp.Alter, exp.Drop}


@pytest.mark.parametrize("name", OTHERS)
def test_every_statement_can_be_said(statements: list[exp.Expr], name: str) -> None:
    dialect = DESTINATIONS[name].speaks
    assert Dialect.get(dialect), f"sqlglot has no dialect {dialect}: give the entry of {name} its `dialect`"
    wrong = []
    calls: set[str] = set()
    for statement in statements:
        try:
            said = written(statement.copy(), dialect)
            [again] = sqlglot.parse(said, read=dialect)
            assert not isinstance(again, exp.Command)
        except SqlglotError as error:
            wrong.append(f"{error}: {statement.sql('duckdb')[:200]}")
        else:
            calls |= set(_CALLS.findall(_VALUES.sub("", said)))
    assert not wrong
    new = sorted(calls - _NO_FUNCTIONS - _EVERYWHERE - FUNCTIONS.get(name, set()))
    assert not new, f"look these up in the manual of {name}, and add them to its FUNCTIONS above: {new}"


@pytest.mark.parametrize("name", OTHERS)
def test_what_asks_for_the_user_and_the_tables_can_be_said(name: str) -> None:
    who, dialect = DESTINATIONS[name].who, DESTINATIONS[name].speaks
    assert who
    assert question(written(sqlglot.parse_one(who, read="duckdb"), dialect), dialect)


def test_every_outer_join_has_an_equality(statements: list[exp.Expr]) -> None:
    """BigQuery refuses others."""
    found = [join for statement in statements for join in statement.find_all(exp.Join) if join.side]
    assert found
    for join in found:
        assert join.args.get("using") or any(_is_of_both(part, join.alias_or_name) for part in _parts(join)), join.sql()


def test_no_subquery_reaches_past_the_query_around_it(statements: list[exp.Expr]) -> None:
    """Redshift cannot unfold that: https://docs.aws.amazon.com/redshift/latest/dg/r_correlated_subqueries.html."""
    reaching = 0
    for statement in statements:
        for column in statement.find_all(exp.Column):
            query = column.find_ancestor(*_QUERIES)
            if query and column.table and column.table not in _tables(query):
                # No join between them, either: it would be in its condition.
                around = query.find_ancestor(exp.Join, *_QUERIES)
                assert around is not None, column.sql()
                assert column.table in _tables(around), statement.sql()
                reaching += 1
    assert reaching


def _tables(query: exp.Expr) -> set[str]:
    found = query.find_all(exp.Table, exp.Subquery)
    return {table.alias_or_name for table in found if table.find_ancestor(*_QUERIES) is query}


@pytest.mark.parametrize(
    ("name", "refusal"), [("bigquery", bigquery_refusals.refusal), ("databricks", databricks_refusals.refusal)]
)
def test_nothing_is_sent_that_is_documented_as_refused(
    statements: list[exp.Expr], name: str, refusal: Callable[[exp.Expr], str | None]
) -> None:
    said = [written(statement.copy(), name) for statement in statements]
    refused = {text: refusal(sqlglot.parse_one(text, read=name)) for text in said}
    assert {text: why for text, why in refused.items() if why} == {}


def _parts(join: exp.Join) -> Iterator[exp.Expr]:
    on = join.args["on"]
    yield from (part.unnest() for part in (on.flatten() if isinstance(on, exp.And) else [on]))


def _is_of_both(part: exp.Expr, joined: str) -> bool:
    if not isinstance(part, exp.EQ):
        return False
    left, right = ({column.table for column in side.find_all(exp.Column)} for side in (part.left, part.right))
    return {joined} in (left, right) and bool(left ^ right) and bool(left and right)


@pytest.mark.parametrize(
    ("name", "statement", "said"),
    [
        ("snowflake", 'select "id", rows from start', 'SELECT "ID", "ROWS" FROM "START"'),
        ("snowflake", "alter table a.b.c rename to d", 'ALTER TABLE "A"."B"."C" RENAME TO "A"."B"."D"'),
        ("snowflake", "select a / b", 'SELECT CAST("A" AS DOUBLE) / "B"'),
        ("bigquery", "select greatest(a, 0)", "SELECT GREATEST(COALESCE(`a`, 0), COALESCE(0, `a`))"),
        ("bigquery", "select 0.1", "SELECT CAST('0.1' AS NUMERIC)"),
        ("bigquery", "select string_agg(a, ',' order by a)", "SELECT STRING_AGG(`a`, ',' ORDER BY `a`)"),
        ("bigquery", "delete from a.b.c", "DELETE FROM `a`.`b`.`c` WHERE TRUE"),
        ("bigquery", "alter table a.b.c rename to d", "ALTER TABLE `a`.`b`.`c` RENAME TO `d`"),
        ("redshift", "select string_agg(a, ',' order by a)", 'SELECT LISTAGG("a", \',\') WITHIN GROUP (ORDER BY "a")'),
        (
            "redshift",
            "select a is distinct from b",
            'SELECT (CASE WHEN "a" = "b" OR ("a" IS NULL AND "b" IS NULL) THEN 1 ELSE 0 END = 0)',
        ),
        ("databricks", "alter table a.b.c rename to d", "ALTER TABLE `a`.`b`.`c` RENAME TO `a`.`b`.`d`"),
        (
            "databricks",
            "update a.b.c as mine set x = theirs.y from a.b.d as theirs where mine.id = theirs.id",
            "MERGE INTO `a`.`b`.`c` AS `mine` USING `a`.`b`.`d` AS `theirs` ON `mine`.`id` = `theirs`.`id` "
            "WHEN MATCHED THEN UPDATE SET `x` = `theirs`.`y`",
        ),
        (
            "databricks",
            "update c set x = 1 where id in (select id from (select id from d) as e)",
            "MERGE INTO `c` AS `changed` USING (SELECT `_dlt_id` FROM `c` WHERE `id` IN (SELECT `id` FROM (SELECT `id` FROM `d`) AS `e`)) "
            "AS `found` ON `changed`.`_dlt_id` = `found`.`_dlt_id` WHEN MATCHED THEN UPDATE SET `x` = 1",
        ),
        (
            "databricks",
            "delete from c where id in (select id from d where x in (select x from e))",
            "MERGE INTO `c` AS `changed` USING (SELECT `_dlt_id` FROM `c` WHERE `id` IN (SELECT `id` FROM `d` WHERE `x` IN (SELECT `x` FROM `e`))) "
            "AS `found` ON `changed`.`_dlt_id` = `found`.`_dlt_id` WHEN MATCHED THEN DELETE",
        ),
        (
            "databricks",
            "delete from c where id in (select id from d)",
            "DELETE FROM `c` WHERE `id` IN (SELECT `id` FROM `d`)",
        ),
    ],
)
def test_what_would_be_refused_or_mean_something_else_is_said_otherwise(name: str, statement: str, said: str) -> None:
    assert written(sqlglot.parse_one(statement, read="duckdb"), name) == said
    again = written(sqlglot.parse_one(said, read=name), name)
    assert again == said, "and said again it stays"


def test_a_project_with_a_dot_in_its_name_is_quoted() -> None:
    """Such as those of a domain: https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical."""
    tree = sqlglot.parse_one('select 1 from "x.example:a".b.c', read="duckdb")
    assert written(tree, "bigquery") == "SELECT 1 FROM `x.example:a`.`b`.`c`"


@dataclass(frozen=True)
class Speaker:
    """What is particular to a destination's SQL, without a connection."""

    kind: Destination

    def json_quoted(self, text: str) -> str:
        return self.kind.json_quoted.format(text=text)

    def json_parsed(self, text: str) -> str:
        return self.kind.json_parsed.format(text=text)

    def utc_text(self, timestamp: str) -> str:
        return self.kind.utc_text.format(timestamp=timestamp)


@pytest.mark.parametrize("name", OTHERS)
def test_tables_in_another_layout_can_be_said(name: str) -> None:
    raw = {table: tuple(described.columns) for table, described in tables().items()}
    speaker: Any = Speaker(DESTINATIONS[name])
    refusals = {"bigquery": bigquery_refusals.refusal, "databricks": databricks_refusals.refusal}
    calls: set[str] = set()
    for like in layout_names():
        for table in layout(like).tables.values():
            said = written(peer_query(layout(like), table, "1", speaker, raw), DESTINATIONS[name].speaks)
            [again] = sqlglot.parse(said, read=DESTINATIONS[name].speaks)
            assert again is not None
            assert name not in refusals or not refusals[name](again), (table.name, refusals[name](again))
            calls |= set(_CALLS.findall(_VALUES.sub("", said.upper())))
    new = sorted(calls - _NO_FUNCTIONS - _EVERYWHERE - PEER_FUNCTIONS.get(name, set()))
    assert not new, f"look these up in the manual of {name}, and add them to its PEER_FUNCTIONS above: {new}"
