"""What Harvest changes together with a deletion is read again in the same sync, whether or not it says that it changed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from harvest_simulator import Fault
from harvest_simulator.account.conventions import Conventions
from harvest_simulator.account.documents import Invoice
from harvest_simulator.http.request_log import Request
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.load import load
from harvest_warehouse.load.load import load_in
from harvest_warehouse.sync import sync
from harvest_warehouse.warehouse import Target
from support.accounts import Account, assert_equals_truth, deletions, sync_from

OpenAccount = Callable[..., Account]


def billed_by(account: Account, invoice_id: int) -> dict[str, set[int]]:
    """The time and the expenses of an invoice, by the simulator's word."""
    truth = account.simulator.truth()
    return {
        stream: {row["id"] for row in truth[stream] if (row["invoice"] or {}).get("id") == invoice_id}
        for stream in ("time_entries", "expenses")
    }


def an_invoice(account: Account) -> Invoice:
    """One that billed time and expenses."""
    store = account.simulator.store
    with_expenses = {expense.invoice_id for expense in store.expenses.values()}
    entries = Counter(entry.invoice_id for entry in store.time_entries.values() if entry.invoice_id in with_expenses)
    entries.pop(None, None)
    [(invoice_id, _)] = entries.most_common(1)
    assert invoice_id is not None
    return store.invoices[invoice_id]


def windows_read(account: Account, stream: str) -> list[tuple[str, str]]:
    """The first and last days between which a list was read, whatever changed."""
    asked = [request.query for request in account.simulator.requests if request.path == f"/v2/{stream}"]
    return [(query["from"], query["to"]) for query in asked if "to" in query and query["per_page"] != "1"]


@pytest.mark.by_day(1)
@pytest.mark.parametrize("moves", [False, True], ids=["without a trace", "and that moves them"])
def test_what_a_deleted_invoice_billed_can_be_billed_again(synced: tuple[Account, Target], moves: bool) -> None:
    account, warehouse = synced
    account.simulator.store.conventions = Conventions(moves_what_is_given_back=moves)
    account.simulator.clock.sleep(30 * 86_400)
    invoice = an_invoice(account)
    billed = billed_by(account, invoice.id)
    assert all(billed.values())
    assert all(
        row["is_billed"] and row["is_locked"]
        for row in account.rows("time_entries")
        if row["id"] in billed["time_entries"]
    )
    account.simulator.store.delete_invoice(invoice.id)
    account.simulator.requests.clear()
    assert sync_from(account, warehouse, reread_requests=0).is_equal
    for stream, ids in billed.items():
        rows = [row for row in account.rows(stream) if row["id"] in ids]
        assert {(row["is_billed"], row["invoice__id"], row["invoice__number"]) for row in rows} == {(False, None, None)}
        assert not any("nvoiced" in (row["locked_reason"] or "") for row in rows)
    assert_equals_truth(account)
    # Their days are read, once, unless they came by themselves.
    days = [row["spent_date"] for row in account.rows("time_entries") if row["id"] in billed["time_entries"]]
    bounds = (min(days).isoformat(), max(days).isoformat())
    assert windows_read(account, "time_entries") == ([] if moves else [bounds])


