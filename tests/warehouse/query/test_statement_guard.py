"""What somebody else's SQL may do: ask the tables of Harvest and the marts, by functions that only compute."""

from __future__ import annotations

import _thread
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlglot import exp

from harvest_time_tracking import SettingWrong
from harvest_warehouse.destinations.interruptible import TookTooLong, interrupt, interruptible
from harvest_warehouse.query import statement_guard
from harvest_warehouse.query.statement_guard import guarded, question

KNOWN = {name: exp.table_(name, db="harvest", catalog="ours") for name in ("time_entries", "mart_unbilled")}
REVIEWED = Path(__file__).with_name("reviewed_functions.txt")


def asked(statement: str, dialect: str) -> str:
    return guarded(question(statement, dialect), KNOWN).sql(dialect)


@pytest.mark.parametrize(
    ("dialect", "call"),
    [
        # It runs a text as SQL, in what was a question: any statement of any kind.
        ("postgres", "select * from ts_stat('select pg_terminate_backend(1)')"),
        ("postgres", "select ts_stat('select 1')"),
        ("postgres", "select ts_rewrite('a', 'select 1')"),
        ("postgres", "select query_to_xml('select 1', true, true, '')"),
        ("postgres", "select cursor_to_xml('x', 1, true, true, '')"),
        ("postgres", "select schema_to_xml('x', true, true, '')"),
        ("postgres", "select * from crosstab('select 1')"),
        ("postgres", "select * from dblink('host=elsewhere', 'select 1') as t(a int)"),
        ("postgres", "select pg_read_file('/etc/passwd')"),
        ("postgres", "select pg_catalog.pg_read_file('/etc/passwd')"),
        ("postgres", 'select "pg_read_file"(chr(47))'),
        ("postgres", "select pg_sleep(1000)"),
        ("postgres", "select pg_advisory_lock(1)"),
        ("postgres", "select lo_import('/etc/passwd')"),
        ("postgres", "select set_config('transaction_read_only', 'off', false)"),
        ("postgres", "select current_setting('data_directory')"),
        ("postgres", "select nextval('a_sequence')"),
        ("postgres", "select txid_current()"),
        ("postgres", "select a from time_entries where exists (select 1 from pg_ls_dir('.'))"),
        ("postgres", "select a from time_entries order by pg_cancel_backend(1)"),
        ("postgres", "with x as (select pg_reload_conf()) select * from x"),
        ("redshift", "select pg_terminate_backend(1)"),
        ("duckdb", "select * from read_csv('/etc/passwd')"),
        ("duckdb", "select * from read_text('/etc/passwd')"),
        ("duckdb", "select * from read_parquet('x')"),
        ("duckdb", "select * from parquet_scan('x')"),
        ("duckdb", "select * from glob('/**')"),
        ("duckdb", "select * from sniff_csv('x')"),
        ("duckdb", "from query('select 1')"),
        ("duckdb", "from query_table('time_entries')"),
        ("duckdb", "from duckdb_secrets()"),
        ("duckdb", "from duckdb_settings()"),
        ("duckdb", "select current_setting('s3_secret_access_key')"),
        ("duckdb", "select getenv('HOME')"),
        ("duckdb", "select write_log('x')"),
        ("duckdb", "from json_execute_serialized_sql('x')"),
        ("duckdb", "from pragma_database_size()"),
        ("duckdb", "from sqlite_scan('x', 'y')"),
        ("duckdb", "from postgres_query('x', 'y')"),
        ("duckdb", "from ducklake_list_files('x', 'y')"),
        ("snowflake", "select system$cancel_query('x')"),
        ("snowflake", "select system$abort_session(1)"),
        ("snowflake", "select * from table(result_scan('x'))"),
        ("snowflake", "select * from table(information_schema.query_history())"),
        ("snowflake", "select * from identifier('other.public.salaries')"),
        ("snowflake", "select ai_complete('model', 'x')"),
        ("bigquery", "select * from external_query('connection', 'select 1')"),
        ("bigquery", "select * from ml.predict(model m, table t)"),
        ("bigquery", "select ai.generate('x')"),
        ("databricks", "select java_method('java.lang.Runtime', 'exit')"),
        ("databricks", "select reflect('java.lang.System', 'getenv')"),
        ("databricks", "select * from read_files('/')"),
        ("databricks", "select * from remote_query('x')"),
        ("databricks", "select http_request(conn => 'x')"),
        ("databricks", "select ai_query('model', 'x')"),
        ("databricks", "select secret('scope', 'key')"),
        ("databricks", "select * from list_secrets('scope')"),
    ],
)
def test_a_function_that_reaches_more_than_the_tables_is_refused_by_its_name(dialect: str, call: str) -> None:
    with pytest.raises(SettingWrong) as refused:
        asked(call, dialect)
    name = str(refused.value).partition("The function ")[2].partition(" is ")[0]
    assert name
    # Under sqlglot's name where it has one: READ_CSV is read_csv.
    assert name.replace("dynamic_", "").replace("ai_", "") in call.lower()


