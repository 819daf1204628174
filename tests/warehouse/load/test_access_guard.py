"""A token that sees less than an earlier one changes nothing, and says so."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from harvest_simulator import Fault
from harvest_simulator.http.permissions import Viewer
from harvest_time_tracking import HarvestError, Ledger
from harvest_warehouse.database import open_database, pipeline_state
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.database.run import Run
from harvest_warehouse.database.token_access import ACCESS, Access, lost, switched_off
from harvest_warehouse.load import AccessLost, LoadReport, load
from harvest_warehouse.load.source import account_source
from harvest_warehouse.warehouse import Target
from support.accounts import Account, assert_equals_truth, deletions, some_ids, sync_from


def all_rows(account: Account) -> dict[str, list[dict[str, Any]]]:
    """The rows of Harvest's tables, in no order."""
    names = [name for name in account.tables() if not name.startswith(("harvest_", "_dlt"))]
    return {name: sorted(account.rows(name), key=repr) for name in names}


@pytest.mark.parametrize(("role", "rights"), [("manager", ()), ("member", ())])
@pytest.mark.by_day(1)
def test_a_lesser_role_loads_nothing_and_deletes_nothing(
    synced: tuple[Account, Target], role: Any, rights: Any
) -> None:
    account, warehouse = synced
    before = all_rows(account)
    account.simulator.store.delete_time_entry(some_ids(account, "time_entries", 1)[0])
    account.simulator.as_role(role, rights)
    report = sync_from(account, warehouse)
    assert report.load is None
    assert report.lost[0] == f"the token's owner was administrator and is {role} now"
    assert "time_entries.cost_rate is filled here and hidden from this token" in report.lost
    assert all_rows(account) == before
    assert deletions(account) == {}
    account.simulator.as_role("administrator")
    assert sync_from(account, warehouse).is_equal
    assert_equals_truth(account)


@pytest.mark.nightly
@pytest.mark.parametrize(
    "number", [20, 60, 85], ids=["lists are read", "children are read", "what vanished is looked for"]
)
def test_rights_that_are_lost_while_harvest_is_read_empty_no_column_and_delete_nothing(
    synced: tuple[Account, Target], number: int
) -> None:
    account, warehouse = synced
    simulator = account.simulator
    for entry_id in some_ids(account, "time_entries", 8):
        simulator.store.edit_time_entry(entry_id, notes="edited")
    deleted, *_ = some_ids(account, "expenses", 3)
    simulator.store.delete_expense(deleted)
    asked = len(simulator.requests)

    def lose(_: object) -> bool:
        if len(simulator.requests) - asked >= number:
            simulator.as_role("member")
        return False

    simulator.faults.at(lose, Fault.FORBIDDEN)
    before = {row["id"] for row in account.rows("time_entries")}
    with pytest.raises(HarvestError, match=r"was administrator and is member now|Not authorized"):
        sync_from(account, warehouse)
    account.pipeline = open_pipeline(warehouse)
    assert {row["id"] for row in account.rows("time_entries")} == before
    assert all(row["cost_rate"] is not None for row in account.rows("time_entries") if row["notes"] == "edited")
    simulator.faults.clear()
    simulator.as_role("administrator")
    sync_from(account, warehouse)
    assert_equals_truth(account)
    assert [key for key in deletions(account) if key[0] == "expenses"] == [("expenses", str(deleted))]


