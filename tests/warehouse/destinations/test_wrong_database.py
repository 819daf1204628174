"""Where the database should be there is something else: each verb says so in our own words, with what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import dlt
import duckdb
import pytest
from typer.testing import CliRunner, Result

from harvest_warehouse.cli import app
from harvest_warehouse.load import LoadFailed, load
from harvest_warehouse.warehouse import DATASET, FILE, Target
from support.accounts import Account, sync_from

VERBS = ("sql", "build", "alerts", "report", "show")


def text(file: Path) -> None:
    file.write_text("Whatever this is, it is no database.")


def nothing(file: Path) -> None:
    file.touch()


def folder(file: Path) -> None:
    file.mkdir()


def of_sqlite(file: Path) -> None:
    # DuckDB would fetch an extension for it from the internet.
    with sqlite3.connect(file) as database:
        database.execute("create table mine (x integer)")
    database.close()


def ask(verb: str) -> Result:
    arguments = {"sql": ["select * from time_entries"], "show": ["--headless"]}.get(verb, [])
    return CliRunner().invoke(app, [verb, *arguments], catch_exceptions=False)


@pytest.mark.parametrize("make", [text, nothing, folder, of_sqlite], ids=lambda make: make.__name__)
def test_what_is_no_duckdb_file_is_named_as_such(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / FILE)
    for verb in VERBS:
        done = ask(verb)
        assert (done.exit_code, done.stdout) == (1, ""), verb
        assert f"Error: {tmp_path / FILE} is not a DuckDB database." in done.stderr, verb
        assert "move it away, and run `dlt-harvest sync`" in done.stderr, verb
        assert "credentials" not in done.stderr, verb


def test_somebody_elses_database_is_not_taken_for_ours_and_left_as_it_is(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / FILE)) as database:
        database.execute("create table time_entries as select 1 as id")
    for verb in VERBS:
        done = ask(verb)
        assert (done.exit_code, done.stdout) == (2, ""), verb
        assert f"Error: {tmp_path / FILE} has no Harvest tables" in done.stderr, verb
        assert "run `dlt-harvest sync` first" in done.stderr, verb
    with duckdb.connect(str(tmp_path / FILE)) as database:
        assert database.execute("select table_schema, table_name from information_schema.tables").fetchall() == [
            ("main", "time_entries")
        ]


def test_a_database_that_cannot_be_opened_is_said_to_be_so_in_its_own_words(tmp_path: Path) -> None:
    # It begins like a database of DuckDB's, and goes on like none.
    (tmp_path / FILE).write_bytes(bytes(8) + b"DUCK" + bytes(9_000))
    for verb in ("sql", "build"):
        done = ask(verb)
        assert done.exit_code == 1, verb
        assert f"Error: {tmp_path / FILE} cannot be opened: " in done.stderr, verb
        assert "credentials" not in done.stderr, verb


def tables_of_nobody(file: Path) -> None:
    with duckdb.connect(str(file)) as database:
        database.execute(f"create schema {DATASET}; create table {DATASET}.clients as select 1 as id, 7 as account_id")


def tables_of_another_pipeline(file: Path) -> None:
    pipeline = dlt.pipeline("other", destination=dlt.destinations.duckdb(str(file)), dataset_name=DATASET)
    pipeline.run([{"id": 1}], table_name="clients")


@pytest.mark.parametrize("make", [tables_of_nobody, tables_of_another_pipeline], ids=lambda make: make.__name__)
def test_tables_of_others_that_have_the_names_of_ours_get_none_of_our_rows(
    make: Callable[[Path], None], tmp_path: Path, open_account: Callable[..., Account]
) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    make(warehouse.file)
    with pytest.raises(LoadFailed, match=r"belong to something else: clients\. Rename or move them"):
        load(warehouse, account.client().settings, ["clients"])
    with pytest.raises(LoadFailed, match=r"belong to something else: clients\."):
        sync_from(account, warehouse)
    assert account.simulator.requests == []
    with duckdb.connect(str(warehouse.file)) as database:
        assert [row[0] for row in database.execute(f"select id from {DATASET}.clients").fetchall()] == [1]
        database.execute(f"drop table {DATASET}.clients")
    load(warehouse, account.client(requests_per_15_s=0).settings, ["clients"])


@pytest.mark.parametrize("verb", VERBS)
def test_a_link_that_leads_nowhere_is_named_and_nothing_is_made_there(verb: str, tmp_path: Path) -> None:
    target = tmp_path / "mounted" / "elsewhere.duckdb"
    (tmp_path / FILE).symlink_to(target)
    done = ask(verb)
    assert done.exit_code == 1
    assert f"is a link to {target}, which does not exist" in done.stderr
    assert not target.exists()


@pytest.mark.parametrize("left", [100, 8192, 400_000])
def test_a_file_that_was_cut_short_says_to_put_a_copy_in_its_place(left: int, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / FILE)) as database:
        database.execute(f"create schema {DATASET}")
        database.execute(
            f"create table {DATASET}.time_entries as select range as id, repeat('x', 100) as n from range(99999)"
        )
    whole = (tmp_path / FILE).read_bytes()
    assert left < len(whole)
    (tmp_path / FILE).write_bytes(whole[:left])
    done = ask("sql")
    assert done.exit_code == 1
    assert "damaged or cut short: put a copy in its place" in " ".join(done.stderr.split())
    assert (tmp_path / FILE).read_bytes() == whole[:left]
