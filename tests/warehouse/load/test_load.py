"""`load`: what it brings, what it records, what it leaves alone, and how it goes on after a bad day."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harvest_simulator import Fault
from harvest_time_tracking import STREAMS, Client, Ledger, SettingWrong, harvest_time_tracking_source
from harvest_warehouse.database import pipeline_state
from harvest_warehouse.database.pipelines import FolderDamaged, open_pipeline
from harvest_warehouse.database.run import Run
from harvest_warehouse.load import LoadFailed, LoadReport, load
from harvest_warehouse.load.load import settle
from harvest_warehouse.load.source import account_source
from harvest_warehouse.warehouse import Target
from support.accounts import Account, assert_equals_truth

OpenAccount = Callable[..., Account]
# One of each kind, where the kind does not matter: merged flat and nested, replaced whole, by parent.
FEW = ["roles", "clients", "time_entries", "invoices", "invoice_payments"]
DEFAULT = [name for name, stream in STREAMS.items() if stream.is_default]


@pytest.fixture
def warehouse(tmp_path: Path) -> Target:
    return Target(tmp_path)


def load_from(account: Account, warehouse: Target, *streams: str, **arguments: Any) -> LoadReport:
    # Unpaced: on a frozen clock a running timer then shows the same hours to the load and to the truth.
    account.simulator.enforce_limits = False
    client = account.client(requests_per_15_s=0, report_requests_per_15_min=0)
    try:
        return load(warehouse, client.settings, streams, client=client, **arguments)
    finally:
        # What the tests read is what was loaded here.
        account.pipeline = open_pipeline(warehouse)


def select(warehouse: Target, query: str) -> list[tuple[Any, ...]]:
    with open_pipeline(warehouse).sql_client() as client, client.execute_query(query) as cursor:
        return cursor.fetchall()


def test_a_load_brings_the_truth_and_a_second_one_what_changed(open_account: OpenAccount, warehouse: Target) -> None:
    account = open_account()
    first = load_from(account, warehouse)
    assert [outcome.stream for outcome in first.streams] == DEFAULT
    assert_equals_truth(account)
    account.simulator.clock.sleep(86_400)
    account.simulator.mutate(30, seed=5)
    second = load_from(account, warehouse)
    assert_equals_truth(account)
    assert second.rows < first.rows / 2, "only what changed"


@pytest.mark.parametrize("stream", ["company", "users_me", "clients", "invoices"])
def test_a_wrong_account_id_is_asked_about_once_wherever_it_shows_first(
    open_account: OpenAccount, warehouse: Target, stream: str
) -> None:
    account = open_account()
    settings = replace(account.client().settings, account_id="777")
    with pytest.raises(LoadFailed) as caught:
        load(warehouse, settings, [stream], client=Client(settings))
    assert str(caught.value) == "404 at /v2/users/me: “Not Found”. Is 777 the account's id?"
    # Without the command, the stream itself is the first to ask.
    source = harvest_time_tracking_source("simulated-token", "777", account.url)
    with pytest.raises(Exception, match="404 at") as raised:
        list(source.with_resources(stream))
    assert str(raised.value).count("Is 777 the account's id?") == 1


def test_naming_streams_loads_these_and_no_others(open_account: OpenAccount, warehouse: Target) -> None:
    report = load_from(
        open_account(),
        warehouse,
        "roles",
        "report_time_clients",
        "clients",
        reports_from="2026-02-01",
        reports_to="2026-03-16",
    )
    assert [outcome.stream for outcome in report.streams] == ["clients", "roles", "report_time_clients"]
    tables = {name for (name,) in select(warehouse, "select table_name from information_schema.tables")}
    assert {"clients", "roles", "report_time_clients", "harvest_runs"} <= tables
    assert "projects" not in tables


def test_project_ids_are_read_one_by_one_into_projects(open_account: OpenAccount, warehouse: Target) -> None:
    account = open_account()
    project = account.simulator.truth()["projects"][3]
    load_from(account, warehouse, "projects_id", project_ids=[project["id"]])
    assert select(warehouse, "select id, name from projects") == [(project["id"], project["name"])]


def test_an_unknown_stream_is_named_with_its_likes_before_harvest_is_asked(
    open_account: OpenAccount, warehouse: Target
) -> None:
    account = open_account()
    with pytest.raises(SettingWrong, match=r"no stream 'time_entrys'.*time_entries"):
        load_from(account, warehouse, "time_entrys")
    with pytest.raises(SettingWrong, match="--project-id"):
        load_from(account, warehouse, "projects_id")
    assert not account.simulator.requests


@pytest.mark.nightly
def test_harvest_runs_says_what_the_ledger_says(open_account: OpenAccount, warehouse: Target) -> None:
    account = open_account()
    ledger = Ledger()
    report = load_from(account, warehouse, ledger=ledger)
    rows = select(
        warehouse,
        'select stream, table_name, outcome, reason, is_full, "rows", requests, retries, seconds, odd_values, new_columns,'
        " account_id, run_id from harvest_runs",
    )
    expected = {
        (
            *(said.stream, said.table, said.outcome, said.reason, said.is_full, said.rows, said.requests, said.retries),
            *(said.seconds, json.dumps(dict(said.odd_values)), json.dumps(said.new_columns)),
            *(account.simulator.account_id, report.run_id),
        )
        for said in ledger.outcomes()
    }
    assert set(rows) == expected
    assert len(rows) == len(DEFAULT)
    loads = {load_id for (load_id,) in select(warehouse, "select load_id from _dlt_loads where status = 0")}
    assert report.run_id in loads


def test_runs_add_up_and_are_read_like_any_table(open_account: OpenAccount, warehouse: Target) -> None:
    account = open_account()
    first, second = load_from(account, warehouse, "roles"), load_from(account, warehouse, "roles")
    runs = open_pipeline(warehouse).dataset().harvest_runs.df()
    assert set(runs["run_id"]) == {first.run_id, second.run_id}


def test_a_forbidden_stream_is_skipped_with_its_reason_and_keeps_its_rows(
    open_account: OpenAccount, warehouse: Target
) -> None:
    account = open_account()
    load_from(account, warehouse, *FEW)
    before = {name: select(warehouse, f"select * from {name} order by id") for name in ("clients", "roles", "invoices")}
    account.simulator.as_role("member")
    report = load_from(account, warehouse, *FEW, accept_access=True)
    skipped = {outcome.stream: outcome.reason for outcome in report.skipped}
    assert set(before) <= set(skipped)
    assert "403" in skipped["clients"]
    assert before == {name: select(warehouse, f"select * from {name} order by id") for name in before}
    recorded = select(
        warehouse, f"select stream, reason from harvest_runs where run_id = '{report.run_id}' and outcome = 'skipped'"
    )
    assert dict(recorded) == skipped


def test_a_feature_that_is_off_skips_what_needs_it(open_account: OpenAccount, warehouse: Target) -> None:
    account = open_account()
    load_from(account, warehouse, *FEW, "expenses", "expense_categories")
    count = select(warehouse, "select count(*) from expenses")
    account.simulator.set_feature("expense_feature", False)
    report = load_from(account, warehouse, *FEW, "expenses", "expense_categories")
    assert {outcome.stream for outcome in report.skipped} == {"expenses", "expense_categories"}
    assert all("expense_feature" in outcome.reason for outcome in report.skipped)
    assert select(warehouse, "select count(*) from expenses") == count != [(0,)]


def test_a_rejected_token_reads_nothing(open_account: OpenAccount, warehouse: Target) -> None:
    account = open_account()
    account.simulator.revoke_token()
    with pytest.raises(LoadFailed, match=r"https://id\.getharvest\.com/developers.*secrets\.toml") as failed:
        load_from(account, warehouse, *FEW)
    assert failed.value.report.streams == ()
    assert len(account.simulator.requests) == 1


def test_a_token_revoked_while_harvest_is_read_stops_the_run_is_recorded_and_harms_nothing(
    open_account: OpenAccount, warehouse: Target
) -> None:
    account = open_account()

    def revoke(_: object) -> bool:
        if len(account.simulator.requests) == 3:  # (after two that look at what the token sees)
            account.simulator.revoke_token()
        return False

    account.simulator.faults.at(revoke, Fault.FORBIDDEN)
    with pytest.raises(LoadFailed, match=r"https://id\.getharvest\.com/developers.*secrets\.toml") as failed:
        load_from(account, warehouse, *FEW)
    rows = select(warehouse, "select outcome, count(*) from harvest_runs group by 1")
    outcomes = [outcome.outcome for outcome in failed.value.report.streams]
    assert dict(rows) == {outcome: outcomes.count(outcome) for outcome in ("failed", "stopped")}
    account.simulator.restore_token()
    load_from(account, warehouse, *FEW)
    assert_equals_truth(account, FEW)


def test_a_load_interrupted_before_it_is_written_is_finished_first(
    open_account: OpenAccount, warehouse: Target
) -> None:
    account = open_account()
    load_from(account, warehouse, *FEW)
    account.simulator.clock.sleep(86_400)
    account.simulator.mutate(20, seed=3)
    with pytest.raises(KeyboardInterrupt):
        load_from(account, warehouse, *FEW, on_step=interrupt_at("writing"))
    assert open_pipeline(warehouse).has_pending_data
    account.simulator.mutate(20, seed=4)
    report = load_from(account, warehouse, *FEW)
    assert len(report.finished) == 2, "the rows, and what became of each stream"
    assert_equals_truth(account, FEW, after_changes=True)
    assert len(select(warehouse, "select distinct run_id from harvest_runs")) == 3


def test_a_first_load_killed_before_it_made_a_table_goes_on(open_account: OpenAccount, warehouse: Target) -> None:
    account = open_account()
    with pytest.raises(KeyboardInterrupt):
        load_from(account, warehouse, *FEW, on_step=interrupt_at("writing"))
    # What dlt makes first.
    select(warehouse, f"create schema {warehouse.dataset_name}; select 1")
    report = load_from(account, warehouse, *FEW)
    assert len(report.finished) == 2, "nothing was asked for again"
    assert_equals_truth(account, FEW)


@pytest.mark.nightly
def test_half_a_package_that_a_killed_run_left_is_thrown_away_and_asked_for_again(
    open_account: OpenAccount, warehouse: Target
) -> None:
    account = open_account()
    load_from(account, warehouse, *FEW)
    account.simulator.clock.sleep(86_400)
    account.simulator.mutate(20, seed=3)
    client = account.client(requests_per_15_s=0)
    run = Run(warehouse)
    pipeline_state.adopt_database_state(run, client.settings.account_id)
    pipeline = run.pipeline
    pipeline.extract(account_source(client.settings, FEW, {}, client, Ledger()))
    [half] = Path(open_pipeline(warehouse).working_dir).glob("normalize/extracted/*/schema.json")
    half.unlink()
    load_from(account, warehouse, *FEW)
    assert_equals_truth(account, FEW, after_changes=True)


def test_what_cannot_be_written_later_either_is_told_with_the_way_out(
    open_account: OpenAccount, warehouse: Target
) -> None:
    account = open_account()
    load_from(account, warehouse, "clients")
    with pytest.raises(KeyboardInterrupt):
        load_from(account, warehouse, "clients", on_step=interrupt_at("writing"))
    select(warehouse, "drop table clients; create view clients as select 1 as id; select 1")
    for _ in range(2):
        with pytest.raises(LoadFailed, match="dlt pipeline harvest_time_tracking_pipeline abort-packages"):
            load_from(account, warehouse, "clients")


def test_an_interrupted_load_never_lands_in_another_database(open_account: OpenAccount, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    # Both folders share dlt's working folder, as two folders of one user do.
    one, other = Target(tmp_path / "one"), Target(tmp_path / "other")
    mine = open_account()
    with pytest.raises(KeyboardInterrupt):
        load_from(mine, one, *FEW, on_step=interrupt_at("writing"))
    theirs = open_account(account_id="777", seed=2)
    report = load_from(theirs, other, *FEW)
    assert not report.finished
    assert select(other, "select distinct account_id from time_entries") == [("777",)]
    load_from(mine, one, *FEW)
    assert_equals_truth(mine, FEW)


def test_nor_beside_another_account_whose_new_database_has_the_same_name(
    open_account: OpenAccount, warehouse: Target
) -> None:
    mine, theirs = open_account(), open_account(account_id="777", seed=2)
    with pytest.raises(KeyboardInterrupt):
        load_from(mine, warehouse, *FEW, on_step=interrupt_at("writing"))
    warehouse.file.unlink(missing_ok=True)
    load_from(theirs, warehouse, *FEW)
    assert select(warehouse, "select distinct account_id from time_entries") == [("777",)]
    assert_equals_truth(theirs, FEW)


def test_an_interruption_while_reading_is_told_as_one_and_the_next_load_is_whole(
    open_account: OpenAccount, warehouse: Target
) -> None:
    account = open_account()
    ledger = _Interrupting()
    with pytest.raises(LoadFailed, match="Interrupted"):
        load_from(account, warehouse, *FEW, ledger=ledger)
    load_from(account, warehouse, *FEW)
    assert_equals_truth(account, FEW)


def test_a_restored_copy_of_the_database_misses_nothing(open_account: OpenAccount, warehouse: Target) -> None:
    account = open_account()
    load_from(account, warehouse, *FEW)
    copy = warehouse.file.with_suffix(".copy")
    shutil.copy(warehouse.file, copy)
    account.simulator.clock.sleep(10 * 86_400)
    account.simulator.mutate(30, seed=8)
    # A day later, so that the changes lie outside the overlap of the run after this one.
    account.simulator.clock.sleep(86_400)
    load_from(account, warehouse, *FEW)
    shutil.copy(copy, warehouse.file)
    load_from(account, warehouse, *FEW)
    assert_equals_truth(account, FEW, after_changes=True)


@pytest.mark.parametrize(
    "half",
    ["state.json", "schemas/*.json", "*/.version", "load/normalized/*/schema.json", "load/normalized/*/*state.json"],
)
@pytest.mark.by_day(2)
def test_half_a_working_folder_is_told_with_the_way_out(
    open_account: OpenAccount, warehouse: Target, half: str
) -> None:
    account = open_account()
    with pytest.raises(KeyboardInterrupt):
        load_from(account, warehouse, "clients", on_step=interrupt_at("writing"))
    folder = Path(open_pipeline(warehouse).working_dir)
    for file in folder.glob(half):
        file.write_bytes(file.read_bytes()[:3])
    client = account.client(requests_per_15_s=0)
    with pytest.raises(
        FolderDamaged, match=rf"working folder {folder} is damaged.*Delete it, and run this again"
    ) as told:
        load(warehouse, client.settings, ["clients"], client=client)
    assert "is kept" not in str(told.value)
    shutil.rmtree(folder)
    load_from(account, warehouse, "clients")
    assert_equals_truth(account, ["clients"])


def test_a_working_folder_from_before_what_waited_was_written_doubles_nothing(
    open_account: OpenAccount, warehouse: Target
) -> None:
    account = open_account()
    with pytest.raises(KeyboardInterrupt):
        load_from(account, warehouse, "clients", on_step=interrupt_at("writing"))
    folder = Path(open_pipeline(warehouse).working_dir)
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    settle(Run(warehouse), account.client().settings)
    shutil.rmtree(folder)
    copy.rename(folder)
    load_from(account, warehouse, "clients")
    assert select(warehouse, "select stream from harvest_runs group by stream, run_id having count(*) > 1") == []
    assert_equals_truth(account, ["clients"])


@pytest.mark.nightly
def test_a_deleted_database_is_filled_anew(open_account: OpenAccount, warehouse: Target) -> None:
    account = open_account()
    load_from(account, warehouse, *FEW)
    warehouse.file.unlink()
    load_from(account, warehouse, *FEW)
    assert_equals_truth(account, FEW)


def test_a_file_that_is_no_database_is_an_error_with_its_name(open_account: OpenAccount, warehouse: Target) -> None:
    warehouse.file.write_text("This is not a database, and long enough to be looked at.")
    with pytest.raises(LoadFailed, match=warehouse.file_name):
        load_from(open_account(), warehouse, "roles")


class _Interrupting(Ledger):
    """Somebody presses Ctrl-C when the third stream begins."""

    def open(self, stream: str, table: str) -> Any:
        if len(self.outcomes()) == 2:
            raise KeyboardInterrupt
        return super().open(stream, table)


def interrupt_at(step: str) -> Callable[[str], None]:
    def on_step(said: str) -> None:
        if said.startswith(step):
            raise KeyboardInterrupt

    return on_step
