"""A dataset that moves: the same rows on the other side, and the next sync goes on there as it would have at the old place."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from dlt.common.utils import uniq_id
from filelock import FileLock

from destinations.conftest import Opened
from destinations.doubles import DOUBLES
from destinations.story import Story
from destinations.test_conformance import counted, plain
from destinations.test_values import TABLE, rows_of
from harvest_simulator import Simulator
from harvest_time_tracking import SettingWrong
from harvest_warehouse.database import DatabaseBusy, open_database
from harvest_warehouse.database.connection import UNFINISHED_COPY, IncompleteCopy
from harvest_warehouse.database.lock import exclusive_lock
from harvest_warehouse.database.run import Run
from harvest_warehouse.database.system_tables import SystemTable, write_rows
from harvest_warehouse.database.table_scan import fitting
from harvest_warehouse.load import LoadFailed
from harvest_warehouse.marts import build
from harvest_warehouse.marts.settings import MartSettings
from harvest_warehouse.query import query
from harvest_warehouse.sync import SyncReport
from harvest_warehouse.transfer import CopyReport, copy
from harvest_warehouse.transfer.copy import CopyFailed
from harvest_warehouse.verify import verify
from harvest_warehouse.warehouse import Target
from support.accounts import Account, sync_from

# By `make test-destinations`, every other; by `make test`, the one that people outgrow a file for.
OTHERS = [name for name in DOUBLES if name != "duckdb" and ("DESTINATIONS_SIZE" in os.environ or name == "postgres")]

Everything = dict[str, Counter[Any]]


@dataclass(frozen=True)
class Moved:
    """An account that was copied from DuckDB, and back into another file.

    Attributes:
        start: every table as it was, dlt's own and dlt's columns included.
        there: what the copy made of it, before anything else was written.
        back: what the copy back made of that.
        report: of the copy.
        stayed: the old place.
        target: the new one.
        account: the company, which goes on.
    """

    start: Everything
    there: Everything
    back: Everything
    report: CopyReport
    stayed: Target
    target: Target
    account: Account


@dataclass(frozen=True)
class WentOn:
    """What came of it at both places, the new one and the old one: a sync, and each request with its query."""

    new: SyncReport
    old: SyncReport
    asked_new: Counter[Any]
    asked_old: Counter[Any]


def unpacked(row: dict[str, Any]) -> dict[str, Any]:
    """A row; where it is one of dlt's schemas in short form, with the whole."""
    text = row.get("schema")
    is_packed = isinstance(text, str) and not text.startswith("{")
    return {**row, "schema": zlib.decompress(base64.b64decode(text)).decode()} if is_packed and text else row


def everything(warehouse: Target, nul: str = "\x00") -> Everything:
    """Every row of every table of the dataset, all columns; with what the other side has for U+0000."""
    with open_database(warehouse) as database:
        return {
            name: Counter(
                tuple(
                    sorted((column, plain(value).replace("\x00", nul), value is None) for column, value in row.items())
                )
                for row in map(unpacked, database.records(f'select * from "{name}"'))
            )
            for name in database.names()
        }


@pytest.fixture(scope="module", params=OTHERS)
def moved(request: pytest.FixtureRequest, opened: Opened, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moved]:
    opened(request.param)  # Or it is skipped.
    story = opened("duckdb").story
    folder = tmp_path_factory.mktemp("moved")
    # A server of its own: an empty place of the usual name.
    with DOUBLES[request.param].opened() as environment, pytest.MonkeyPatch.context() as patch:
        for name, value in {**environment, "DLT_DATA_DIR": str(folder / "dlt")}.items():
            patch.setenv(name, value)
        yield _move(story, folder, request.param)


def _move(story: Story, folder: Path, destination: str) -> Moved:
    for name in ("here", "stayed"):
        shutil.copytree(story.warehouse.folder, folder / name)
    # As a user does it: in the folder of the old place, with the working folder that both share.
    source, target = _place(folder / "here"), _place(folder / "here", destination)
    stayed, back = _place(folder / "stayed"), _place(folder / "back")
    back.folder.mkdir()
    start = everything(source)
    report = copy(source, target, build_marts=False)
    there = everything(target)
    copy(target, back, build_marts=False)
    account = Account(story.simulator, story.account.url, folder)
    return Moved(start, there, everything(back), report, stayed, target, account)


@pytest.fixture(scope="module")
def went_on(moved: Moved) -> WentOn:
    simulator = moved.account.simulator
    simulator.clock.sleep(86_400)
    _change_again(simulator)
    # Nothing is read again in turn: of a tiny company that would be all of it.
    new, asked_new = _asked(moved.account, moved.target)
    old, asked_old = _asked(moved.account, moved.stayed)
    return WentOn(new, old, asked_new, asked_old)


