"""`sync --repair` heals what changed without a trace, by reading what differs and no more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.load import AccessLost
from harvest_warehouse.sync import repair
from harvest_warehouse.verify import VerifyReport
from harvest_warehouse.warehouse import Target
from support.accounts import Account, assert_equals_truth, deletions, some_ids, sync_from


def change_the_rounding(account: Account) -> None:
    account.simulator.set_rounding("up", 30)


def restate_a_rate(account: Account) -> None:
    entry = next(row for row in account.simulator.truth()["time_entries"] if row["billable_rate"])
    account.simulator.store.restate_rate(entry["user"]["id"], Decimal("321.5"), date(2000, 1, 1))


def rename_a_client(account: Account) -> None:
    account.simulator.store.rename_client(account.simulator.truth()["clients"][0]["id"], "Renamed")


def delete_an_old_entry(account: Account) -> None:
    oldest = min(
        (row for row in account.simulator.truth()["time_entries"] if not row["is_running"]),
        key=lambda row: row["spent_date"],
    )
    account.simulator.store.delete_time_entry(oldest["id"])


@pytest.mark.parametrize("change", [change_the_rounding, restate_a_rate, rename_a_client, delete_an_old_entry])
@pytest.mark.by_day(1)
def test_a_silent_change_is_healed_without_a_full_reload(
    synced: tuple[Account, Target], change: Callable[[Account], None]
) -> None:
    account, warehouse = synced
    account.simulator.clock.sleep(7 * 86_400)
    change(account)
    report = sync_from(account, warehouse, repair=True, reread_requests=0)
    assert report.verify is not None
    assert report.verify.is_proven, report.verify.differing
    assert not report.needs_somebody
    assert_equals_truth(account)


@pytest.mark.nightly
def test_what_the_repair_finds_gone_is_kept_and_its_history_ended(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    change_the_rounding(account)
    gone = some_ids(account, "time_entries", 1)[0]
    account.simulator.store.delete_time_entry(gone)
    report = sync_from(account, warehouse, repair=True)
    assert report.verify is not None
    assert report.verify.is_rounding_changed is False, "healed"
    assert report.verify.repaired, "by reading again"
    assert [row["row_key"] for row in account.rows("harvest_deletions")] == [str(gone)]
    assert_equals_truth(account)


def repair_from(account: Account, warehouse: Target, **asked: Any) -> VerifyReport:
    """What `verify --repair` does."""
    account.simulator.enforce_limits = False
    client = account.client(requests_per_15_s=0, report_requests_per_15_min=0)
    try:
        return repair(warehouse, client.settings, client=client, **asked)
    finally:
        account.pipeline = open_pipeline(warehouse)


@pytest.mark.nightly
def test_a_repair_alone_moves_no_more_at_once_than_a_sync_and_says_so(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    before = account.rows("time_entries")
    for entry_id in some_ids(account, "time_entries", 51 + len(before) // 20):
        account.simulator.store.delete_time_entry(entry_id)
    report = repair_from(account, warehouse)
    assert any("are no longer in Harvest" in note for note in report.notes)
    assert any("--accept-deletions" in note for note in report.notes)
    assert not report.is_proven
    assert len(account.rows("time_entries")) == len(before)


@pytest.mark.nightly
def test_a_repair_alone_keeps_what_is_gone_of_what_is_replaced_as_a_whole(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    delete_an_old_entry(account)
    payment = account.simulator.truth()["invoice_payments"][0]
    account.simulator.store.delete_payment(payment["id"])
    report = repair_from(account, warehouse)
    assert report.is_proven
    assert {table for table, _ in deletions(account)} == {"time_entries", "invoice_payments"}


def test_a_repair_whose_token_lost_rights_since_the_reports_were_read_reads_nothing_again(
    synced: tuple[Account, Target],
) -> None:
    account, warehouse = synced
    restate_a_rate(account)
    before = account.rows("time_entries")

    def lose(step: str) -> None:
        if step.startswith("reading again what differs"):
            account.simulator.as_role("member")

    with pytest.raises(AccessLost, match="was administrator and is member now"):
        repair_from(account, warehouse, on_step=lose)
    assert account.rows("time_entries") == before
    assert deletions(account) == {}
