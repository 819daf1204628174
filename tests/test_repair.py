"""`sync --repair` heals what changed without a trace, by reading what differs and no more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from accounts import Account, assert_equals_truth
from harvest_warehouse.settings import Warehouse
from test_sweep import some_ids, sync_from

OpenAccount = Callable[..., Account]


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
def test_a_silent_change_is_healed_without_a_full_reload(
    open_account: OpenAccount, tmp_path: Path, change: Callable[[Account], None]
) -> None:
    account, warehouse = open_account(seed=2), Warehouse(tmp_path)
    sync_from(account, warehouse)
    account.simulator.clock.sleep(7 * 86_400)
    change(account)
    report = sync_from(account, warehouse, repair=True, reread_requests=0)
    assert report.verify is not None
    assert report.verify.is_proven, report.verify.differing
    assert not report.needs_somebody
    assert_equals_truth(account)


def test_what_the_repair_finds_gone_is_kept_and_its_history_ended(open_account: OpenAccount, tmp_path: Path) -> None:
    account, warehouse = open_account(), Warehouse(tmp_path)
    sync_from(account, warehouse)
    account.simulator.clock.sleep(3_600)
    change_the_rounding(account)
    gone = some_ids(account, "time_entries", 1)[0]
    account.simulator.store.delete_time_entry(gone)
    report = sync_from(account, warehouse, repair=True)
    assert report.verify is not None
    assert report.verify.is_rounding_changed is False, "healed"
    assert report.verify.repaired, "by reading again"
    assert [row["row_key"] for row in account.rows("harvest_deletions")] == [str(gone)]
    assert_equals_truth(account)