@pytest.mark.nightly
def test_a_sync_that_is_killed_before_it_read_them_again_is_made_good_by_the_next(
    synced: tuple[Account, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    account, warehouse = synced
    account.simulator.clock.sleep(30 * 86_400)
    invoice = an_invoice(account)
    account.simulator.store.delete_invoice(invoice.id)
    loads = 0

    def killed_the_second_time(*args: Any, **asked: Any) -> Any:
        nonlocal loads
        loads += 1
        if loads == 2:
            raise KeyboardInterrupt
        return load_in(*args, **asked)

    with monkeypatch.context() as patched:
        patched.setattr(import_module("harvest_warehouse.sync.sync"), "load_in", killed_the_second_time)
        with pytest.raises(KeyboardInterrupt):
            sync_from(account, warehouse)
    assert ("invoices", str(invoice.id)) in deletions(account)
    assert sync_from(account, warehouse).is_equal
    assert_equals_truth(account)


def test_what_was_billed_by_an_invoice_that_no_run_ever_saw_is_read_again(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    store = account.simulator.store
    account.simulator.clock.sleep(86_400)
    client_id = next(
        project.client_id for project in store.projects.values() if store.unbilled_work(project.client_id)[0]
    )
    invoice_id = store.create_invoice(client_id)
    client = account.client(requests_per_15_s=0)
    load(warehouse, client.settings, ["time_entries", "expenses"], client=client)
    assert invoice_id in {row["invoice__id"] for row in account.rows("time_entries")}
    account.simulator.clock.sleep(86_400)
    store.delete_invoice(invoice_id)
    assert sync_from(account, warehouse, reread_requests=0).is_equal
    assert_equals_truth(account)


def test_what_an_invoice_billed_that_came_while_it_was_read_is_not_read_again(
    synced: tuple[Account, Target],
) -> None:
    account, warehouse = synced
    simulator, store = account.simulator, account.simulator.store
    client_id = next(row.client_id for row in store.projects.values() if store.unbilled_work(row.client_id)[0])
    made: list[int] = []
    simulator.requests.clear()

    def are_invoices_read() -> bool:
        return any(asked.path == "/v2/invoices" and "updated_since" in asked.query for asked in simulator.requests)

    def bill(request: Request) -> bool:
        if request.path == "/v2/time_entries" and "updated_since" in request.query and not made:
            until = time.monotonic() + 60
            while not are_invoices_read() and time.monotonic() < until:
                time.sleep(0.01)
            assert are_invoices_read()
            made.append(store.create_invoice(client_id))
        return False

    simulator.faults.at(bill, Fault.FORBIDDEN)
    assert sync_from(account, warehouse, reread_requests=0).is_equal
    assert made[0] in {row["invoice__id"] for row in account.rows("time_entries")}
    assert made[0] not in {row["id"] for row in account.rows("invoices")}
    assert windows_read(account, "time_entries") == []


@pytest.mark.nightly
def test_invoices_before_the_start_date_are_not_taken_for_deleted_ones(
    open_account: OpenAccount, tmp_path: Path
) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    store = account.simulator.store
    account.simulator.enforce_limits = False
    billing = {entry.invoice_id: entry for entry in store.time_entries.values() if entry.invoice_id is not None}
    early, *_, late = sorted((store.invoices[row_id] for row_id in billing), key=lambda row: (row.issue_date, row.id))
    entry, given_back = billing[early.id], billing[late.id]
    # Billed before the work was done.
    start = early.issue_date + timedelta(days=1)
    store.edit_time_entry(entry.id, spent_date=start)

    def run() -> None:
        client = account.client(requests_per_15_s=0, start_date=start)
        sync(warehouse, client.settings, client=client, build_marts=False, reread_requests=0)
        account.pipeline = open_pipeline(warehouse)
        account.simulator.clock.sleep(86_400)

    run()
    account.simulator.requests.clear()
    run()
    assert windows_read(account, "time_entries") == []
    store.delete_invoice(late.id)
    run()
    row = next(row for row in account.rows("time_entries") if row["id"] == given_back.id)
    assert (row["is_billed"], row["invoice__id"]) == (False, None)
    row = next(row for row in account.rows("time_entries") if row["id"] == entry.id)
    assert row["invoice__id"] == early.id


def test_an_invoice_is_open_again_when_its_payment_is_taken_back_without_a_trace(
    synced: tuple[Account, Target],
) -> None:
    account, warehouse = synced
    store = account.simulator.store
    account.simulator.clock.sleep(30 * 86_400)
    invoice = next(row for row in store.invoices.values() if row.state == "paid")
    for payment in list(store.invoice_payments[invoice.id]):
        store.delete_payment(payment.id, moves_invoice=False)
    assert sync_from(account, warehouse, reread_requests=0).is_equal
    row = next(row for row in account.rows("invoices") if row["id"] == invoice.id)
    assert (row["state"], row["paid_date"]) == ("open", None)
    assert_equals_truth(account)


@pytest.mark.nightly
def test_an_invoice_loses_the_link_to_an_estimate_that_was_deleted(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    store = account.simulator.store
    estimate_id = store.create_estimate(next(iter(store.clients)))
    invoice_id = next(iter(store.invoices))
    store.edit_invoice(invoice_id, estimate_id=estimate_id)
    for _ in range(2):
        sync_from(account, warehouse)
        account.simulator.clock.sleep(86_400)
    store.delete_estimate(estimate_id)
    account.simulator.requests.clear()
    assert sync_from(account, warehouse, reread_requests=0).is_equal
    assert_equals_truth(account)
    issued = store.invoices[invoice_id].issue_date.isoformat()
    assert windows_read(account, "invoices") == [(issued, issued)]
