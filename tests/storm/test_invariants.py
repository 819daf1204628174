"""Tests of the invariants: a planted fault violates each of them, and without it there is no violation."""

from __future__ import annotations

import base64
import gzip
import json
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from harvest_warehouse.marts import BuildFailed, build
from harvest_warehouse.warehouse import Target
from storm import invariants
from storm.driver import TOKEN, Driver, Setup, underway
from storm.events import DATES, ODDITIES, PATHS, Day, disturb, forecast
from storm.history import WatchedSimulator
from storm.process import RunEnd
from storm.snapshot import Snapshot, take_snapshot

Law = invariants.Law
Plant = Callable[[Driver, Path], None]


@pytest.fixture(scope="module")
def voyage() -> Iterator[Driver]:
    """Account that was loaded once, without events since."""
    with underway(Setup()) as begun:
        yield begun


@pytest.fixture
def step(voyage: Driver, tmp_path: Path) -> invariants.Step:
    """Step without events, on a copy of the files that may be damaged."""
    folder = tmp_path / "copy"
    shutil.copytree(voyage.folder, folder)
    voyage.simulator.look()
    stock = stock_of(voyage, folder)
    return invariants.Step(
        before=stock,
        after=stock,
        chronicle=voyage.simulator.chronicle,
        began=len(voyage.simulator.chronicle.moments) - 1,
        said="all is well",
        folder=folder,
        secrets=(TOKEN,),
        codes=(0,),
        is_whole=True,
    )


def stock_of(voyage: Driver, folder: Path) -> Snapshot:
    return take_snapshot(folder / voyage.warehouse.file_name, voyage.warehouse.dataset_name)


def sql(*statements: str) -> Plant:
    """Fault planted in the tables by SQL."""

    def plant(voyage: Driver, folder: Path) -> None:
        with duckdb.connect(str(folder / voyage.warehouse.file_name)) as connection:
            connection.execute(f"use {voyage.warehouse.dataset_name}")
            for statement in statements:
                connection.execute(statement)

    return plant


def cursor_moved(voyage: Driver, folder: Path) -> None:
    """Fault: the cursor of clients is tomorrow's, although the rows are from today."""
    simulator = voyage.simulator
    simulator.clock.sleep(3_600)
    simulator.store.rename_client(next(iter(simulator.store.clients)), "Renamed unseen")
    simulator.look()
    simulator.clock.sleep(3_600)
    with duckdb.connect(str(folder / voyage.warehouse.file_name)) as connection:
        connection.execute(f"use {voyage.warehouse.dataset_name}")
        (packed,) = connection.execute("select state from _dlt_pipeline_state order by version desc").fetchone() or (
            "",
        )
        state = json.loads(zlib.decompress(base64.b64decode(packed)))
        (source,) = state["sources"].values()
        (position,) = source["resources"]["clients"].values()
        position["cursor"] = simulator.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
        connection.execute("update _dlt_pipeline_state set state = ?", [packed])


def token_in_a_packed_file(voyage: Driver, folder: Path) -> None:
    (folder / "job.jsonl.gz").write_bytes(gzip.compress(f"Bearer {TOKEN}".encode()))