def _asked(account: Account, place: Target) -> tuple[SyncReport, Counter[Any]]:
    """A sync, and what Harvest was asked in it."""
    before = len(account.simulator.requests)
    report = sync_from(account, place, reread_requests=0)
    asked = account.simulator.requests[before:]
    return report, Counter((request.path, *sorted(request.query.items())) for request in asked)


def _place(folder: Path, destination: str = "duckdb") -> Target:
    return Target(folder, pipelines_dir=folder / "pipelines", destination=destination)


def _change_again(simulator: Simulator) -> None:
    store = simulator.store
    entries = sorted(store.time_entries)
    store.edit_time_entry(entries[-1], notes="after the move")
    store.delete_time_entry(entries[3])
    store.edit_client(min(store.clients), name="Renamed after the move")
    store.edit_project(min(store.projects), budget=Decimal("777.25"))
    store.delete_invoice(max(store.invoices))


@pytest.mark.nightly
def test_every_row_arrives_with_dlts_own_columns_and_tables(moved: Moved) -> None:
    assert moved.there == moved.start
    assert {"_dlt_loads", "_dlt_pipeline_state", "_dlt_version", "harvest_runs", "harvest_deletions"} <= set(
        moved.start
    )
    assert moved.start["harvest_deletions"]
    assert any(moved.start[name] for name in moved.start if name.endswith("_history"))
    assert any(len(rows) > 1 for name, rows in moved.start.items() if name.endswith("__line_items"))
    assert {table.name: table.rows for table in moved.report.tables} == {
        name: rows.total() for name, rows in moved.start.items()
    }


def test_copied_back_it_is_what_it_was(moved: Moved) -> None:
    assert moved.back == moved.start


@pytest.mark.nightly
def test_the_next_sync_goes_on_there_with_the_same_requests(went_on: WentOn) -> None:
    assert went_on.new.is_equal
    assert went_on.old.is_equal
    assert went_on.asked_new == went_on.asked_old
    entries = [dict(query) for path, *query in went_on.asked_new if path.endswith("/time_entries")]
    assert any("updated_since" in query for query in entries), "no new backfill"
    assert went_on.new.load
    assert not any(outcome.is_full for outcome in went_on.new.load.streams if outcome.stream == "time_entries")


def test_it_brings_the_same_rows_and_history(moved: Moved, went_on: WentOn) -> None:
    assert _differing(moved, "") == []
    with open_database(moved.target) as database:
        notes = {row[0] for row in database.rows("select notes from time_entries")}
    assert "after the move" in notes


def test_the_marts_are_the_same(moved: Moved, went_on: WentOn) -> None:
    for place in (moved.target, moved.stayed):
        build(place, MartSettings(), as_of=moved.account.simulator.clock.now().date())
    assert _differing(moved, "marts.") == []


def _differing(moved: Moved, schema: str) -> list[str]:
    """The tables whose rows are not the same at both places."""
    with open_database(moved.stayed) as old, open_database(moved.target) as new:
        ours, theirs = (
            {name for name in database.tables() if name.startswith(("dim_", "fct_", "mart_"))}
            if schema
            else {*database.names()}
            for database in (new, old)
        )
        compared = {name for name in ours if not name.startswith(("_dlt", "harvest_reconciliation"))}
        assert len(compared) > 10
        assert compared <= theirs
        return [
            name
            for name in sorted(compared)
            if counted(new.records(f"select * from {schema}{name}"))
            != counted(old.records(f"select * from {schema}{name}"))
        ]


def test_the_reports_agree_there(moved: Moved, went_on: WentOn) -> None:
    client = moved.account.client(requests_per_15_s=0, report_requests_per_15_min=0)
    verified = verify(moved.target, client.settings, client=client)
    assert verified.is_proven
    assert verified.judged


def test_children_find_their_parents(moved: Moved, went_on: WentOn) -> None:
    with open_database(moved.target) as database:
        children = [name for name in database.names() if "_dlt_parent_id" in database.columns(name)]
        for name in children:
            parent = name.rpartition("__")[0]
            lost = f'select count(*) from "{name}" where "_dlt_parent_id" not in (select "_dlt_id" from "{parent}")'
            assert database.rows(lost) == [(0,)], name
    assert "invoices__line_items" in children


def test_history_has_one_open_version_of_a_record(moved: Moved, went_on: WentOn) -> None:
    with open_database(moved.target) as database:
        kept = [name for name in database.names() if name.endswith("_history")]
        for name in kept:
            twice = f"select record_key from {name} where _dlt_valid_to is null group by 1 having count(*) > 1"
            assert database.rows(twice) == [], name
        opened = database.rows("select _dlt_valid_to from projects_history where budget = 777.25")
    assert opened == [(None,)]
    before = {row for row in moved.start["projects_history"] if ("_dlt_valid_to", "None", True) not in row}
    after = set(everything(moved.target)["projects_history"])
    assert before <= after, "what was closed stays as it was"


