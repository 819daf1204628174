"""Rights that change, in the middle of a load or between two: what was read with fewer is read again, or was never written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from harvest_simulator import Fault
from harvest_time_tracking import STREAMS
from harvest_time_tracking.reading.stream_state import sees_more
from harvest_time_tracking.sizes import ReadSizes
from harvest_warehouse.database.pipelines import is_loaded, open_pipeline
from harvest_warehouse.load import AccessLost, LoadFailed, LoadReport, load
from harvest_warehouse.warehouse import Target
from support.accounts import Account, assert_equals_truth, some_ids

Role = Literal["administrator", "manager", "member"]
Opened = Callable[..., Account]

# Lists by change, a list that is read whole, and children.
STREAMS_OF_EACH_KIND = ("projects", "time_entries", "users", "invoices", "invoice_payments")


def load_from(account: Account, warehouse: Target, *streams: str, **asked: Any) -> LoadReport:
    asks = account.client(requests_per_15_s=0, report_requests_per_15_min=0)
    try:
        return load(warehouse, asks.settings, streams, client=asks, **asked)
    finally:
        account.pipeline = open_pipeline(warehouse)


def change_role(account: Account, role: Role, before_request: int) -> None:
    """From the request of that number on, counted from 1, the token's owner has another role."""
    simulator = account.simulator
    asked = len(simulator.requests)

    def change(_: object) -> bool:
        if len(simulator.requests) - asked + 1 >= before_request:
            simulator.as_role(role)
        return False

    simulator.faults.at(change, Fault.FORBIDDEN)


def stop_timers(account: Account) -> None:
    for entry in account.simulator.truth()["time_entries"]:
        if entry["is_running"]:
            account.simulator.store.stop_timer(entry["id"])


def rows_there(account: Account) -> int:
    return sum(len(account.rows(table)) for table in account.tables() if table in STREAMS)


def equal_for_an_administrator(account: Account, warehouse: Target, *streams: str) -> None:
    account.simulator.faults.clear()
    account.simulator.as_role("administrator")
    account.simulator.clock.sleep(3_600)
    load_from(account, warehouse, *streams)
    assert_equals_truth(account, list(streams))


@pytest.mark.parametrize("streams", [("invoice_payments", "projects"), STREAMS_OF_EACH_KIND])
@pytest.mark.parametrize(("earlier", "later"), [("administrator", "manager"), ("manager", "administrator")])
@pytest.mark.parametrize("before_request", [2, 4])
@pytest.mark.by_day(2)
def test_a_first_load_in_which_rights_change_writes_nothing(
    open_account: Opened, tmp_path: Path, streams: tuple[str, ...], earlier: Role, later: Role, before_request: int
) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    account.simulator.as_role(earlier)
    change_role(account, later, before_request)
    with pytest.raises(LoadFailed, match=f"was {earlier} and is {later} now"):
        load_from(account, warehouse, *streams)
    assert rows_there(account) == 0
    equal_for_an_administrator(account, warehouse, *streams)


@pytest.mark.parametrize("before_request", [3, 9])
@pytest.mark.by_day(1)
def test_a_later_load_in_which_rights_are_raised_writes_nothing_and_the_next_reads_all(
    open_account: Opened, tmp_path: Path, before_request: int
) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    account.simulator.as_role("manager")
    load_from(account, warehouse, *STREAMS_OF_EACH_KIND)
    before = rows_there(account)
    account.simulator.clock.sleep(3_600)
    change_role(account, "administrator", before_request)
    with pytest.raises(LoadFailed, match="was manager and is administrator now"):
        load_from(account, warehouse, *STREAMS_OF_EACH_KIND)
    assert rows_there(account) == before
    equal_for_an_administrator(account, warehouse, *STREAMS_OF_EACH_KIND)