def test_what_was_lost_is_measured_by_the_best_run_not_by_the_last(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    account.simulator.as_role("member")
    assert sync_from(account, warehouse).lost
    assert sync_from(account, warehouse).lost
    rows = sorted(account.rows("harvest_access"), key=lambda row: row["looked_at"])
    assert [row["is_accepted"] for row in rows] == [True, False, False]
    assert json.loads(rows[1]["access_roles"]) == ["member"]
    assert json.loads(rows[0]["features"])["expense_feature"] is True
    assert rows[1]["features"] is None
    assert json.loads(rows[1]["empty_money"])["time_entries.cost_rate"] == 1.0
    assert json.loads(rows[1]["lost"])


@pytest.mark.nightly
def test_a_lesser_role_that_is_accepted_is_the_measure_from_then_on(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    with open_database(warehouse) as database:
        # This machine's clock was set back since.
        database.run([f"update {ACCESS.name} set looked_at = looked_at + interval 1 day"])
    account.simulator.as_role("manager", ("billable_rates_manager",))
    assert sync_from(account, warehouse).lost
    accepted = sync_from(account, warehouse, accept_access=True, accept_deletions=True)
    assert accepted.load is not None
    later = sync_from(account, warehouse)
    assert later.lost == ()
    assert later.sweep is not None


@pytest.mark.nightly
def test_a_module_that_is_switched_off_keeps_its_rows_and_stops_the_sweep(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    before = account.rows("expenses")
    account.simulator.store.delete_time_entry(some_ids(account, "time_entries", 1)[0])
    account.simulator.set_feature("expense_feature", False)
    report = sync_from(account, warehouse)
    assert report.lost[0] == "expense_feature is switched off in the account"
    assert report.load is not None
    assert report.sweep is None
    assert account.rows("expenses") == before
    assert deletions(account) == {}
    assert sync_from(account, warehouse, accept_access=True).lost == ()
    assert len(deletions(account)) == 1
    assert account.rows("expenses") == before


def load_from(account: Account, warehouse: Target, *streams: str, **asked: Any) -> LoadReport:
    client = account.client(requests_per_15_s=0, report_requests_per_15_min=0)
    try:
        return load(warehouse, client.settings, streams, client=client, **asked)
    finally:
        account.pipeline = open_pipeline(warehouse)


@pytest.mark.nightly
def test_a_load_with_a_lesser_role_reads_nothing_too(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    account.simulator.store.edit_time_entry(some_ids(account, "time_entries", 1)[0], notes="edited")
    before = all_rows(account)
    account.simulator.as_role("member")
    for streams in ((), ("time_entries",)):
        with pytest.raises(AccessLost, match="was administrator and is member now") as caught:
            load_from(account, warehouse, *streams)
        assert "time_entries.cost_rate is filled here and hidden from this token" in caught.value.lost
        assert caught.value.report.streams == ()
    assert all_rows(account) == before
    account.simulator.as_role("administrator")
    load_from(account, warehouse)
    assert_equals_truth(account)


@pytest.mark.nightly
def test_another_person_of_the_same_role_sees_other_rows_and_deletes_nothing(open_account: Any, tmp_path: Path) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    one, other = busiest_people(account)
    account.simulator._viewer = Viewer(one, ("member",))
    sync_from(account, warehouse)
    before = all_rows(account)
    account.simulator.clock.sleep(3_600)
    account.simulator._viewer = Viewer(other, ("member",))
    report = sync_from(account, warehouse)
    assert all_rows(account) == before
    assert deletions(account) == {}
    assert report.lost == (
        f"the token belonged to person {one} and belongs to person {other} now: each member sees other rows",
    )
    with pytest.raises(AccessLost, match=f"belongs to person {other} now"):
        load_from(account, warehouse)
    # Whoever sees everything is welcome, whoever it is.
    account.simulator.as_role("administrator")
    assert sync_from(account, warehouse).is_equal
    assert_equals_truth(account)


def busiest_people(account: Account) -> list[int]:
    """The two with the most time entries."""
    entries = account.simulator.truth()["time_entries"]
    return [user_id for user_id, _ in Counter(entry["user"]["id"] for entry in entries).most_common(2)]


@pytest.mark.nightly
def test_a_load_is_the_measure_of_later_ones_and_can_be_told_to_go_on(open_account: Any, tmp_path: Path) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    load_from(account, warehouse)
    account.simulator.clock.sleep(3_600)
    account.simulator.as_role("manager", ("billable_rates_manager",))
    with pytest.raises(AccessLost):
        load_from(account, warehouse, "time_entries")
    load_from(account, warehouse, accept_access=True)
    load_from(account, warehouse, "time_entries")
    last, *_ = sorted(account.rows("harvest_access"), key=lambda row: row["looked_at"], reverse=True)
    assert last["is_accepted"]
    assert "roles" in json.loads(last["refused"]), "what is refused is remembered where a load did not ask for it"
    assert sync_from(account, warehouse).lost == ()


@pytest.mark.nightly
def test_what_a_killed_run_read_with_rights_that_nobody_vouched_for_is_thrown_away(
    synced: tuple[Account, Target],
) -> None:
    account, warehouse = synced
    account.simulator.store.edit_time_entry(some_ids(account, "time_entries", 1)[0], notes="edited")
    account.simulator.as_role("member")
    # As far as a run gets that is killed before it looks once more at what the token sees.
    client = account.client(requests_per_15_s=0)
    run = Run(warehouse)
    pipeline_state.adopt_database_state(run, client.settings.account_id)
    pipeline = run.pipeline
    pipeline.extract(
        account_source(client.settings, ["time_entries", "users"], {}, client, Ledger()), loader_file_format="parquet"
    )
    assert pipeline.list_extracted_load_packages()
    account.simulator.as_role("administrator")
    sync_from(account, warehouse)
    assert_equals_truth(account)
    assert all(row["cost_rate"] is not None for row in account.rows("time_entries") if row["notes"] == "edited")


def access(*roles: str, **features: bool) -> Access:
    return Access(1, roles, features or None, {})


def test_rights_that_a_manager_lost_are_named() -> None:
    before, now = access("manager", "billable_rates_manager", "project_creator"), access("manager", "project_creator")
    assert lost(before, now) == ("the token's owner is no longer billable_rates_manager",)


def test_more_rights_other_people_and_new_modules_are_no_loss() -> None:
    before = access("manager", "project_creator", expense_feature=False)
    now = Access(2, ("administrator",), {"expense_feature": True}, {})
    assert lost(before, now) == ()
    assert switched_off(before, now) == ()
    assert lost(None, now) == ()


def test_switches_that_may_not_be_read_are_not_taken_for_off() -> None:
    assert switched_off(access("manager", expense_feature=True), access("manager")) == ()


def test_another_person_is_a_loss_unless_an_administrator() -> None:
    before, other = access("manager"), Access(2, ("manager",), None, {})
    told = "the token belonged to person 1 and belongs to person 2 now: each manager sees other rows"
    assert lost(before, other) == (told,)
    assert lost(access("member"), other) == (told,)
    assert lost(before, Access(2, ("administrator",), None, {})) == ()
    assert lost(before, Access(None, ("manager",), None, {})) == ()
