"""Columns that are left empty, and new fields: what is excluded reaches no disk, and nothing else is changed by that."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Collection
from html import escape
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from harvest_simulator import Fault
from harvest_time_tracking import STREAMS, SettingWrong, column_policy, harvest_time_tracking_source, tables
from harvest_time_tracking.column_policy import excludable
from harvest_warehouse.dashboard.pages import PAGES
from harvest_warehouse.dashboard.serve.answers import Dashboard
from harvest_warehouse.dashboard.url import slug
from harvest_warehouse.load import ColumnStopped, LoadReport, load
from harvest_warehouse.marts import build
from harvest_warehouse.settings.account import account_settings
from harvest_warehouse.sync import sync
from harvest_warehouse.verify import verify
from harvest_warehouse.warehouse import DATASET, Target
from storm.child import in_a_child
from storm.events import Kill
from support.accounts import Account, assert_equals_truth, sync_from, truth_rows
from support.consoles import run
from support.dashboards import text

ALL = [f"{table.name}.{column}" for table in tables().values() for column in excludable(table)]
SOME = ("clients", "contacts", "time_entries", "invoices")
SHORTEST = 8


def load_from(account: Account, warehouse: Target, *streams: str, **policy: Any) -> LoadReport:
    account.simulator.enforce_limits = False
    chosen = column_policy(policy.get("exclude_columns"), policy.get("on_new_column"), STREAMS)
    client = account.client(requests_per_15_s=0, report_requests_per_15_min=0, columns=chosen)
    return load(warehouse, client.settings, streams, client=client)


def texts_of(account: Account, streams: Collection[str]) -> set[str]:
    """Texts of excludable columns that stand in no other column."""
    held: set[str] = set()
    kept: list[str] = []
    truth = account.simulator.truth()
    for stream in streams:
        for table, rows in truth_rows(stream, truth[stream], "123456").items():
            excluded = set(excludable(tables()[table]))
            for row in rows:
                for column, value in row.items():
                    if column in excluded and isinstance(value, str) and len(value) >= SHORTEST:
                        held.add(value)
                    elif column not in excluded:
                        kept.append(str(value))
    others = "\n".join(kept)
    return {text for text in held if text not in others}


def found_in(folder: Path, texts: set[str]) -> set[str]:
    """Texts that are somewhere in the files of a folder, unpacked, or in a row of a database there."""
    found: set[str] = set()
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        held = path.read_bytes()
        if held[:2] == b"\x1f\x8b":
            held = gzip.decompress(held)
        elif held[:4] == b"PAR1":
            held += repr(pq.read_table(path).to_pylist()).encode()
        elif path.suffix == ".duckdb":
            with duckdb.connect(str(path)) as connection:
                names = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
                for schema, name in names:
                    held += repr(connection.execute(f'select * from "{schema}"."{name}"').fetchall()).encode()
        whole = held.decode("utf-8", "replace")
        found |= {text for text in texts if text in whole or json.dumps(text)[1:-1] in whole}
    return found


def test_values_of_excluded_columns_reach_no_disk(open_account: Callable[..., Account], tmp_path: Path) -> None:
    account = open_account()
    texts = texts_of(account, SOME)
    assert len(texts) > 50
    warehouse = Target(tmp_path / "without")
    warehouse.folder.mkdir()
    report = load_from(account, warehouse, *SOME, exclude_columns=ALL)
    assert {outcome.outcome for outcome in report.streams} == {"complete"}
    assert found_in(tmp_path, texts) == set()
    with duckdb.connect(str(warehouse.file)) as connection:
        counts = connection.execute(
            f"select count(*), count(hours), count(notes), count(user__name), count(started_time) from {DATASET}.time_entries"
        ).fetchall()
    entries = len(account.simulator.truth()["time_entries"])
    assert counts == [(entries, entries, 0, 0, 0)]


@pytest.mark.nightly
def test_the_search_finds_what_is_not_excluded(open_account: Callable[..., Account], tmp_path: Path) -> None:
    account = open_account()
    texts = texts_of(account, SOME)
    load_from(account, Target(tmp_path), *SOME)
    assert found_in(tmp_path, texts) == texts


@pytest.mark.nightly
@pytest.mark.skipif(not hasattr(os, "fork"), reason="only a process that forks can be killed so quickly")
def test_nor_do_they_where_a_load_is_killed(open_account: Callable[..., Account], tmp_path: Path) -> None:
    account = open_account()
    texts = texts_of(account, SOME)
    first = Target(tmp_path / "whole")
    first.folder.mkdir()
    events = in_a_child(lambda: load_from(account, first, *SOME, exclude_columns=ALL))
    assert events
    ends = []
    for part in range(1, 8):
        place = Target(tmp_path / f"{part}", pipelines_dir=tmp_path / f"{part}" / "pipelines")
        place.folder.mkdir()
        kill = Kill(events * part // 8, 0)
        ends.append(
            in_a_child(lambda place=place: load_from(account, place, *SOME, exclude_columns=ALL), kill)  # type: ignore[misc]
        )
        assert found_in(tmp_path, texts) == set(), kill
    assert None in ends, "nobody was killed"


@pytest.mark.nightly
@pytest.mark.parametrize("fault", [Fault.ODD_TYPE, Fault.UNKNOWN_FIELD], ids=lambda fault: fault.name)
def test_nor_do_they_in_answers_that_are_not_as_documented(
    open_account: Callable[..., Account], tmp_path: Path, fault: Fault
) -> None:
    account = open_account()
    texts = texts_of(account, SOME)
    account.simulator.faults.at({}, fault, times=10_000)
    load_from(account, Target(tmp_path), *SOME, exclude_columns=ALL)
    assert found_in(tmp_path, texts) == set()


@pytest.mark.nightly
def test_all_that_can_be_excluded_leaves_marts_pages_and_a_comparison_that_says_what_it_cannot_prove(
    open_account: Callable[..., Account], tmp_path: Path
) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    account.simulator.enforce_limits = False
    policy = column_policy(ALL, None, STREAMS)
    client = account.client(requests_per_15_s=0, report_requests_per_15_min=0, columns=policy)
    for _ in range(2):
        report = sync(warehouse, client.settings, client=client, build_marts=False)
        assert report.is_equal
    assert report.history
    assert report.history.opened == report.history.closed == 0
    assert build(warehouse).tables
    pages = Dashboard(warehouse)
    for name in PAGES:
        assert f"<h1>{escape(name)}</h1>" in text(pages.page(slug(name), {}))
    compared = verify(warehouse, client.settings, client=client)
    assert not compared.is_proven
    unproven = [one for one in compared.judged if one.verdict not in ("exact", "tie")]
    assert {one.reason for one in unproven} == {"time_entries.billable_rate is left empty (exclude_columns)"}
    assert {one.figure.report for one in unproven} >= {"time/projects", "uninvoiced"}
    assert all(one.verdict in ("exact", "tie") for one in compared.judged if one.figure.is_hours)


@pytest.mark.nightly
def test_a_list_is_read_again_when_other_columns_of_it_are_excluded(
    open_account: Callable[..., Account], tmp_path: Path
) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    texts = texts_of(account, ["time_entries", "invoices"])
    load_from(account, warehouse, *SOME)
    excluded = ["time_entries.notes", "invoices__line_items.description"]
    report = load_from(account, warehouse, *SOME, exclude_columns=excluded)
    is_full = {outcome.stream: outcome.is_full for outcome in report.streams}
    assert is_full["time_entries"]
    assert is_full["invoices"]
    assert not is_full["clients"]
    with duckdb.connect(str(warehouse.file)) as connection:
        notes = connection.execute(f"select count(notes) from {DATASET}.time_entries").fetchall()
        lines = connection.execute(f"select count(description), count(*) > 0 from {DATASET}.invoices__line_items")
        assert notes == [(0,)]
        assert lines.fetchall() == [(0, True)]
    report = load_from(account, warehouse, *SOME, exclude_columns=excluded)
    assert not any(outcome.is_full for outcome in report.streams if STREAMS[outcome.stream].has_updated_since)
    assert texts
    sync_from(account, warehouse)
    assert_equals_truth(account)


def test_a_new_field_stops_the_run_before_anything_is_written_if_it_is_to(
    open_account: Callable[..., Account], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    load_from(account, warehouse, "clients")
    before = len(account.simulator.truth()["clients"])
    account.simulator.store.create_client("Another")
    account.simulator.faults.at({"path": "/v2/clients"}, Fault.UNKNOWN_FIELD, times=100)
    with pytest.raises(ColumnStopped, match=r"a new field, clients\.brand_new_flag"):
        load_from(account, warehouse, "clients", on_new_column={"clients": "stop"})
    with duckdb.connect(str(warehouse.file)) as connection:
        assert connection.execute(f"select count(*) from {DATASET}.clients").fetchall() == [(before,)]
    for name, value in {
        "ACCESS_TOKEN": account.simulator.access_token,
        "ACCOUNT_ID": account.simulator.account_id,
        "BASE_URL": account.url,
        "ON_NEW_COLUMN": "stop",
    }.items():
        monkeypatch.setenv(f"SOURCES__HARVEST_TIME_TRACKING__{name}", value)
    done = run("load", "clients")
    assert done.code == 3
    assert b"clients.brand_new_flag" in done.err
    # A choice by stream, from the environment; the field is named, and no column is made.
    monkeypatch.setenv("SOURCES__HARVEST_TIME_TRACKING__ON_NEW_COLUMN", '{clients = "ignore", default = "stop"}')
    done = run("load", "clients")
    assert done.code == 0, done.err
    assert b"new in Harvest and ignored: clients.brand_new_flag" in done.out
    with duckdb.connect(str(warehouse.file)) as connection:
        columns = {row[0] for row in connection.execute(f"describe {DATASET}.clients").fetchall()}
        assert connection.execute(f"select count(*) from {DATASET}.clients").fetchall() == [(before + 1,)]
    assert not any("brand_new" in column for column in columns)


@pytest.mark.nightly
def test_a_new_field_of_records_with_lists_is_ignored_or_stops_too(
    open_account: Callable[..., Account], tmp_path: Path
) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    account.simulator.faults.at({"path": "/v2/invoices"}, Fault.UNKNOWN_FIELD, times=100)
    with pytest.raises(ColumnStopped, match=r"a new field, invoices\.brand_new"):
        load_from(account, warehouse, "invoices", on_new_column="stop")
    load_from(account, warehouse, "invoices", on_new_column="ignore")
    with duckdb.connect(str(warehouse.file)) as connection:
        tables_there = {row[0] for row in connection.execute("select table_name from duckdb_tables()").fetchall()}
        columns = {row[0] for row in connection.execute(f"describe {DATASET}.invoices").fetchall()}
    assert not any("brand_new" in name for name in tables_there | columns)


@pytest.mark.parametrize(
    ("excluded", "on_new"),
    [
        ('["time_entries.notes", "users.cost_rate"]', '{clients = "stop", default = "ignore"}'),
        ("time_entries.notes, users.cost_rate", '{"clients": "stop", "default": "ignore"}'),
    ],
)
def test_the_source_alone_and_the_commands_read_the_policy_in_every_form(
    open_account: Callable[..., Account], monkeypatch: pytest.MonkeyPatch, excluded: str, on_new: str
) -> None:
    account = open_account()
    for name, value in {
        "ACCESS_TOKEN": account.simulator.access_token,
        "ACCOUNT_ID": account.simulator.account_id,
        "BASE_URL": account.url,
        "EXCLUDE_COLUMNS": excluded,
        "ON_NEW_COLUMN": on_new,
    }.items():
        monkeypatch.setenv(f"SOURCES__HARVEST_TIME_TRACKING__{name}", value)
    wanted = column_policy(["users.cost_rate", "time_entries.notes"], {"default": "ignore", "clients": "stop"}, STREAMS)
    assert account_settings().columns == wanted
    account.simulator.faults.at({"path": "/v2/tasks"}, Fault.UNKNOWN_FIELD, times=100)
    source = harvest_time_tracking_source().with_resources("users", "tasks")
    account.pipeline.run(source, loader_file_format="parquet").raise_on_failed_jobs()
    assert {user["cost_rate"] for user in account.rows("users")} == {None}
    assert not any("brand_new" in column for column in account.column_types("tasks"))


@pytest.mark.parametrize(
    ("excluded", "on_new", "said"),
    [
        (["time_entry.notes"], None, "no table 'time_entry'. Did you mean time_entries?"),
        (["time_entries.note"], None, "no documented column 'note'. Did you mean notes?"),
        (["notes"], None, "written as table.column"),
        (["time_entries.hours"], None, "time_entries.hours cannot be left out"),
        (["time_entries.id"], None, "cannot be left out"),
        (["users.is_active"], None, "these can be: first_name"),
        ({"time_entries": "notes"}, None, "exclude_columns is a list"),
        (None, "drop", "add, ignore or stop, got 'drop'"),
        (None, {"time_entrys": "stop"}, "Did you mean time_entries?"),
    ],
)
def test_a_policy_that_cannot_work_is_an_error_that_names_the_way(excluded: Any, on_new: Any, said: str) -> None:
    with pytest.raises(SettingWrong) as caught:
        column_policy(excluded, on_new, STREAMS)
    assert said in str(caught.value)