@pytest.mark.by_day(1)
@pytest.mark.parametrize("role", ["manager", "member"])
def test_more_rights_than_before_bring_what_they_show_though_nothing_of_it_changed(
    open_account: Opened, tmp_path: Path, role: Role
) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    account.simulator.as_role(role)
    load_from(account, warehouse, "time_entries", "expenses")
    seen = account.rows("time_entries")
    assert 0 < len(seen) < len(account.simulator.truth()["time_entries"])
    assert all(row["cost_rate"] is None for row in seen)
    account.simulator.as_role("administrator")
    account.simulator.clock.sleep(3 * 3_600)
    # The others are read again whenever it is that they are asked for.
    load_from(account, warehouse, "time_entries")
    load_from(account, warehouse, "expenses")
    assert_equals_truth(account, ["time_entries", "expenses"])


def test_rights_that_are_the_same_or_fewer_read_nothing_again(open_account: Opened, tmp_path: Path) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    account.simulator.as_role("manager", ("billable_rates_manager",))
    load_from(account, warehouse, "time_entries")
    account.simulator.clock.sleep(3 * 3_600)
    account.simulator.as_role("manager")
    for accept in (True, False):
        (outcome,) = load_from(account, warehouse, "time_entries", accept_access=accept).streams
        assert not outcome.is_full


def test_what_changed_while_rights_were_fewer_comes_when_they_are_back(open_account: Opened, tmp_path: Path) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    load_from(account, warehouse, "time_entries")
    account.simulator.as_role("member")
    hidden = {entry["id"] for entry in account.simulator.truth()["time_entries"]}
    account.simulator.clock.sleep(3 * 3_600)
    for entry_id in some_ids(account, "time_entries", 8):
        account.simulator.store.edit_time_entry(entry_id, notes="edited unseen")
    account.simulator.clock.sleep(3 * 3_600)
    load_from(account, warehouse, "time_entries", accept_access=True)
    assert hidden == {row["id"] for row in account.rows("time_entries")}
    account.simulator.clock.sleep(3 * 3_600)
    equal_for_an_administrator(account, warehouse, "time_entries")


@pytest.fixture
def in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of ten rows, and a page or a parent to a portion."""
    monkeypatch.setattr(Account, "sizes", ReadSizes(per_page=10, pages_at_once=2, pages_of_a_window=1, portion=1))


@pytest.mark.parametrize("streams", [("time_entries",), ("invoices", "invoice_payments")])
@pytest.mark.parametrize(("earlier", "later"), [("administrator", "manager"), ("manager", "administrator")])
@pytest.mark.by_day(1)
def test_portions_of_a_first_load_are_all_read_with_the_same_rights(
    open_account: Opened,
    tmp_path: Path,
    in_portions: None,
    streams: tuple[str, ...],
    earlier: Role,
    later: Role,
) -> None:
    account, warehouse = open_account(entries=60), Target(tmp_path)
    stop_timers(account)
    rights = ("managed_projects_invoice_drafter",)
    account.simulator.as_role(earlier, rights if earlier == "manager" else ())
    written: list[int] = []

    def step(said: str) -> None:
        # When the second portion is about to be read, the first is written.
        if said == "reading Harvest" and is_loaded(warehouse) and not written:
            account.pipeline = open_pipeline(warehouse)
            if rows := rows_there(account):
                written.append(rows)
                account.simulator.as_role(later, rights if later == "manager" else ())

    with pytest.raises(LoadFailed, match=f"was {earlier} and is {later} now"):
        load_from(account, warehouse, *streams, on_step=step)
    assert written == [rows_there(account)]
    if later == "manager":
        # Nothing was read to its end; what is there is an administrator's all the same.
        with pytest.raises(AccessLost, match="was administrator and is manager now"):
            load_from(account, warehouse, *streams)
    equal_for_an_administrator(account, warehouse, *streams)


def test_an_administrator_sees_all_and_everybody_else_their_own() -> None:
    administrator, one, other = ["administrator"], ["manager", "person 1"], ["manager", "person 2"]
    assert sees_more(administrator, one)
    assert sees_more(other, one)
    assert sees_more(["estimates_manager", "manager", "person 1"], one)
    assert not sees_more(one, administrator)
    assert not sees_more(one, ["estimates_manager", "manager", "person 1"])
    assert not sees_more(one, one)
    # Of the source alone nobody knows whose the token is.
    assert not sees_more([], one)
    assert not sees_more(one, [])
