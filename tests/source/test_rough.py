"""Rough use: runs cut short, dispositions nobody meant, names and numbers nobody expects."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from harvest_simulator import Fault
from harvest_time_tracking import Client, Secret, Settings
from harvest_time_tracking.columns import tables
from harvest_time_tracking.errors import ContractViolation, HarvestError
from harvest_time_tracking.http.protocol import Answer, Page, read_page
from harvest_time_tracking.records.converters import FlatRows, NestedRows
from support.accounts import Account

OpenAccount = Callable[..., Account]
KEY = ("account_id", "id")
URL = "https://api.harvestapp.com/v2"


def answer_of(text: str) -> Answer:
    return Answer(f'{{"list":[{text}]}}'.encode())


def page_of(text: str) -> Page:
    return read_page(answer_of(text), "list", URL)


def flat(added: dict[str, Any], text: str) -> dict[str, Any]:
    rows = FlatRows(tables()["clients"], KEY, added)
    page = rows.read(answer_of(text), "list", {"account_id"}) or page_of(text)
    row: dict[str, Any] = rows.table(page, {"account_id": "1"}).to_pylist()[0]
    return {name: value for name, value in row.items() if value is not None}


def nested(text: str) -> dict[str, Any]:
    return NestedRows(tables()["invoices"], KEY, {}).records(page_of(text), {"account_id": "1"})[0]


def test_children_of_a_parent_that_was_stopped_read_the_list_themselves(open_account: OpenAccount) -> None:
    account = open_account()
    source = account.source("users", "user_cost_rates")
    source.resources["users"].add_limit(1)
    account.pipeline.run(source, loader_file_format="parquet")
    assert len(account.rows("user_cost_rates")) == len(account.simulator.truth()["user_cost_rates"])


@pytest.mark.parametrize("disposition", ["replace", {"disposition": "merge", "strategy": "upsert"}])
def test_other_dispositions_store_no_row_that_only_says_delete(open_account: OpenAccount, disposition: Any) -> None:
    account = open_account()
    source = account.source("invoices", "invoice_payments", "users")
    account.pipeline.run(source, write_disposition=disposition, loader_file_format="parquet")
    for stream in ("invoices", "invoice_payments", "users"):
        assert len(account.rows(stream)) == len(account.simulator.truth()[stream])


@pytest.mark.parametrize(
    "values", [['{"a":1}', "5", "5"], ["5", '{"a":1}', '{"a":2}'], ["null", "1", '"t"', '{"a":1}', "5"]]
)
def test_a_field_may_be_an_object_in_one_load_and_a_value_in_another(values: list[str]) -> None:
    added: dict[str, Any] = {}
    for value in values:
        row = flat(added, f'{{"id":1,"x":{value}}}')
        held = [held for name, held in row.items() if name.split("__")[0] == "x"]
        assert bool(held) is (value != "null")


def test_numbers_wider_than_any_column_are_kept_as_text() -> None:
    assert flat({}, f'{{"id":1,"x":{10**30}}}')["x__v_text"] == str(10**30)
    assert nested(f'{{"id":1,"amount":{10**30}}}')["amount"] == {"v_text": str(10**30)}
    assert nested('{"id":1,"amount":0.12345678901234567}')["amount"] == {"v_text": "0.12345678901234567"}
    assert flat({}, '{"id":1,"x":12345678901234567890.123456789}')["x"] == Decimal("12345678901234567890.123456789")


def test_fields_named_like_our_columns_do_not_replace_them() -> None:
    row = nested('{"id":1,"account_id":99,"_harvest_deleted":true,"_dlt_id":"x"}')
    assert row["account_id"] == "1"
    assert (row["harvest_account_id"], row["harvest_harvest_deleted"], row["harvest_dlt_id"]) == (99, True, "x")
    assert flat({}, '{"id":1,"account_id":99}') == {"account_id": "1", "id": 1, "harvest_account_id": 99}


def test_fields_that_differ_only_in_spelling_are_all_kept() -> None:
    row = nested('{"id":1,"number":"7","Number":"X","Foo Bar":1,"foo_bar":2,"":3}')
    assert row["number"] == "7"
    assert sorted(str(value) for name, value in row.items() if name not in ("account_id", "id", "number")) == list(
        "123X"
    )
    row = flat({}, '{"id":1,"name":"a","Name":"b","":3}')
    assert row["name"] == "a"
    assert {"b", 3} <= set(row.values())


@pytest.mark.parametrize("text", ['{"id":null}', "{}"])
def test_a_record_without_a_key_is_refused_before_it_blocks_the_load(text: str) -> None:
    with pytest.raises(ContractViolation, match="no id"):
        nested(text)
    with pytest.raises(ContractViolation, match="no id"):
        flat({}, text)


def test_closing_a_client_ends_a_worker_that_waits_to_ask_again(open_account: OpenAccount) -> None:
    account = open_account()
    for nth in range(1, 9):
        account.simulator.faults.at({"path": "/v2/clients", "nth": nth}, Fault.SERVER_ERROR)
    client = Client(Settings(Secret(account.simulator.access_token), account.simulator.account_id, account.url))
    asked = client.in_background(client.page, "clients", "clients")
    deadline = time.monotonic() + 10
    while not account.simulator.requests and time.monotonic() < deadline:
        time.sleep(0.01)
    client.close()
    with pytest.raises(HarvestError):
        asked.result(timeout=5)
