"""The sweep while people work, and where Harvest says less than it may: nothing that lives is moved, and one look is enough."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harvest_simulator import Fault
from harvest_simulator.account.conventions import Conventions
from harvest_simulator.http.request_log import Request
from harvest_warehouse.database import open_database
from harvest_warehouse.sweep.report import Swept
from harvest_warehouse.sync import SyncReport
from harvest_warehouse.warehouse import Target
from support.accounts import Account, assert_equals_truth, deletions, some_ids, sync_from

OpenAccount = Callable[..., Account]


def swept(report: SyncReport, stream: str) -> Swept:
    assert report.sweep is not None
    return next(each for each in report.sweep.streams if each.stream == stream)


def run_sql(warehouse: Target, *statements: str) -> None:
    with open_database(warehouse) as database:
        database.run(statements)


@pytest.mark.nightly
def test_a_list_that_harvest_does_not_count_is_not_compared_and_the_others_are(
    synced: tuple[Account, Target],
) -> None:
    account, warehouse = synced
    simulator = account.simulator
    gone = {stream: some_ids(account, stream, 1)[0] for stream in ("time_entries", "expenses")}
    simulator.store.delete_time_entry(gone["time_entries"])
    simulator.store.delete_expense(gone["expenses"])

    def unsaid(request: Request) -> bool:
        is_told = request.path != "/v2/expenses" or request.query.get("per_page") != "1"
        simulator.set_paging(unsaid=() if is_told else ("total_entries",))
        return False

    simulator.faults.at(unsaid, Fault.FORBIDDEN)
    report = sync_from(account, warehouse, build_marts=True)
    assert swept(report, "expenses").verdict == "not compared"
    assert (swept(report, "time_entries").verdict, swept(report, "time_entries").vanished) == ("equal", 1)
    assert set(deletions(account)) == {("time_entries", str(gone["time_entries"]))}
    assert report.build is not None
    assert (report.is_equal, report.needs_somebody) == (False, True)
    simulator.faults.clear()
    simulator.set_paging()
    report = sync_from(account, warehouse)
    assert (report.is_equal, report.needs_somebody) == (True, False)
    assert_equals_truth(account)


@pytest.mark.nightly
@pytest.mark.parametrize("is_null", [True, False], ids=["null", "left out"])
def test_an_account_without_any_total_loads_and_is_not_compared(
    open_account: OpenAccount, tmp_path: Path, is_null: bool
) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    account.simulator.set_paging(unsaid=("total_entries",), is_null=is_null)
    report = sync_from(account, warehouse, build_marts=True)
    assert report.sweep is not None
    assert {each.verdict for each in report.sweep.streams} == {"not compared"}
    assert report.build is not None
    assert report.needs_somebody
    assert_equals_truth(account)


@pytest.mark.nightly
def test_a_record_that_is_here_twice_does_not_hide_one_that_is_missing(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    kept, lost = some_ids(account, "time_entries", 2)
    rows = len(account.rows("time_entries"))
    run_sql(
        warehouse,
        f"delete from time_entries where id = {lost}",
        f"insert into time_entries select * from time_entries where id = {kept}",
    )
    assert len(account.rows("time_entries")) == rows
    report = sync_from(account, warehouse)
    assert swept(report, "time_entries").missing == 1
    assert report.is_equal
    assert_equals_truth(account)
    assert deletions(account) == {}


@pytest.mark.parametrize("stream", ["time_entries", "invoices", "clients"])
@pytest.mark.by_day(1)
def test_a_record_that_is_here_twice_is_read_again_and_is_here_once(
    synced: tuple[Account, Target], stream: str
) -> None:
    account, warehouse = synced
    run_sql(warehouse, f'insert into "{stream}" select * from "{stream}" where id = (select max(id) from "{stream}")')
    assert sync_from(account, warehouse).is_equal
    assert_equals_truth(account)


@pytest.mark.nightly
def test_where_pages_are_shorter_than_asked_for_counting_goes_on_until_reading_is_cheaper(
    open_account: OpenAccount, tmp_path: Path
) -> None:
    account, warehouse = open_account(entries=2_000), Target(tmp_path)
    sync_from(account, warehouse)
    account.simulator.clock.sleep(86_400)
    account.simulator.set_paging(most_rows=20)
    entries = account.simulator.store.time_entries
    [gone] = some_ids(account, "time_entries", 1)
    account.simulator.store.delete_time_entry(gone)
    report = sync_from(account, warehouse, reread_requests=0)
    assert report.is_equal
    assert set(deletions(account)) == {("time_entries", str(gone))}
    # A hundred pages of 20: seven halvings lead to a few of them. With pages of 2,000 in mind, all hundred would be read.
    assert len(entries) > 1_500
    assert swept(report, "time_entries").requests < 25


def at_work(account: Account) -> list[str]:
    """From now on an entry changes for every two requests."""
    return account.simulator.start_work(2)


@pytest.mark.nightly
def test_while_people_work_what_vanished_is_found_and_nothing_that_lives_is_moved(
    synced: tuple[Account, Target],
) -> None:
    account, warehouse = synced
    simulator = account.simulator
    done = at_work(account)
    for _ in range(4):
        gone = some_ids(account, "time_entries", 3)
        for entry_id in gone:
            simulator.store.delete_time_entry(entry_id)
        before = {row["id"] for row in account.rows("time_entries")}
        report = sync_from(account, warehouse)
        assert not report.needs_somebody
        there = {row["id"] for row in simulator.truth()["time_entries"]}
        noted = {int(key) for table, key in deletions(account) if table == "time_entries"}
        assert not noted & there, "nothing that lives is moved"
        assert {row["id"] for row in account.rows("time_entries")} >= before & there
        assert set(gone) <= noted
        simulator.clock.sleep(86_400)
    assert len(done) > 100
    simulator.end_work()
    sync_from(account, warehouse)
    assert sync_from(account, warehouse).is_equal
    assert_equals_truth(account)


def test_one_look_is_enough_while_people_work(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    store, clock = account.simulator.store, account.simulator.clock

    def sweep_of(changes: Callable[[], Any]) -> Swept:
        for entry_id in some_ids(account, "time_entries", 3):
            store.delete_time_entry(entry_id)
        changes()
        report = sync_from(account, warehouse)
        clock.sleep(86_400)
        return swept(report, "time_entries")

    at_rest = sweep_of(lambda: None)
    assert at_rest.vanished == 3
    busy = sweep_of(lambda: at_work(account))
    assert busy.vanished >= 3
    assert busy.requests <= at_rest.requests + 2


@pytest.mark.parametrize("is_exclusive", [False, True], ids=["since then", "after it"])
@pytest.mark.by_day(1)
def test_a_row_that_moved_in_the_very_second_in_which_the_load_began_stays(
    synced: tuple[Account, Target], is_exclusive: bool
) -> None:
    account, warehouse = synced
    store = account.simulator.store
    store.conventions = Conventions(is_since_exclusive=is_exclusive)
    gone, moved = some_ids(account, "time_entries", 2)
    store.delete_time_entry(gone)

    def move(request: Request) -> bool:
        # The clock stands still: what changed was asked for in this second, and answered before.
        is_count = request.path == "/v2/time_entries" and request.query.get("per_page") == "1"
        if is_count and not is_moved:
            is_moved.append(True)
            store.move_to_date(moved, min(entry.spent_date for entry in store.time_entries.values()))
        return False

    is_moved: list[bool] = []
    account.simulator.faults.at(move, Fault.FORBIDDEN)
    sync_from(account, warehouse)
    assert is_moved
    assert set(deletions(account)) == {("time_entries", str(gone))}