ONE = "where id = (select min(id) from {0})"
FAULTS: list[tuple[str, Law, Plant]] = [
    (
        "a value changed",
        invariants.no_invented_row,
        sql(f"update time_entries set hours = hours + 1 {ONE.format('time_entries')}"),
    ),
    (
        "a row of nobody",
        invariants.no_invented_row,
        sql("insert into tasks select * replace (1 as id) from tasks limit 1"),
    ),
    ("a line changed", invariants.no_invented_row, sql("update invoices__line_items set quantity = quantity + 1")),
    (
        "a line lost",
        invariants.no_invented_row,
        sql(f"delete from invoices__line_items {ONE.format('invoices__line_items')}"),
    ),
    ("a row twice", invariants.no_doubled_key, sql("insert into clients select * from clients limit 1")),
    (
        "a line twice",
        invariants.no_doubled_key,
        sql("insert into invoices__line_items select * from invoices__line_items limit 1"),
    ),
    ("lines of nobody", invariants.no_doubled_key, sql("delete from invoices")),
    (
        "a deletion told twice",
        invariants.no_doubled_key,
        sql(
            "drop table if exists harvest_deletions",
            "create table harvest_deletions as select 'roles' as table_name, '7' as row_key, 'r' as run_id from range(2)",
        ),
    ),
    ("a living row lost", invariants.no_deletion_of_what_lives, sql(f"delete from roles {ONE.format('roles')}")),
    (
        "a living row told to have vanished",
        invariants.no_deletion_of_what_lives,
        sql(
            "drop table if exists harvest_deletions",
            "create table harvest_deletions as select 'clients' as table_name, id::text as row_key, 'r' as run_id from clients",
        ),
    ),
    (
        "a row not stored",
        invariants.no_cursor_past_what_is_stored,
        sql(f"delete from projects {ONE.format('projects')}"),
    ),
    (
        "an older row stored",
        invariants.no_cursor_past_what_is_stored,
        sql("update contacts set updated_at = updated_at - interval 1 day"),
    ),
    ("a position too far", invariants.no_cursor_past_what_is_stored, cursor_moved),
    (
        "the token in a table",
        invariants.no_secret_anywhere,
        sql(f"create table harvest_notes as select 'Bearer {TOKEN}' as note"),
    ),
    ("the token in a packed file", invariants.no_secret_anywhere, token_in_a_packed_file),
    (
        "a row left over",
        invariants.nothing_missing_nothing_left_over,
        sql("insert into tasks select * replace (1 as id) from tasks limit 1"),
    ),
    (
        "time of an invoice that is gone",
        invariants.nothing_billed_by_what_is_gone,
        sql(f"update time_entries set invoice__id = 1 {ONE.format('time_entries')}"),
    ),
    (
        "an invoice gone, and its time not given back",
        invariants.nothing_billed_by_what_is_gone,
        sql("delete from invoices where id = (select min(invoice__id) from time_entries)"),
    ),
    ("a row missing", invariants.nothing_missing_nothing_left_over, sql(f"delete from tasks {ONE.format('tasks')}")),
]


