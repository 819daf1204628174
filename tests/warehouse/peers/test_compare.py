"""A comparison names each row and value that the old copy has wrong: none missed, none invented."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from harvest_time_tracking import SettingWrong
from harvest_warehouse.peers import CompareReport, Difference, compare, keep_deleted, layout
from harvest_warehouse.peers.html import page
from harvest_warehouse.warehouse import Target
from support.accounts import Account, deletions, sync_from, truth_rows
from support.consoles import run

TYPES = {"decimal": "DECIMAL(38,9)", "text": "VARCHAR", "json": "JSON"}
STREAMS = (
    "clients",
    "projects",
    "users",
    "tasks",
    "task_assignments",
    "user_assignments",
    "time_entries",
    "expenses",
    "invoices",
    "estimates",
    "contacts",
    "expense_categories",
)
# What Harvest changes without a new date shows in what it answers, too.
Truth = dict[str, dict[int, dict[str, Any]]]


def truth_of(account: Account) -> Truth:
    records = account.simulator.truth()
    return {
        stream: {row["id"]: json.loads(json.dumps(row, default=float)) for row in records[stream]} for stream in STREAMS
    }


def put(
    warehouse: Target, truth: Mapping[str, Mapping[int, Mapping[str, Any]]], folder: Path, schema: str = "old"
) -> None:
    """A copy as Airbyte makes it: each field of an answer in the column of its name."""
    with duckdb.connect(str(warehouse.file)) as database:
        database.execute(f"create schema {schema}")
        for stream, rows in truth.items():
            columns = {
                column.name: TYPES.get(column.kind, column.kind) for column in layout("airbyte").tables[stream].columns
            }
            file = folder / f"{stream}.jsonl"
            lines = (
                {name: row.get(name) for name in columns} | {"_airbyte_extracted_at": "2026-01-01"}
                for row in rows.values()
            )
            file.write_text("\n".join(map(json.dumps, lines)))
            kinds = json.dumps(columns | {"_airbyte_extracted_at": "TIMESTAMPTZ"})
            database.execute(f"create table {schema}.{stream} as from read_json('{file}', columns={kinds})")


@dataclass(frozen=True)
class Compared:
    account: Account
    warehouse: Target
    old: Truth
    now: Truth
    report: CompareReport
    found: list[Difference]


@pytest.fixture
def compared(open_account: Callable[..., Account], tmp_path: Path) -> Compared:
    """An account that was copied by both, and went on; the old copy has seen nothing since."""
    account, warehouse = open_account(), Target(tmp_path)
    store = account.simulator.store
    for entry in account.simulator.truth()["time_entries"]:
        if entry["is_running"]:
            store.stop_timer(entry["id"])
    sync_from(account, warehouse)
    old = truth_of(account)
    put(warehouse, old, tmp_path)
    account.simulator.clock.sleep(86_400)
    account.simulator.mutate(40, seed=7, deletions=True)
    entries = sorted(store.time_entries)
    for entry_id in entries[5:9]:
        store.delete_time_entry(entry_id)
    store.move_to_date(entries[20], date(2026, 2, 3))
    store.create_time_entry(hours=Decimal("1.25"), notes="late")
    store.rename_project(next(iter(store.projects)), "Renamed since")
    for entry in account.simulator.truth()["time_entries"]:
        if entry["is_running"]:
            store.stop_timer(entry["id"])
    account.simulator.clock.sleep(7_200)
    sync_from(account, warehouse, accept_deletions=True, reread_requests=100)
    found: list[Difference] = []
    report = compare(warehouse, "airbyte", "old", on_difference=found.append)
    return Compared(account, warehouse, old, truth_of(account), report, found)


def test_each_row_and_value_that_is_wrong_is_named(compared: Compared, tmp_path: Path) -> None:
    want: set[tuple[Any, ...]] = set()
    for stream in STREAMS:
        old, now = compared.old[stream], compared.now[stream]
        want |= {(stream, key, "only_there", ()) for key in old.keys() - now.keys()}
        want |= {(stream, key, "only_here", ()) for key in now.keys() - old.keys()}
        listed = [
            column.name
            for column in layout("airbyte").tables[stream].columns
            if not column.is_null
            and not column.source.startswith("access_roles[a")
            and column.source != "access_roles[manager]"
        ]
        for key in old.keys() & now.keys():
            wrong = tuple(sorted(name for name in listed if old[key].get(name) != now[key].get(name)))
            if wrong:
                want.add((stream, key, "differs", wrong))
    have = {(one.table, one.key[0], one.what, tuple(sorted(one.values))) for one in compared.found}
    assert have == want
    assert len(have) == len(compared.found)
    assert {what for _, _, what, _ in want} == {"only_there", "only_here", "differs"}
    by_table = {table.name: table for table in compared.report.tables}
    assert by_table["time_entries"].rows_there == len(compared.old["time_entries"])
    assert by_table["time_entries"].rows_here == len(compared.now["time_entries"])
    assert by_table["company"].not_compared == "the old copy does not have it"
    # Each of these was here, and Harvest deleted it since.
    assert all(one.deleted_at for one in compared.found if one.what == "only_there")
    _totals(compared)
    _seen(compared, tmp_path)


def _totals(compared: Compared) -> None:
    """Hours and money move by what the account's own records say."""
    want: dict[tuple[str, str, str, str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    names = {
        stream: {key: row["name"] for key, row in compared.now[stream].items()} for stream in ("clients", "projects")
    }

    def name(stream: str, key: int) -> str:
        return names[stream].get(key, f"{stream[:-1]} {key}")

    for side, truth in enumerate((compared.old, compared.now)):
        for key, row in truth["time_entries"].items():
            if compared.old["time_entries"].get(key) == compared.now["time_entries"].get(key):
                continue
            of = (row["spent_date"][:7], name("clients", row["client"]["id"]), name("projects", row["project"]["id"]))
            want["hours", *of, ""][side] += Decimal(str(row["hours"]))
    have = {
        (one.measure, one.month, one.client, one.project, one.currency): [one.there, one.here]
        for one in compared.report.moved
        if one.measure == "hours"
    }
    assert have == {key: sums for key, sums in want.items() if sums[0] != sums[1]}
    total = next(one for one in compared.report.totals if one.measure == "hours")
    sums = [
        sum(Decimal(str(row["hours"])) for row in truth["time_entries"].values())
        for truth in (compared.old, compared.now)
    ]
    assert total.by == sums[1] - sums[0]


def _seen(compared: Compared, folder: Path) -> None:
    """What a person sees, and what a machine does."""
    told = run("compare", "--like", "airbyte", "--with", "old", "--out", "compare.html", "--rows", "rows.jsonl")
    assert told.code == 3
    assert b"hours" in told.out
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {(row["table"], row["key"][0]) for row in rows} == {(one.table, one.key[0]) for one in compared.found}
    html = (folder / "compare.html").read_text(encoding="utf-8")
    assert "What your totals will move by" in html
    assert "<script" not in page(compared.report)
    machine = json.loads(run("compare", "--like", "airbyte", "--with", "old", "--json").out)
    assert machine["is_equal"] is False
    with pytest.raises(SettingWrong, match="has none of Stitch's tables"):
        compare(compared.warehouse, "stitch", "nothing")


def test_a_copy_with_every_version_is_compared_by_its_newest(synced: tuple[Account, Target], tmp_path: Path) -> None:
    account, warehouse = synced
    store = account.simulator.store
    old = truth_of(account)["time_entries"]
    running = {key for key, row in old.items() if row["is_running"]}
    put(warehouse, {"time_entries": {key: row for key, row in old.items() if key not in running}}, tmp_path)
    first = next(key for key in old if key not in running)
    with duckdb.connect(str(warehouse.file)) as database:
        database.execute(
            f"insert into old.time_entries select * replace (hours + 1 as hours, timestamptz '2025-01-01' as _airbyte_extracted_at) "
            f"from old.time_entries where id = {first}"
        )
        # Some targets write timestamps without a zone, and the machine may be anywhere.
        database.execute("set timezone = 'UTC'; alter table old.time_entries alter updated_at type timestamp")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        report = compare(warehouse, "airbyte", "old")
    time.tzset()
    [entries] = [table for table in report.tables if table.name == "time_entries"]
    assert (entries.superseded, entries.differing, entries.only_here) == (1, 0, len(running))
    extra = next(one for one in report.totals if one.measure == "hours")
    timers = sum(Decimal(str(row["hours"])) for row in _here(warehouse, running))
    assert extra.there == Decimal(str(old[first]["hours"])) + 1
    assert extra.here == timers
    assert store


def _here(warehouse: Target, ids: set[int]) -> list[dict[str, Any]]:
    with duckdb.connect(str(warehouse.file)) as database:
        listed = ", ".join(map(str, ids)) or "0"
        return [
            {"hours": hours}
            for (hours,) in database.execute(
                f"select hours from {warehouse.dataset_name}.time_entries where id in ({listed})"
            ).fetchall()
        ]


def test_what_only_the_old_copy_has_is_kept_with_its_source(
    open_account: Callable[..., Account], tmp_path: Path
) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    store = account.simulator.store
    old = truth_of(account)
    entries = sorted(key for key, row in old["time_entries"].items() if not row["is_running"])
    gone, early, expense = entries[3], entries[4], sorted(store.expenses)[10]
    for entry_id in (gone, early):
        store.delete_time_entry(entry_id)
    store.delete_expense(expense)
    account.simulator.clock.sleep(86_400)
    sync_from(account, warehouse)
    # Of a time that this copy perhaps never had.
    old["time_entries"][early]["spent_date"] = "2001-01-01"
    put(warehouse, old, tmp_path)
    before = {table: account.rows(table) for table in ("time_entries", "expenses")}
    tried = keep_deleted(warehouse, "airbyte", "old", is_dry=True)
    assert dict(tried.kept) == {"time_entries": 1, "expenses": 1}
    assert deletions(account) == {}
    report = keep_deleted(warehouse, "airbyte", "old")
    assert dict(report.kept) == {"time_entries": 1, "expenses": 1}
    assert {(name, rows) for (name, _), rows in report.left.items()} == {("time_entries", 1)}
    kept = deletions(account)
    assert kept.keys() == {("time_entries", str(gone)), ("expenses", str(expense))}
    for (table, key), row in kept.items():
        assert row["copied_from"] == "airbyte: old"
        [want] = truth_rows(table, [old[table][int(key)]], account.simulator.account_id)[table]
        # Of what Airbyte has; a date is written as text.
        said = {name: value for name, value in json.loads(row["content"]).items() if value is not None}
        listed = {name: value for name, value in want.items() if value is not None and name in said}
        assert {name: plain(value) for name, value in said.items()} == {
            name: plain(value) for name, value in listed.items()
        }
        assert len(said) > 15
    assert {table: account.rows(table) for table in before} == before
    again = keep_deleted(warehouse, "airbyte", "old")
    assert (dict(again.kept), again.known) == ({}, 2)
    told = run("import", "--like", "airbyte", "--from-schema", "old", "--dry-run")
    assert b"nothing" in told.out
    with duckdb.connect(str(warehouse.file)) as database:
        for stream in STREAMS:
            database.execute(f"update old.{stream} set id = -id")
        # Has no key, so that of any account stands where that of this one is.
        database.execute("create table old.company as select 'https://other.harvestapp.com' as base_uri")
    with pytest.raises(SettingWrong, match="it is of another account"):
        keep_deleted(warehouse, "airbyte", "old")


def plain(value: Any) -> str:
    """A value as text, whatever wrote it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        return str(float(value))
    text = str(value.isoformat() if isinstance(value, date) else value).replace("+00:00", "Z")
    try:
        return str(float(text))
    except ValueError:
        return text