@pytest.mark.parametrize(
    ("dialect", "statement"),
    [
        ("postgres", "select * from pg_catalog.pg_shadow"),
        ("postgres", "select * from pg_stat_activity"),
        ("postgres", "select * from somebody.salaries"),
        ("postgres", "select * from information_schema.role_table_grants"),
        ("postgres", "select evil.lower('x')"),
        ("postgres", "select 1 operator(evil.+) 1"),
        ("postgres", "table pg_shadow"),
        ("duckdb", "from 'secret.csv'"),
        ("duckdb", 'from "/etc/passwd"'),
        ("duckdb", "from other.main.salaries"),
        ("duckdb", "from __ducklake_metadata_x.ducklake_table"),
        ("duckdb", "select getvariable('x'), $1"),
        ("snowflake", "select $1 from @my_stage"),
        ("snowflake", "select get_presigned_url(@stage, 'x')"),
        ("snowflake", "select * from snowflake.account_usage.query_history"),
        ("bigquery", "select * from `bigquery-public-data.samples.shakespeare`"),
        ("bigquery", "select * from `region-eu`.INFORMATION_SCHEMA.JOBS"),
        ("bigquery", "select @@error.message"),
        ("databricks", "select * from parquet.`/mnt/x`"),
        ("databricks", "select transform(a) using 'cat' as (b) from time_entries"),
        ("databricks", "select * from delta.`s3://bucket/x`"),
        # A name of the query's own hides a table only where it is in sight, as the database sees it.
        ("postgres", "select * from (with pg_authid as (select 1) select 1) as x, pg_authid"),
        ("postgres", "with x as (select * from pg_authid), pg_authid as (select 1) select * from x"),
        ("postgres", "(with pg_authid as (select 1) select 1) union select 1 from pg_authid"),
        ("duckdb", "with recursive \"x.csv\" as (select * from 'x.csv') from 'x.csv'"),
        ("duckdb", "with recursive \"x.csv\" as (from 'x.csv' union all select 1) from 'x.csv'"),
        ("duckdb", "summarize '/etc/passwd'"),
        ("snowflake", "select * from table('other.public.salaries')"),
        ("snowflake", "show users"),
        ("bigquery", "select * from project.other.salaries.x"),
    ],
)
def test_what_is_not_among_our_tables_is_not_read(dialect: str, statement: str) -> None:
    with pytest.raises(SettingWrong):
        asked(statement, dialect)


@pytest.mark.parametrize(
    ("dialect", "statement"),
    [
        (
            "postgres",
            "select sum(hours) filter (where hours > 1), round(avg(hours), 2), max(length(a)) from time_entries",
        ),
        ("postgres", "select percentile_cont(0.5) within group (order by hours) from time_entries"),
        ("postgres", "select date_trunc('month', day), to_char(day, 'YYYY'), age(now(), day) from time_entries"),
        ("postgres", "select string_agg(distinct a, ', ' order by a), jsonb_agg(b) from time_entries"),
        (
            "postgres",
            "select row_number() over (partition by a order by b), lag(b) over (order by a) from mart_unbilled",
        ),
        ("postgres", "select * from generate_series(1, 3) as n cross join lateral (select n * 2 as m) as x"),
        (
            "postgres",
            "select regexp_matches(a, 'x'), coalesce(a, 'b'), nullif(a, ''), greatest(1, 2) from time_entries",
        ),
        ("duckdb", "select * exclude (a), columns('x.*') from harvest.time_entries"),
        ("duckdb", "from ours.harvest.time_entries select strftime(day, '%Y'), list_sum([1, 2]), hours::int"),
        ("duckdb", "select list_transform(l, x -> x + 1), struct_pack(a := 1), map_keys(m) from time_entries"),
        ("duckdb", "select quantile_cont(hours, 0.9), arg_max(a, b), any_value(c) from time_entries group by all"),
        ("duckdb", "from (pivot time_entries on a using sum(hours))"),
        ("duckdb", "summarize time_entries"),
        ("duckdb", "select * from information_schema.columns"),
        (
            "snowflake",
            "select iff(a, 1, 2), zeroifnull(b), dateadd(day, 1, c), listagg(d, ',') from time_entries qualify 1 = 1",
        ),
        ("snowflake", "select f.value from time_entries, lateral flatten(input => a) f"),
        (
            "bigquery",
            "select safe_divide(a, b), format_date('%Y', c), countif(d), array_agg(e limit 3) from time_entries",
        ),
        ("bigquery", "select x from unnest([1, 2]) as x"),
        ("databricks", "select date_format(a, 'yyyy'), collect_list(b), explode(c) from time_entries"),
        (
            "redshift",
            "select listagg(a, ',') within group (order by a), datediff(day, b, c), nvl(d, 0) from time_entries",
        ),
    ],
)
def test_questions_that_people_ask_are_answered(dialect: str, statement: str) -> None:
    assert asked(statement, dialect)