@pytest.mark.by_day(7)
@pytest.mark.parametrize(("law", "plant"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_a_planted_fault_breaks_its_law(voyage: Driver, step: invariants.Step, law: Law, plant: Plant) -> None:
    step = replace(step, chronicle=voyage.simulator.chronicle)
    assert list(law(step)) == []
    plant(voyage, step.folder)
    assert list(law(replace(step, after=stock_of(voyage, step.folder))))


@pytest.fixture(scope="module")
def built(voyage: Driver, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of the storm, with the marts built."""
    folder = tmp_path_factory.mktemp("built") / "voyage"
    shutil.copytree(voyage.folder, folder)
    build(warehouse_of(folder))
    return folder


def warehouse_of(folder: Path) -> Target:
    return Target(folder, pipelines_dir=folder / "dlt")


def loaded_and_built(*statements: str) -> Plant:
    """Fault planted by SQL after a load, followed by a build."""

    def plant(voyage: Driver, folder: Path) -> None:
        sql("update harvest_runs set ended_at = ended_at + interval 1 hour", *statements)(voyage, folder)
        with suppress(BuildFailed):
            build(warehouse_of(folder))

    return plant


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    "plant",
    [
        sql("update harvest_runs set ended_at = ended_at + interval 1 hour"),
        loaded_and_built("insert into time_entries select * from time_entries limit 1"),
        loaded_and_built(f"delete from invoice_payments {ONE.format('invoice_payments')}"),
        loaded_and_built(f"delete from invoices__line_items {ONE.format('invoices__line_items')}"),
        loaded_and_built("delete from tasks where id = (select min(task__id) from time_entries)"),
    ],
    ids=["the marts of an earlier load", "an entry twice", "a payment lost", "a line lost", "a task lost"],
)
def test_marts_that_are_old_or_lack_something_break_their_law(
    voyage: Driver, step: invariants.Step, built: Path, tmp_path: Path, plant: Plant
) -> None:
    folder = tmp_path / "built"
    shutil.copytree(built, folder)

    def breaches() -> list[str]:
        marts = take_snapshot(folder / voyage.warehouse.file_name, voyage.warehouse.marts_name)
        return list(
            invariants.nothing_lost_on_the_way_to_the_marts(replace(step, after=stock_of(voyage, folder), marts=marts))
        )

    assert breaches() == []
    plant(voyage, folder)
    assert breaches()


def test_a_token_that_is_said_and_an_end_without_a_message_are_seen(step: invariants.Step) -> None:
    assert list(invariants.no_secret_anywhere(replace(step, said=f"Authorization: Bearer {TOKEN}")))
    assert list(invariants.no_unclear_end(replace(step, codes=(0, 70))))
    assert list(invariants.no_unclear_end(replace(step, codes=(0, 1, 3, None)))) == []


def test_the_password_of_a_database_is_a_secret_too(voyage: Driver, step: invariants.Step) -> None:
    step = replace(step, secrets=(TOKEN, "a-password"))
    assert list(invariants.no_secret_anywhere(step)) == []
    (step.folder / "left.txt").write_text("could not connect to postgresql://loader:a-password@localhost")
    assert len(list(invariants.no_secret_anywhere(step))) == 1
    sql("update harvest_runs set reason = 'password a-password refused'")(voyage, step.folder)
    assert len(list(invariants.no_secret_anywhere(replace(step, after=stock_of(voyage, step.folder))))) > 1


def test_a_run_is_judged_by_what_the_killed_ones_before_it_saw_until_one_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[int] = []
    ends = iter([None, None, 0, 0, None, 1, 0])

    def note(step: invariants.Step) -> list[str]:
        judged.append(step.began)
        return []

    monkeypatch.setattr(invariants, "broken", note)
    with underway(Setup()) as voyage:
        monkeypatch.setattr(voyage, "_start", lambda _: SimpleNamespace(ended=lambda: RunEnd(next(ends), "")))
        moments = []
        for seed in range(7):
            voyage.live(Day(seed, changes=5))
            # State at the start of the run; nothing changes during it.
            moments.append(len(voyage.simulator.chronicle.moments) - 1)
    first, _, third, fourth, fifth, _, last = moments
    assert judged == [first, first, third, fourth, fifth, fifth, last]


def test_each_law_has_a_fault_that_breaks_it() -> None:
    assert {fault[1] for fault in FAULTS} | {
        invariants.no_unclear_end,
        invariants.nothing_lost_on_the_way_to_the_marts,
    } == set(invariants.LAWS)


def test_nothing_broken_in_a_step_in_which_nothing_happened(step: invariants.Step) -> None:
    # The fault that moves a cursor also changed the account, so the step is not complete.
    step = replace(step, is_whole=False)
    assert invariants.broken(step) == []
    assert len(step.after.tables["time_entries"]) > 50


def test_what_was_there_only_between_two_requests_is_no_invention() -> None:
    simulator = WatchedSimulator(seed=1, size="tiny", entries=40)
    simulator.look()
    entry_id = next(iter(simulator.store.time_entries))
    for note in ("for a moment", "for good"):
        simulator.store.edit_time_entry(entry_id, notes=note)
        simulator.look()
    notes = {dict(root).get("notes") for root, _ in simulator.chronicle.versions["time_entries", (entry_id,)]}
    assert {"for a moment", "for good"} < notes


def test_the_weather_has_every_wrong_clock_and_everything_that_harvest_never_did() -> None:
    days = [day for seed in range(1, 301) for day in forecast(seed)]
    assert {day.dated for day in days} == {None, *DATES}
    assert {day.odd[1] for day in days if day.odd} == set(ODDITIES)
    assert {day.odd[0] for day in days if day.odd} == set(PATHS)
    off = {day.ahead_seconds for day in days}
    assert {seconds > 300 for seconds in off} == {seconds < -300 for seconds in off} == {True, False}
    assert {240, -240} <= off, "clocks differ by some minutes, too"


def test_what_an_unknown_field_brings_is_no_invention(voyage: Driver, step: invariants.Step) -> None:
    sql("alter table invoices add column brand_new_flag text", "update invoices set brand_new_flag = 'yes'")(
        voyage, step.folder
    )
    sql(
        "create table invoices__brand_new_object__parts as"
        " select _dlt_id as _dlt_parent_id, 0 as _dlt_list_idx, 7 as id from invoices"
    )(voyage, step.folder)
    assert list(invariants.no_invented_row(replace(step, after=stock_of(voyage, step.folder)))) == []


def test_the_same_seed_brings_the_same_weather() -> None:
    assert forecast(7) == forecast(7)
    assert forecast(7) != forecast(8)
    done = [disturb(WatchedSimulator(seed=1, size="tiny", entries=40), 3, 60) for _ in range(2)]
    assert done[0] == done[1]
    assert len(done[0]) > 30
