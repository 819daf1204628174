"""Copies follow their originals: embedded names, codes, clients and assignments after a load, without a request."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from harvest_simulator import Fault
from harvest_time_tracking import STREAMS, Embedded, Stream
from harvest_warehouse.database import open_database
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.load import load
from harvest_warehouse.load.embedded_copies import follow_embedded
from harvest_warehouse.warehouse import Target
from support.accounts import Account, assert_equals_truth
from support.paths import SHARED

OpenAccount = Callable[..., Account]


def load_from(account: Account, warehouse: Target, *streams: str) -> None:
    account.simulator.enforce_limits = False
    client = account.client(requests_per_15_s=0, report_requests_per_15_min=0)
    load(warehouse, client.settings, streams, client=client)
    account.pipeline = open_pipeline(warehouse)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.by_day(1)
def test_after_many_changes_every_value_equals_the_truth(open_account: OpenAccount, tmp_path: Path, seed: int) -> None:
    account, warehouse = open_account(seed=seed), Target(tmp_path)
    load_from(account, warehouse)
    account.simulator.clock.sleep(86_400)
    account.simulator.mutate(150, seed=seed)
    load_from(account, warehouse)
    assert_equals_truth(account)


@pytest.mark.nightly
def test_a_copy_is_left_alone_where_its_original_was_not_read(open_account: OpenAccount, tmp_path: Path) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    load_from(account, warehouse)
    with open_pipeline(warehouse).sql_client() as client:
        client.execute_sql("update clients set name = 'stale'")
        client.execute_sql("update time_entries set client__name = 'fresh'")
    load_from(account, warehouse, "time_entries", "roles")
    account.simulator.faults.at(lambda request: request.path.endswith("/clients"), Fault.FORBIDDEN, times=99)
    load_from(account, warehouse, "time_entries", "clients")
    # Running timers were read again, with the names that Harvest gives them.
    names = {row["client__name"] for row in account.rows("time_entries")}
    assert "fresh" in names
    assert "stale" not in names


def test_another_account_in_the_same_tables_keeps_its_copies(open_account: OpenAccount, tmp_path: Path) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    load_from(account, warehouse, "clients", "projects")
    with open_pipeline(warehouse).sql_client() as client:
        # The same ids, another account: nothing but the account tells them apart.
        client.execute_sql("insert into projects by name select * replace ('other' as account_id) from projects")
        client.execute_sql("update projects set client__name = 'theirs' where account_id = 'other'")
    account.simulator.clock.sleep(60)
    client_id = account.simulator.truth()["projects"][0]["client"]["id"]
    account.simulator.store.rename_client(client_id, "Renamed")
    load_from(account, warehouse, "clients", "projects")
    names = {(row["account_id"], row["client__name"]) for row in account.rows("projects")}
    assert ("123456", "Renamed") in names
    assert {name for account_id, name in names if account_id == "other"} == {"theirs"}


@pytest.mark.nightly
def test_a_rate_that_the_list_does_not_have_stays_as_the_entry_showed_it(
    open_account: OpenAccount, tmp_path: Path
) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    truth = account.simulator.truth()
    unlisted = {row["id"] for row in truth["task_assignments"] if row["hourly_rate"] is None}
    shown = {
        row["id"]: row["task_assignment"]
        for row in truth["time_entries"]
        if row["task_assignment"] and row["task_assignment"]["id"] in unlisted
    }
    # Recorded in 2024-10: 100.0 in the entry, null in the list, with the same id and updated_at.
    entry_id = next(row_id for row_id, copy in shown.items() if copy["hourly_rate"] is not None)

    def rate() -> Any:
        return next(
            row["task_assignment__hourly_rate"] for row in account.rows("time_entries") if row["id"] == entry_id
        )

    load_from(account, warehouse)
    assert rate() == shown[entry_id]["hourly_rate"]
    account.simulator.clock.sleep(86_400)
    account.simulator.store.edit_task_assignment(shown[entry_id]["id"], hourly_rate=Decimal("77.75"))
    load_from(account, warehouse)
    assert rate() == Decimal("77.75"), "of one that the list has, the copy is a copy"


def test_default_rates_that_a_token_may_not_see_leave_the_rates_of_entries_alone(
    open_account: OpenAccount, tmp_path: Path
) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    load_from(account, warehouse)
    before = {row["id"]: row["user_assignment__hourly_rate"] for row in account.rows("time_entries")}
    assert any(before.values())
    with open_database(warehouse) as database:
        # As the keys are missing in what a person sees who is no administrator.
        database.run(["update users set default_hourly_rate = null"])
        follow_embedded(database, "123456", ["users"])
    assert {row["id"]: row["user_assignment__hourly_rate"] for row in account.rows("time_entries")} == before


@pytest.mark.skipif(not SHARED.exists(), reason="needs the recorded answers in ../shared")
def test_every_copy_in_the_recorded_account_is_what_the_catalogue_says() -> None:
    recorded: dict[str, list[dict[str, Any]]] = {}
    for line in (SHARED / "harvest-api/real/sandbox_records_2024-04.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        recorded.setdefault(record["stream"], []).append(record["data"])
    seen = 0
    for stream in STREAMS.values():
        for copy in stream.embeds:
            for record in recorded.get(stream.name, []):
                seen += _held(stream, copy, record, recorded.get(copy.stream, []))
    # Few originals of the copies were recorded beside them.
    assert seen > 20


def _held(stream: Stream, copy: Embedded, record: dict[str, Any], originals: list[dict[str, Any]]) -> int:
    *lists, name = copy.at.split(".")
    holders = record.get(lists[0], []) if lists else [record]
    compared = 0
    for holder in holders:
        copied = holder.get(name)
        if copied is None or (copy.only_where and copied[copy.only_where[0]] is not copy.only_where[1]):
            continue
        for original in originals:
            if any(_at(holder, own) != _at(original, other) for own, other in copy.keys):
                continue
            for field, columns in copy.fields.items():
                values = [_at(original, column) for column in columns]
                wanted = values[0] if len(values) == 1 else " ".join(values).strip()
                if wanted is None and copy.only_known:
                    continue
                assert copied.get(field, wanted) == wanted, (stream.name, copy.at, field)
                compared += field in copied
    return compared


def _at(record: dict[str, Any], column: str) -> Any:
    value: Any = record
    for key in column.split("__"):
        value = (value or {}).get(key)
    return value
