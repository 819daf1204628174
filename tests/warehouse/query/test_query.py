"""Questions in SQL: answered to the digit, from tables found by their names, and nothing can be changed by one."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from dlt.destinations.exceptions import DatabaseException
from sqlglot import exp
from typer.testing import CliRunner

from harvest_time_tracking import SettingWrong
from harvest_warehouse.cli import app
from harvest_warehouse.cli.console import read_text, write_text
from harvest_warehouse.cli.render.query import query_csv, query_json
from harvest_warehouse.database import NotReadable, open_database
from harvest_warehouse.query import QueryReport, query
from harvest_warehouse.query.query import streamed
from harvest_warehouse.query.statement_guard import question
from harvest_warehouse.warehouse import DATASET, MARTS, Target

VALUES = """
    select
      12.500000000::decimal(38, 9) as hours,
      123456789012345678901234567.123456789::decimal(38, 9) as much,
      date '2026-02-28' as day,
      timestamptz '2026-02-28 23:59:59+00' as instant,
      '{"a": 1}'::json as content,
      'a "b", c' as name,
      '' as empty,
      null as nothing,
      true as yes
"""


@pytest.fixture
def warehouse(tmp_path: Path) -> Target:
    made = Target(tmp_path)
    with duckdb.connect(str(made.file)) as database:
        database.execute(f"create schema {DATASET}")
        database.execute(f"create schema {MARTS}")
        database.execute(f"create table {DATASET}.time_entries as select range as id, 0.25 as hours from range(1, 4)")
        database.execute(f"create table {DATASET}.everything as {VALUES}")
        database.execute(f"create table {MARTS}.mart_unbilled as select 'EUR' as currency, 100.10 as uninvoiced_amount")
    return made


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        ("select id from work order by 1", [(1,), (2,)]),
        ("from work", [("12", 1), ("12", 2)]),
        ("select w.id, o.id from work as w join work as o on w.id < o.id", [(1, 2)]),
        ("select count(*) from work, work as other", [(4,)]),
        ("with work as (select 7 as id) select * from work", [(7,)]),
        (
            "with mine as (select id from work) select max(id) from mine union all select -max(id) from work",
            [(2,), (-2,)],
        ),
        (
            "select (select max(id) from work) as most, exists (select 1 from work where account_id = '13')",
            [(2, False)],
        ),
        (f"select id from {DATASET}.work where id in (select id from work) order by 1", [(1,), (2,)]),
        ("select t.number from work as t(account, number) order by 1", [(1,), (2,)]),
        ("select count(*) > 0 from information_schema.tables", [(True,)]),
    ],
)
def test_a_query_of_one_account_sees_no_row_of_another(
    warehouse: Target, asked: str, rows: list[tuple[object, ...]]
) -> None:
    with duckdb.connect(str(warehouse.file)) as database:
        database.execute(f"create table {DATASET}.work (account_id text, id integer)")
        database.execute(f"insert into {DATASET}.work values ('12', 1), ('12', 2), ('13', 3)")
    assert list(query(warehouse, asked, account_id="12").rows) == rows


def test_what_is_no_query_and_no_account_cannot_be_narrowed(warehouse: Target) -> None:
    with pytest.raises(SettingWrong, match="Only a query"):
        query(warehouse, "describe time_entries", account_id="12")
    with pytest.raises(SettingWrong, match="is a number"):
        query(warehouse, "from time_entries", account_id="12' or '1' = '1")


def test_tables_of_both_datasets_are_found_by_their_names(warehouse: Target) -> None:
    asked = 'select sum(hours) as hours, max(m.uninvoiced_amount) as amount from Time_Entries, "mart_unbilled" as m'
    assert query(warehouse, asked) == QueryReport(("hours", "amount"), ((Decimal("0.75"), Decimal("100.10")),))


def test_a_full_name_is_left_as_it_is(warehouse: Target) -> None:
    assert query(warehouse, f"select count(*) as rows from {DATASET}.time_entries").rows == ((3,),)


def test_a_with_may_have_the_name_of_the_table_that_it_reads(warehouse: Target) -> None:
    asked = "with mart_unbilled as (select currency from mart_unbilled) select * from MART_unbilled"
    assert query(warehouse, asked).rows == (("EUR",),)


def test_a_recursive_with_reads_itself(warehouse: Target) -> None:
    asked = "with recursive time_entries as (select 1 as n union all select n + 1 from time_entries where n < 3) "
    assert query(warehouse, f"{asked} select sum(n) from time_entries").rows == ((6,),)


def test_values_are_printed_as_exactly_as_they_are_kept(warehouse: Target) -> None:
    with streamed(warehouse, "from everything") as answer:
        assert list(query_csv(answer)) == [
            "hours,much,day,instant,content,name,empty,nothing,yes",
            "12.5,123456789012345678901234567.123456789,2026-02-28,2026-02-28 23:59:59+00:00,"
            '"{""a"": 1}","a ""b"", c","",,true',
        ]
    with streamed(warehouse, "from everything") as answer:
        text = "".join(query_json(answer))
    assert '"much": 123456789012345678901234567.123456789' in text
    [row] = json.loads(text)
    assert (row["hours"], row["day"], row["empty"], row["nothing"], row["yes"]) == (12.5, "2026-02-28", "", None, True)
    assert row["instant"] == "2026-02-28T23:59:59+00:00"


def test_two_columns_of_one_name_are_both_shown(warehouse: Target) -> None:
    assert query(warehouse, "select 1 as id, 2 as id, 3 as id").columns == ("id", "id_2", "id_3")


def test_a_limit_says_whether_there_is_more(warehouse: Target) -> None:
    assert query(warehouse, "from time_entries", limit=2).is_cut
    assert len(query(warehouse, "from time_entries", limit=2).rows) == 2
    assert not query(warehouse, "from time_entries", limit=3).is_cut


def test_tables_are_listed_and_described(warehouse: Target) -> None:
    assert (MARTS, "mart_unbilled") in query(warehouse, "Show Tables;").rows
    assert [row[0] for row in query(warehouse, "describe mart_unbilled").rows] == ["currency", "uninvoiced_amount"]


@pytest.mark.parametrize(
    ("statement", "verb"),
    [
        ("delete from time_entries", "delete"),
        ("update time_entries set id = 1", "update"),
        ("insert into time_entries values (4, 1)", "insert"),
        ("drop table time_entries", "drop"),
        ("create table x as select 1", "create"),
        ("with gone as (delete from time_entries returning *) select * from gone", "delete"),
        ("select * into x from time_entries", "select into"),
        ("copy time_entries to 'out.csv'", "copy"),
        ("attach 'other.duckdb'", "attach"),
        ("set enable_external_access = true", "set"),
        ("pragma database_list", "pragma"),
        ("install httpfs", "install"),
        ("call pragma_version()", "call"),
        ("explain analyze delete from time_entries", "explain"),
    ],
)
def test_what_is_no_question_is_refused_by_its_name(warehouse: Target, statement: str, verb: str) -> None:
    before = digest(warehouse)
    with pytest.raises(SettingWrong, match=f"not {verb}:"):
        query(warehouse, statement)
    assert digest(warehouse) == before


@pytest.mark.parametrize("dialect", ["postgres", "snowflake", "bigquery"])
def test_writing_inside_of_a_question_is_found_in_other_dialects(dialect: str) -> None:
    with pytest.raises(SettingWrong, match="not insert:"):
        question("with x as (insert into t select 1) select * from x", dialect)
    assert question("select a from t where b > 1", dialect).sql(dialect)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("select 1; drop table time_entries", "Pass one statement at a time"),
        ("  -- nothing", "There is no statement"),
        ("selec 1", "This is not SQL: .*line 1, column 7"),
        ("select * from time_entrys", "no table 'time_entrys'. Is it time_entries"),
        ("select * from zzzz", "`show tables` lists them"),
        ("select hour from time_entries", "hours"),
        ("select ?", "placeholder"),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(warehouse: Target, statement: str, said: str) -> None:
    with pytest.raises(SettingWrong, match=said):
        query(warehouse, statement)


@pytest.mark.parametrize(
    "statement",
    [
        "create table x as select 1",
        "select * from read_csv('/etc/passwd')",
        "attach '/tmp/other.duckdb'",
        "set enable_external_access = true",
        "copy (select 1) to '/tmp/out.csv'",
    ],
)
def test_the_database_itself_refuses_what_the_words_let_through(warehouse: Target, statement: str) -> None:
    before = digest(warehouse)
    with (
        open_database(warehouse, "reading") as database,
        pytest.raises(DatabaseException, match=r"read-only|disabled|locked"),
    ):
        database.rows(exp.Command(this=statement))
    assert digest(warehouse) == before


def test_a_database_that_is_not_there_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(SettingWrong, match="dlt-harvest sync"):
        query(Target(tmp_path / "elsewhere"), "select 1")


def test_a_database_that_is_being_written_says_to_try_again(warehouse: Target) -> None:
    holding = f"import duckdb; held = duckdb.connect({str(warehouse.file)!r}); print('held', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        with pytest.raises(NotReadable, match="try again"):
            query(warehouse, "select 1")
        other.communicate("\n")
    assert query(warehouse, "select 1 as one").rows == ((1,),)


def test_the_command_prints_a_table_csv_or_json_and_ends_with_2_for_wrong_use(warehouse: Target) -> None:
    run = CliRunner().invoke
    table = run(app, ["sql", "select id, hours from time_entries order by id", "--limit", "2"])
    assert table.exit_code == 0
    assert [line.split() for line in table.stdout.splitlines()[3:5]] == [["1", "0.25"], ["2", "0.25"]]
    assert "first 2 rows" in table.stderr
    csv = run(app, ["sql", "--csv", "-"], input="select id from time_entries order by id")
    assert csv.stdout == "id\n1\n2\n3\n"
    assert json.loads(run(app, ["sql", "--json", "select max(id) as id from time_entries"]).stdout) == [{"id": 3}]
    wrong = run(app, ["sql", "drop table time_entries"])
    assert (wrong.exit_code, "not drop" in wrong.stderr) == (2, True)


def test_what_a_name_holds_does_not_steer_the_terminal(warehouse: Target) -> None:
    shown = CliRunner().invoke(app, ["sql", "select chr(27) || '[31mred [bold]x' as name"]).stdout
    assert r"\x1b[31mred [bold]x" in shown


def test_what_does_not_end_when_it_is_told_to_is_left_and_the_command_ends(warehouse: Target) -> None:
    """DuckDB hears nothing within one function of one row; to close its connection would wait for it."""
    statement = "select levenshtein(repeat('a', 400000), repeat('b', 400000))"
    ran = subprocess.run(
        [sys.executable, "-m", "harvest_warehouse.cli", "sql", "--timeout", "0.5", statement],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
        cwd=warehouse.folder,
    )
    assert ran.returncode == 2
    assert "took longer than 0.5 seconds" in ran.stderr


def test_nested_beyond_saying_is_refused_in_words(warehouse: Target) -> None:
    with pytest.raises(SettingWrong, match="nested too deeply"):
        query(warehouse, "select 1" + "::int" * 3_000)


def test_days_are_compared_as_days(warehouse: Target) -> None:
    assert query(warehouse, "select day from everything where day > date '2026-02-27'").rows == ((date(2026, 2, 28),),)


def digest(warehouse: Target) -> str:
    return hashlib.sha256(warehouse.file.read_bytes()).hexdigest()


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
def test_a_file_of_sql_is_utf_8_whatever_the_console_is(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for before in ("", "\ufeff"):
        piped = io.TextIOWrapper(io.BytesIO(f"{before}select 'caf\xe9'".encode()), encoding=encoding)
        monkeypatch.setattr(sys, "stdin", piped)
        assert read_text() == "select 'caf\xe9'"


def test_a_file_in_the_consoles_own_encoding_is_read_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    piped = io.TextIOWrapper(io.BytesIO(b"select 'caf\xe9'"), encoding="cp1252")
    monkeypatch.setattr(sys, "stdin", piped)
    assert read_text() == "select 'caf\xe9'"


@pytest.mark.parametrize("closed", ["stdin", "stdout"])
def test_a_closed_stream_is_an_empty_one(closed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, closed, None)
    if closed == "stdin":
        assert read_text() == ""
    write_text(["nothing"])


def test_what_is_no_text_is_refused_in_words(warehouse: Target) -> None:
    with pytest.raises(SettingWrong, match="not valid UTF-8"):
        query(warehouse, "select '\udcff'")