@pytest.mark.nightly
def test_the_command_copies_and_says_so(moved: Moved, tmp_path: Path) -> None:
    there = ("--from", moved.target.destination)
    done = _run(tmp_path, *there, "--to", "duckdb", "--no-build")
    assert done.returncode == 0, done.stderr
    assert "copying time_entries (table " in done.stderr
    assert "WARNING" not in done.stderr
    rows = everything(moved.target)
    assert f"{sum(of.total() for of in rows.values()):,} rows of {len(rows)} tables from " in done.stdout
    assert "`dlt-harvest sync --destination duckdb`" in done.stdout
    assert everything(Target(tmp_path, pipelines_dir=tmp_path / "p")) == rows
    again = _run(tmp_path, *there, "--to", "duckdb")
    assert again.returncode == 2
    assert "already holds" in again.stderr


@pytest.mark.nightly
def test_wrong_use_is_told(moved: Moved, tmp_path: Path) -> None:
    unsaid = _run(tmp_path, "--from", "duckdb")
    assert unsaid.returncode == 2
    assert "--to" in unsaid.stderr
    nothing = _run(tmp_path, "--from", "duckdb", "--to", moved.target.destination)
    assert nothing.returncode == 2
    assert nothing.stderr.startswith("Error: There is nothing to copy")
    assert not list(tmp_path.glob("*.duckdb"))


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harvest_warehouse.cli", "copy", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=folder)


# Small tables of values that some database gets wrong: for what can go wrong.

JSON = SystemTable(
    "harvest_objects",
    "Lists and objects",
    ("id",),
    (("id", "bigint", "Its key"), ("anything", "json", "An object, each of other keys")),
)
OBJECTS = [
    {"id": 1, "anything": {"b": [1, 2**63, None], "a": {"ä": "👩🏽‍🚀"}}},
    {"id": 2, "anything": {"only_here": ""}},
    {"id": 3, "anything": None},
    {"id": 4, "anything": [1.25, True, {"x": "1.25"}]},
]
KILLED = """
import os, signal, sys
from pathlib import Path
from harvest_warehouse.transfer import copy
from harvest_warehouse.warehouse import Target
def step(said):
    if said.startswith(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
folder, dataset = Path(sys.argv[1]), sys.argv[4]
names = {"pipelines_dir": folder / "pipelines", "dataset_name": dataset, "marts_name": dataset + "_marts"}
copy(Target(folder, **names), Target(folder, destination=sys.argv[2], **names), build_marts=False, on_step=step)
"""

Places = tuple[Target, Target]


@pytest.fixture(params=OTHERS)
def places(
    request: pytest.FixtureRequest, opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Places]:
    """A file with two small tables, and an empty place elsewhere."""
    other = opened(request.param)
    for name, value in other.environment.items():
        monkeypatch.setenv(name, value)
    dataset = f"copy_{uniq_id(4)}"
    names = {"dataset_name": dataset, "marts_name": f"{dataset}_marts"}
    source = Target(tmp_path, pipelines_dir=tmp_path / "pipelines", **names)
    write_rows(Run(source), TABLE.holding(rows_of(other.stand)), JSON.holding(OBJECTS))
    yield source, other.warehouse(tmp_path, **names)
    with open_database(other.warehouse(tmp_path, **names), is_copying=True) as database:
        database.drop_datasets()


def test_values_that_databases_get_wrong_come_back_as_they_were(places: Places, tmp_path: Path) -> None:
    source, target = places
    copy(source, target, build_marts=False)
    again = tmp_path / "again"
    again.mkdir()
    back = Target(again, pipelines_dir=again / "p", dataset_name=source.dataset_name, marts_name=source.marts_name)
    copy(target, back, build_marts=False)
    nul = DOUBLES[target.destination].nul
    assert everything(target) == everything(back) == everything(source, nul)
    for place in (target, back):
        with open_database(place) as database:
            rows = {row["id"]: row for row in database.records("select * from harvest_values")}
            [kept] = database.rows(f"select {database.json_text('anything')} from harvest_objects where id = 3")
        wanted = rows_of(DOUBLES[target.destination])
        assert {want["id"]: {name: rows[want["id"]][name] for name in want} for want in wanted} == {
            want["id"]: {**want, "note": want["note"] and want["note"].replace("\x00", nul)} for want in wanted
        }
        assert kept == (None,)