@pytest.mark.parametrize(
    ("statement", "run"),
    [
        # PostgreSQL knows another pg_authid beside this one.
        (
            'with "PG_AUTHID" as (select 1) select * from pg_authid',
            'WITH "PG_AUTHID" AS (SELECT 1) SELECT * FROM "PG_AUTHID"',
        ),
        (
            'with a as (select 1), "A" as (select 2) select * from "A", a',
            'WITH a AS (SELECT 1), "A" AS (SELECT 2) SELECT * FROM "A", a',
        ),
        (
            "with recursive a as (select 1 as n union all (select n from a)), b as (from a) select (select 1 from b) from a",
            "WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL (SELECT n FROM a)), b AS (SELECT * FROM a) "
            "SELECT (SELECT 1 FROM b) FROM a",
        ),
        (
            "with time_entries as (select a from time_entries) select a from time_entries",
            "WITH time_entries AS (SELECT a FROM ours.harvest.time_entries) SELECT a FROM time_entries",
        ),
    ],
)
def test_a_name_of_the_query_is_asked_as_the_query_writes_it(statement: str, run: str) -> None:
    assert asked(statement, "postgres") == run


def test_every_function_that_sqlglot_knows_was_looked_at() -> None:
    """A newer sqlglot may know functions that reach further: look at them, then add them to the list, or to the closed ones."""
    reviewed = set(REVIEWED.read_text(encoding="utf-8").split())
    assert {kind.__name__ for kind in exp.ALL_FUNCTIONS} <= reviewed
    assert reviewed >= statement_guard._CLOSED


def test_nested_beyond_reading_is_refused_in_words() -> None:
    with pytest.raises(SettingWrong, match="nested too deeply"):
        question("select " + "(" * 5_000 + "1" + ")" * 5_000, "duckdb")


def test_work_that_takes_too_long_is_cancelled_and_what_it_raises_is_raised_here() -> None:
    ended = threading.Event()
    with pytest.raises(TookTooLong):
        interruptible(lambda: ended.wait(30), ended.set, 0.1)
    assert ended.is_set()
    assert interruptible(lambda: 5, ended.set, 10) == 5
    with pytest.raises(ZeroDivisionError):
        interruptible(lambda: 1 / 0, ended.set)


def test_an_interrupt_that_somebody_swallowed_ends_the_question() -> None:
    with suppress(KeyboardInterrupt):
        interrupt()
    ended = threading.Event()
    with pytest.raises(KeyboardInterrupt):
        interruptible(lambda: ended.wait(5), ended.set)
    assert interruptible(lambda: time.sleep(0.2) or 5, ended.set) == 5


@pytest.mark.parametrize("handler", [signal.default_int_handler, interrupt], ids=["Python's", "a command's"])
def test_an_interrupt_cancels_the_work_again_and_again_and_leaves_it_where_it_does_not_end(handler: Any) -> None:
    cancelled: list[float] = []
    before = signal.signal(signal.SIGINT, handler)
    try:
        threading.Timer(0.3, _thread.interrupt_main).start()
        with pytest.raises(KeyboardInterrupt):
            interruptible(lambda: time.sleep(60), lambda: cancelled.append(time.monotonic()))
        # One that comes between two statements ends neither.
        assert len(cancelled) > 1
        assert interruptible(lambda: time.sleep(0.2) or 5, lambda: None) == 5, "it is heard once"
    finally:
        signal.signal(signal.SIGINT, before)


def test_work_that_only_hears_the_third_call_is_cancelled() -> None:
    heard, ended = threading.Semaphore(0), threading.Event()

    def work() -> None:
        for _ in range(3):
            heard.acquire()
        ended.set()

    with pytest.raises(TookTooLong):
        interruptible(work, heard.release, 0.1)
    assert ended.is_set()


def test_a_server_that_does_not_even_answer_that_it_shall_stop_holds_nobody_up() -> None:
    left: list[bool] = []
    began = time.monotonic()
    with pytest.raises(TookTooLong):
        interruptible(lambda: time.sleep(60), lambda: time.sleep(60), 0.1, lambda: left.append(True))
    assert time.monotonic() - began < 10
    assert left == [True]
