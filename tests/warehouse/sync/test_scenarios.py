"""Eight plain scenarios, each equal to the truth after the next `sync`. Published connectors fail four to six of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from harvest_simulator import Fault, Simulator
from harvest_simulator.changes.store import Store
from harvest_time_tracking import HarvestError
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.warehouse import Target
from support.accounts import Account, assert_equals_truth, sync_from


def simulated() -> Simulator:
    """An account without running timers, whose hours would grow while we look."""
    simulator = Simulator(size="tiny", entries=200)
    for entry in simulator.truth()["time_entries"]:
        if entry["is_running"]:
            simulator.store.stop_timer(entry["id"])
    return simulator


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    simulator = simulated()
    with simulator.serving() as url:
        yield Account(simulator, url, tmp_path)


@pytest.fixture
def warehouse(tmp_path: Path) -> Target:
    return Target(tmp_path)


@pytest.fixture
def store(account: Account, warehouse: Target, once: Callable[..., Path]) -> Store:
    """The account's rows, a day after its first sync."""

    def make(made: Target) -> None:
        simulator = simulated()
        with simulator.serving() as url:
            sync_from(Account(simulator, url, made.folder), made)

    shutil.copy(once("scenarios", make), warehouse.file)
    account.pipeline = open_pipeline(warehouse)
    account.simulator.clock.sleep(86_400)
    return account.simulator.store


def a_hundredth(store: Store) -> list[int]:
    ids = sorted(store.time_entries)
    return Random(1).sample(ids, max(2, len(ids) // 100))


def test_a_first_load(account: Account, warehouse: Target) -> None:
    assert sync_from(account, warehouse).is_equal
    assert len(account.rows("time_entries")) > 150
    assert_equals_truth(account)


@pytest.mark.nightly
def test_a_hundredth_created_and_a_hundredth_updated(account: Account, warehouse: Target, store: Store) -> None:
    for entry_id in a_hundredth(store):
        store.edit_time_entry(entry_id, hours="3.33", notes="changed")
        store.create_time_entry(spent_date=date(2026, 1, 7), hours="1.25")
    sync_from(account, warehouse)
    assert "changed" in {row["notes"] for row in account.rows("time_entries")}
    assert_equals_truth(account)


@pytest.mark.nightly
def test_a_hundredth_deleted(account: Account, warehouse: Target, store: Store) -> None:
    deleted = a_hundredth(store)
    for entry_id in deleted:
        store.delete_time_entry(entry_id)
    sync_from(account, warehouse)
    assert {row["row_key"] for row in account.rows("harvest_deletions")} == set(map(str, deleted))
    assert_equals_truth(account)


def test_children_changed_while_the_parents_updated_at_stays(account: Account, warehouse: Target, store: Store) -> None:
    user_id = next(iter(store.users))
    sent = [invoice for invoice in store.invoices.values() if store.invoice_messages.get(invoice.id)]
    before = {row.id: row.updated_at for row in [*store.invoices.values(), *store.users.values()]}
    message_id = store.invoice_messages[sent[0].id][0].id
    store.delete_invoice_message(message_id)
    reminder_id = store.remind(sent[1].id)
    rate_id = store.add_billable_rate(user_id, Decimal(123), date(2026, 3, 20))
    manager_id = next(user.id for user in store.users.values() if "manager" in user.access_roles)
    store.set_teammates(manager_id, sorted(store.users)[:2])
    assert before == {row.id: row.updated_at for row in [*store.invoices.values(), *store.users.values()]}
    sync_from(account, warehouse)
    messages = {row["id"] for row in account.rows("invoice_messages")}
    assert reminder_id in messages
    assert message_id not in messages
    assert rate_id in {row["id"] for row in account.rows("user_billable_rates")}
    assert_equals_truth(account)


def test_a_project_renamed(account: Account, warehouse: Target, store: Store) -> None:
    project_id = next(entry.project_id for entry in store.time_entries.values())
    store.rename_project(project_id, "Another name")
    sync_from(account, warehouse)
    assert "Another name" in {row["project__name"] for row in account.rows("time_entries")}
    assert_equals_truth(account)


@pytest.mark.nightly
@pytest.mark.parametrize("late_seconds", [3_600, 30 * 3_600], ids=["within the overlap", "long before it"])
@pytest.mark.by_day(1)
def test_a_row_committed_late(account: Account, warehouse: Target, store: Store, late_seconds: int) -> None:
    sync_from(account, warehouse)
    with store.committing_late(late_seconds):
        entry_id = store.create_time_entry()
    began = account.simulator.clock.now_seconds()
    assert store.time_entries[entry_id].updated_at < began, "the last run began after it, and did not see it"
    sync_from(account, warehouse)
    assert entry_id in {row["id"] for row in account.rows("time_entries")}
    assert_equals_truth(account)


@pytest.mark.nightly
def test_rows_created_and_deleted_between_two_pages_of_one_list_then_a_quiet_sync(
    account: Account, warehouse: Target, store: Store
) -> None:
    account.simulator.set_paging(most_rows=20)
    # The whole list changed, so that the whole of it is asked for; the newest day is on the first page.
    for entry_id in store.time_entries:
        store.edit_time_entry(entry_id, notes="all over")
    newest = max(store.time_entries.values(), key=lambda entry: entry.spent_date)
    created = []

    def shift() -> None:
        account.simulator.clock.sleep(5)
        store.delete_time_entry(newest.id)
        created.append(store.create_time_entry(spent_date=date(2025, 12, 29)))
        created.append(store.create_time_entry())

    account.simulator.faults.between_pages("time_entries", shift)
    sync_from(account, warehouse)
    assert len(created) == 2
    account.simulator.clock.sleep(3_600)
    assert sync_from(account, warehouse).is_equal
    assert set(created) <= {row["id"] for row in account.rows("time_entries")}
    assert_equals_truth(account)


@pytest.mark.nightly
@pytest.mark.parametrize("number", [1, 12, 40], ids=lambda number: f"before request {number}")
def test_the_token_revoked_in_the_middle_then_restored(
    account: Account, warehouse: Target, store: Store, number: int
) -> None:
    simulator = account.simulator
    account.simulator.mutate(40, seed=3, deletions=True)
    for entry in [entry for entry in store.time_entries.values() if entry.timer_started_at is not None]:
        store.stop_timer(entry.id)
    asked = len(simulator.requests)
    simulator.faults.at(lambda _: len(simulator.requests) - asked >= number - 1, Fault.UNAUTHORIZED, times=10_000)
    with pytest.raises(HarvestError, match="401"):
        sync_from(account, warehouse)
    simulator.faults.clear()
    account.simulator.clock.sleep(3_600)
    sync_from(account, warehouse)
    assert_equals_truth(account)