@pytest.mark.parametrize(
    "at", ["copying harvest_values", "copying _dlt_pipeline_state", "comparing _dlt_pipeline_state"]
)
@pytest.mark.by_day(1)
def test_a_copy_that_is_killed_counts_for_nothing_and_is_made_anew(places: Places, at: str) -> None:
    source, target = places
    command = [sys.executable, "-c", KILLED, str(source.folder), target.destination, at, source.dataset_name]
    done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with pytest.raises(IncompleteCopy, match="half a copy"):
        build(target, MartSettings())
    with pytest.raises(IncompleteCopy), exclusive_lock(target), open_database(target):
        pass
    with pytest.raises(IncompleteCopy, match="--replace-unfinished"):
        query(target, "select * from harvest_values")
    with pytest.raises(SettingWrong, match="--replace-unfinished"):
        copy(source, target, build_marts=False)
    copy(source, target, build_marts=False, replace_unfinished=True)
    assert everything(target) == everything(source, DOUBLES[target.destination].nul)
    with pytest.raises(SettingWrong, match="already holds"):
        copy(source, target, replace_unfinished=True)


def test_a_sync_does_not_go_on_with_half_a_copy(places: Places, open_account: Callable[..., Account]) -> None:
    source, target = places
    _interrupt(source, target)
    account = open_account()
    with pytest.raises(LoadFailed, match="half a copy"):
        sync_from(account, target)
    assert not account.simulator.requests
    with pytest.raises(IncompleteCopy):
        copy(target, Target(source.folder, "another.duckdb", pipelines_dir=source.folder / "p"))


def _interrupt(source: Target, target: Target) -> None:
    def step(said: str) -> None:
        if said.startswith("comparing"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(source, target, on_step=step)


@pytest.mark.parametrize(
    "damage",
    [
        "update harvest_values set note = null where note = ''",
        "delete from harvest_values where id = 1",
        "update harvest_values set amount = amount + 0.000000001 where id = 2",
    ],
)
def test_a_difference_is_found_and_the_copy_stays_unfinished(places: Places, damage: str) -> None:
    source, target = places

    def step(said: str) -> None:
        if said.startswith("comparing harvest_values"):
            with open_database(target, is_copying=True) as database:
                database.run([damage])

    with pytest.raises(CopyFailed, match="harvest_values is not equal on both sides"):
        copy(source, target, on_step=step)
    with pytest.raises(IncompleteCopy), open_database(target):
        pass


def test_what_cannot_be_copied_is_refused_and_nothing_changes(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = places
    with pytest.raises(SettingWrong, match="--to are the same"):
        copy(source, source)
    # Where one text says all of it, another name with the same text is the same place.
    if url := os.environ.get(f"DESTINATION__{target.destination.upper()}__CREDENTIALS"):
        monkeypatch.setenv("DESTINATION__REPORTING__DESTINATION_TYPE", target.destination)
        monkeypatch.setenv("DESTINATION__REPORTING__CREDENTIALS", url)
        with pytest.raises(SettingWrong, match="--to are the same"):
            copy(target, replace(target, destination="reporting"))
    with pytest.raises(SettingWrong, match="nothing to copy"):
        copy(Target(tmp_path / "nowhere", pipelines_dir=tmp_path / "p"), target)
    with exclusive_lock(target):
        write_rows(Run(target), JSON.holding(OBJECTS[:1]))
    with pytest.raises(SettingWrong, match="already holds"):
        copy(source, target, replace_unfinished=True)
    with open_database(target) as database:
        assert database.rows("select id from harvest_objects") == [(1,)]
        assert UNFINISHED_COPY not in database.names()


def test_an_interrupted_sync_is_finished_first(places: Places) -> None:
    source, target = places
    with open_database(source) as database:
        database.run(['create table "harvest_before__users" as select 1 as id'])
    with pytest.raises(SettingWrong, match="interrupted: run `dlt-harvest sync"):
        copy(source, target)


def test_tables_and_columns_of_others_are_left_and_named(places: Places) -> None:
    source, target = places
    with open_database(source) as database:
        database.run(["create table mine as select 1 as id", "alter table harvest_values add column colour text"])
    assert copy(source, target, build_marts=False).left == ("mine", "harvest_values.colour")


@pytest.mark.parametrize("busy", [0, 1])
def test_a_run_at_either_place_keeps_a_copy_out(places: Places, busy: int) -> None:
    places[busy].lock_file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(places[busy].lock_file), pytest.raises(DatabaseBusy):
        copy(*places)


def test_a_schema_is_in_dlts_own_short_form_where_the_text_is_too_long_for_the_place() -> None:
    stored = '{"name": "é"}' + " " * 100
    batch = pa.record_batch({"version": [1, 2], "schema": ["{}", stored]})
    short, packed = fitting(batch, "schema", 100)["schema"].to_pylist()
    assert short == "{}"
    assert zlib.decompress(base64.b64decode(packed)).decode() == stored
    assert fitting(batch, "schema", 200) == batch
