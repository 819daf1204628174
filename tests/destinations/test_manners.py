"""Whatever the destination: readers cannot write, two runs do not mix, and what is wrong is said without a secret."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
import sqlglot
from dlt.common.exceptions import DltException
from dlt.destinations.exceptions import DatabaseException
from google.api_core.exceptions import Forbidden

from destinations import bigquery_double
from destinations.conftest import Here
from destinations.doubles import DOUBLES
from destinations.postgres_server import PASSWORD
from harvest_time_tracking import SettingWrong
from harvest_warehouse.database import DatabaseBusy, DatabaseUnreachable, NotReadable, open_database
from harvest_warehouse.database.lock import exclusive_lock
from harvest_warehouse.database.pipelines import is_loaded
from harvest_warehouse.database.run import Run
from harvest_warehouse.destinations import DESTINATIONS
from harvest_warehouse.doctor.preflight import preflight
from harvest_warehouse.query import query
from harvest_warehouse.warehouse import user_target

URL = "DESTINATION__POSTGRES__CREDENTIALS"
ON_POSTGRES = pytest.mark.parametrize("here", ["postgres"], indirect=True)
HOLDING = """
import sys
from pathlib import Path
from harvest_warehouse.warehouse import Target
from harvest_warehouse.database.lock import exclusive_lock
with exclusive_lock(Target(Path(sys.argv[1]), pipelines_dir=Path(sys.argv[1]), destination=sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_question_is_answered_by_bare_names(here: Here) -> None:
    story = here.story
    [(entries,)] = query(story.warehouse, "select count(*) from time_entries").rows
    assert entries == len(story.late["time_entries"])
    [(marts,)] = query(story.warehouse, "select count(*) from fct_time_entry").rows
    assert marts == len(story.marts["fct_time_entry"])


@pytest.mark.parametrize("here", [name for name in DOUBLES if DESTINATIONS[name].guards], indirect=True)
def test_a_reader_cannot_write_even_where_nobody_looks_at_its_sql(here: Here) -> None:
    warehouse = here.story.warehouse
    for statement in ("delete from clients", "create table mine (id bigint)", "drop table marts.dim_client"):
        with open_database(warehouse, "reading") as database, pytest.raises(DltException):
            database.run([statement])


def test_a_question_that_is_none_is_refused(here: Here) -> None:
    with pytest.raises(SettingWrong, match="not delete"):
        query(here.story.warehouse, "delete from clients")


def test_the_trial_of_a_database_leaves_nothing(here: Here, tmp_path: Path) -> None:
    tried = preflight(here.warehouse(tmp_path))
    assert tried.failed is None, tried
    assert tried.done[0] == "connect"
    assert tried.done[-2:] == ("load", "drop")
    with open_database(here.warehouse(tmp_path)) as database:
        left = "select count(*) from information_schema.schemata where lower(schema_name) like 'harvest_doctor%'"
        assert database.rows(left) == [(0,)]


@pytest.fixture
def other_machine(here: Here, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run with a working folder of its own, that is writing."""
    command = [sys.executable, "-c", HOLDING, str(tmp_path / "other"), here.stand.name]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **here.environment}
    )
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("here", [one.name for one in DOUBLES.values() if one.keeps_others_out], indirect=True)
def test_a_run_on_another_machine_is_kept_out_until_it_ends_or_dies(
    here: Here, tmp_path: Path, other_machine: subprocess.Popen[str]
) -> None:
    warehouse = here.warehouse(tmp_path)
    with pytest.raises(DatabaseBusy, match="Another run is writing"), exclusive_lock(warehouse):
        pass
    with exclusive_lock(replace(warehouse, dataset_name="another")):
        pass
    other_machine.kill()
    other_machine.wait()
    give_up_at = time.monotonic() + 20
    while True:
        try:
            with exclusive_lock(warehouse), exclusive_lock(warehouse):
                break
        except DatabaseBusy:
            assert time.monotonic() < give_up_at
            time.sleep(0.1)
    with exclusive_lock(warehouse):
        pass


# PostgreSQL alone: who may what, and what is said of it.


@pytest.fixture
def administrator(here: Here) -> Iterator[psycopg2.extensions.cursor]:
    place = urlsplit(here.environment[URL])
    connection = psycopg2.connect(
        host=place.hostname, port=place.port, user="postgres", password=PASSWORD, dbname="dlt"
    )
    connection.autocommit = True
    with connection.cursor() as cursor:
        yield cursor
    connection.close()


@ON_POSTGRES
def test_a_missing_permission_is_named(
    here: Here,
    administrator: psycopg2.extensions.cursor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    administrator.execute(f"create role guest login password '{PASSWORD}'")
    monkeypatch.setenv(URL, here.environment[URL].replace("loader", "guest"))
    warehouse = here.warehouse(tmp_path, dataset_name="guests", marts_name="guests_marts")
    refused = preflight(warehouse)
    assert (refused.failed, refused.missing) == ("make a schema", "GRANT CREATE ON DATABASE dlt TO guest")
    # Where somebody else made the schemas, that is not needed; but then those must be open to it.
    for schema in ("guests", "guests_staging", "guests_marts"):
        administrator.execute(f"create schema {schema}")
        administrator.execute(f"grant usage on schema {schema} to guest")
    refused = preflight(warehouse)
    assert (refused.failed, refused.missing) == ("make a table", "GRANT USAGE, CREATE ON SCHEMA guests TO guest")
    for schema in ("guests", "guests_staging", "guests_marts"):
        administrator.execute(f"grant usage, create on schema {schema} to guest")
    tried = preflight(warehouse)
    assert tried.failed is None, tried
    assert "load" not in tried.done, "there is no scratch schema for it"


@ON_POSTGRES
@pytest.mark.parametrize(
    "call",
    [
        "pg_read_file('/etc/passwd')",
        "pg_catalog.pg_read_file('/etc/passwd')",
        "\"pg_read_file\"('/etc/passwd')",
        "pg_terminate_backend(1)",
        "set_config('default_transaction_read_only', 'off', false)",
        "lo_import('/etc/passwd')",
        "query_to_xml('select 1', true, true, '')",
        "ts_stat('select pg_terminate_backend(1)')",
    ],
)
def test_a_question_cannot_reach_more_than_the_tables(here: Here, call: str) -> None:
    with pytest.raises(SettingWrong, match="more than the tables"):
        query(here.story.warehouse, f"select {call}")


ENDLESS = "with recursive n as (select 1 as i union all select i + 1 from n) select count(*) from n"
ASKING = """
import signal, sys
from pathlib import Path
from harvest_warehouse.query import query
from harvest_warehouse.warehouse import Target
signal.signal(signal.SIGTERM, signal.default_int_handler)
folder, destination, statement = sys.argv[1:]
query(Target(Path(folder), pipelines_dir=Path(folder), destination=destination), statement)
"""


@pytest.mark.by_day(1)
@ON_POSTGRES
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_question_that_is_given_up_ends_at_the_server_too(
    here: Here, administrator: psycopg2.extensions.cursor, how: signal.Signals
) -> None:
    warehouse = here.story.warehouse
    command = [sys.executable, "-c", ASKING, str(warehouse.pipelines_dir), "postgres", ENDLESS]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, **here.environment}) as asking:
        is_asking = _until(lambda: _asked(administrator) == 1, 60)
        asking.send_signal(how)
        has_ended = _until(lambda: asking.poll() is not None, 10)
        asking.kill()
    assert (is_asking, has_ended) == (True, True)
    assert asking.returncode != 0
    assert _until(lambda: _asked(administrator) == 0, 10)


@ON_POSTGRES
def test_a_question_that_takes_too_long_is_ended_with_words(
    here: Here, administrator: psycopg2.extensions.cursor
) -> None:
    with pytest.raises(SettingWrong, match=r"longer than 0\.5 seconds"):
        query(here.story.warehouse, ENDLESS, seconds=0.5)
    assert _until(lambda: _asked(administrator) == 0, 10)


@ON_POSTGRES
def test_a_question_is_put_in_a_transaction_that_can_write_nothing(here: Here) -> None:
    answer = query(here.story.warehouse, "select count(*) from clients")
    assert answer.rows[0][0] > 0
    # Past the guard, on a connection that could write.
    writing = sqlglot.parse_one("delete from clients returning id", read="postgres")
    with open_database(here.story.warehouse) as database:
        asking = database.asking(writing, 10, 10)
        with pytest.raises(DltException, match="read-only transaction"):
            asking.__enter__()


def _asked(administrator: psycopg2.extensions.cursor) -> int:
    administrator.execute(
        "select count(*) from pg_stat_activity where state = 'active' and query ilike '%from answer%' "
        "and pid <> pg_backend_pid()"
    )
    return int(administrator.fetchall()[0][0])


def _until(is_so: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


@pytest.mark.parametrize("here", ["ducklake"], indirect=True)
@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("select * from ducklake_expire_snapshots('ducklake', older_than => now())", "more than the tables"),
        ("select * from sqlite_scan('lake.sqlite', 'ducklake_table')", "more than the tables"),
        ("select * from read_text('/etc/passwd')", "more than the tables"),
        ("select * from 'https://files.example/x.parquet'", "not a table"),
        ("select * from __ducklake_metadata_lake.ducklake_table", "only these can be read"),
    ],
)
def test_a_question_to_a_lake_reaches_nothing_beside_it(here: Here, question: str, said: str) -> None:
    with pytest.raises(SettingWrong, match=said):
        query(here.story.warehouse, question)


@ON_POSTGRES
def test_a_turn_that_was_lost_with_its_connection_is_not_taken_for_granted(
    here: Here, administrator: psycopg2.extensions.cursor, tmp_path: Path
) -> None:
    warehouse = here.warehouse(tmp_path, dataset_name="lost")
    run = Run(warehouse)
    with run.locked():
        administrator.execute("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'")
        with pytest.raises(DatabaseUnreachable, match="does not answer"), run.locked():
            pass
    with exclusive_lock(warehouse):
        pass


@ON_POSTGRES
def test_merges_and_the_sweep_find_rows_by_an_index(here: Here) -> None:
    with open_database(here.story.warehouse) as database:
        found = database.rows(
            "select tablename, indexdef from pg_catalog.pg_indexes where schemaname = :schema",
            {"schema": here.story.warehouse.dataset_name},
        )
    by_table = {table: [index for name, index in found if name == table] for table, _ in found}
    assert any("(account_id, id)" in index for index in by_table["time_entries"])
    assert any("(account_id, spent_date)" in index for index in by_table["time_entries"])
    assert any("(_dlt_parent_id)" in index for index in by_table["invoices__line_items"])


@ON_POSTGRES
@pytest.mark.parametrize("wrong", ["password", "port"])
def test_a_server_that_does_not_answer_is_named_without_the_password(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    place = urlsplit(here.environment[URL])
    secret = PASSWORD[::-1] if wrong == "password" else PASSWORD
    port = 1 if wrong == "port" else place.port
    monkeypatch.setenv(URL, f"postgresql://loader:{secret}@127.0.0.1:{port}/dlt")
    warehouse = user_target(tmp_path, "postgres")
    with pytest.raises(DatabaseUnreachable) as failed, exclusive_lock(warehouse):
        pass
    with pytest.raises(NotReadable) as unread:
        query(warehouse, "select 1")
    said = f"{failed.value} {unread.value} {preflight(warehouse)}"
    assert "client_type" not in said, "dlt's words, not the server's"
    assert f"postgres at 127.0.0.1:{port}/dlt" in said
    assert secret not in said


@ON_POSTGRES
def test_no_file_that_the_runs_left_holds_the_password(here: Here) -> None:
    left = [path for path in here.story.warehouse.folder.rglob("*") if path.is_file()]
    assert any(path.name == "trace.pickle" for path in left)
    assert not [path for path in left if PASSWORD.encode() in path.read_bytes()]


@pytest.mark.parametrize("here", ["redshift"], indirect=True)
def test_a_cluster_that_does_not_answer_is_named(here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESTINATION__REDSHIFT__CREDENTIALS__PORT", "1")
    tried = preflight(user_target(tmp_path, "redshift"))
    assert tried.failed == "connect"
    assert PASSWORD not in str(tried)


def test_google_not_answering_is_said_as_of_any_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's own errors would end a command with a traceback."""
    with bigquery_double.serving() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        # No project of the stand's, so that Google's own client asks; and nobody is there.
        monkeypatch.setenv("DESTINATION__BIGQUERY__CREDENTIALS__PROJECT_ID", "elsewhere")
        monkeypatch.setenv("DESTINATION__BIGQUERY__RETRY_DEADLINE", "0.1")
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
        warehouse = replace(user_target(tmp_path, "bigquery"), pipelines_dir=tmp_path / "pipelines")
        with pytest.raises(DatabaseException, match=r"127\.0\.0\.1"):
            is_loaded(warehouse)
        with (
            open_database(warehouse, is_copying=True) as database,
            pytest.raises(DatabaseException, match=r"127\.0\.0\.1"),
        ):
            database.make_dataset()


def test_google_beginning_no_transaction_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(*_: object, **__: object) -> None:
        raise Forbidden("User does not have bigquery.jobs.create permission")

    with bigquery_double.serving() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(bigquery_double.Client, "query", refusing)
        warehouse = replace(user_target(tmp_path, "bigquery"), pipelines_dir=tmp_path / "pipelines")
        with (
            open_database(warehouse, is_copying=True) as database,
            pytest.raises(DatabaseException, match="permission"),
        ):
            database.run(["select 1"])


@pytest.mark.nightly
@ON_POSTGRES
def test_the_commands_take_the_destinations_name(here: Here, tmp_path: Path) -> None:
    def run(verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "harvest_warehouse.cli", verb, "-d", here.stand.name, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    story = here.story
    asked = run("sql", "--json", "select count(*) as n from time_entries")
    assert json.loads(asked.stdout) == [{"n": len(story.late["time_entries"])}], asked.stderr
    raised = run("alerts", "--json")
    assert (raised.returncode, "budget" in raised.stdout) == (3, True), raised.stderr
    page = tmp_path / "week.html"
    assert run("report", "--out", str(page)).returncode == 0
    assert story.account.simulator.truth()["company"][0]["name"] in page.read_text()
