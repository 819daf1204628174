"""The fast lane: a documented page read straight from its bytes is what the slow way makes of it, or it is not taken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from harvest_time_tracking.errors import ContractViolation, RetryableError
from harvest_time_tracking.http.client import Client
from harvest_time_tracking.http.protocol import Answer, Page, Paging, read_page
from harvest_time_tracking.records.arrow_reader import read_documented
from harvest_time_tracking.records.batches import RowMaker
from support.accounts import Account, assert_equals_truth

TYPES: Any = {"id": "bigint", "name": "text", "at": "date", "hours": "decimal", "client__id": "bigint"}
URL = "https://api.harvestapp.com/v2"
RECORD = '{"id":1,"name":"a","at":"2026-02-28","hours":0.10,"client":{"id":7}}'


def fast(body: bytes) -> Page | None:
    return read_documented(Answer(body), "list", TYPES)


def test_a_documented_page_is_typed_from_its_digits() -> None:
    page = fast(f'{{"list":[{RECORD}],"total_entries":1,"links":{{"next":"{URL}/list?page=2"}}}}'.encode())
    assert page is not None
    assert page.columns is not None
    assert {name: array.to_pylist() for name, array in page.columns.items()} == {
        "id": [1],
        "name": ["a"],
        "at": [date(2026, 2, 28)],
        "hours": [Decimal("0.1")],
        "client__id": [7],
    }
    assert (page.total, page.next_url) == (1, f"{URL}/list?page=2")


# What Harvest never sent, and a proxy or a bad day might: each time both ways must agree, or the fast one stand back.
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{",
        f'{{"list":[{RECORD}]}}'.encode(),
        f'{{"list":[{RECORD}],"total_entries":true}}'.encode(),
        f'{{"list":[{RECORD}],"total_entries":"1"}}'.encode(),
        f'{{"list":[{RECORD}],"total_entries":99999999999999999999}}'.encode(),
        f'{{"list":[{RECORD}],"total_entries":1}}{{"list":[]}}'.encode(),
        f'{{"list":[{RECORD}],"total_entries":1}} x'.encode(),
        f'{{"list":[{RECORD},],"total_entries":1}}'.encode(),
        f'{{"list":[{RECORD}],"links":[1]}}'.encode(),
        f'{{"list":[{RECORD}],"links":{{"next":null}}}}'.encode(),
        f'\ufeff{{"list":[{RECORD}]}}'.encode(),
        f'/*c*/{{"list":[{RECORD}]}}'.encode(),
        f'[{{"list":[{RECORD}]}}]'.encode(),
        RECORD.encode().join([b'{"list":[', b"],", b'"total_entries":1,"total_entries":2}'][:2])
        + b'"total_entries":2}',
        RECORD.replace('"a"', '"\\ud800"').encode().join([b'{"list":[', b"]}"]),
        RECORD.replace('"a"', '"\\u0000"').encode().join([b'{"list":[', b"]}"]),
        RECORD.encode().replace(b'"a"', b'"\xff"').join([b'{"list":[', b"]}"]),
        RECORD.replace(":1,", ":NaN,").encode().join([b'{"list":[', b"]}"]),
        RECORD.replace(":1,", ":01,").encode().join([b'{"list":[', b"]}"]),
        RECORD.replace("02-28", "02-30").encode().join([b'{"list":[', b"]}"]),
        RECORD.replace('{"id":7}', "null").encode().join([b'{"list":[', b"]}"]),
        RECORD.replace('{"id":7}', "[7]").encode().join([b'{"list":[', b"]}"]),
        b'{"list":[' + b"[" * 200_000,
        b'{"list":[{"id":1,"deep":' + b"[" * 200_000 + b"]" * 200_000 + b"}]}",
        b'{"list":[{"id":1}],"deep":' + b"[" * 3_000 + b"]" * 3_000 + b"}",
        b'{"list":[{"id":1}],"deep":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
    ],
    ids=lambda body: body[:40].decode(errors="replace") + f" ({len(body)})",
)
def test_the_fast_lane_agrees_with_the_slow_one_or_stands_back(body: bytes) -> None:
    page = fast(body)
    try:
        slow = read_page(Answer(body), "list", URL)
    except (RetryableError, ContractViolation):
        assert page is None
        return
    if page is not None:
        assert (page.total, page.next_url, list(page.records)) == (slow.total, slow.next_url, list(slow.records))


def test_brackets_in_what_people_write_do_not_keep_a_page_off_the_fast_lane() -> None:
    records = ",".join(RECORD.replace('"a"', '"see [1], {x} and :-["') for _ in range(300))
    assert fast(f'{{"list":[{records}]}}'.encode()) is not None


def test_documented_pages_do_take_the_fast_lane(
    open_account: Callable[..., Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: dict[str, set[bool]] = {}
    as_read = RowMaker.rows

    def noted(self: RowMaker, call: Any, page: Page, is_last: bool) -> Any:
        if page.records:
            taken.setdefault(call.path.split("/")[0], set()).add(page.columns is not None)
        return as_read(self, call, page, is_last)

    monkeypatch.setattr(RowMaker, "rows", noted)
    account = open_account()
    account.load("time_entries", "clients", "tasks", "invoices")
    assert taken == {"time_entries": {True}, "clients": {True}, "tasks": {True}, "invoices": {False}}
    assert_equals_truth(account, ["time_entries", "clients", "tasks"])


def test_a_link_to_another_host_is_refused_on_the_fast_lane_too(open_account: Callable[..., Account]) -> None:
    account = open_account()
    page = Page([], b"", "clients", Paging(1, "https://elsewhere.example/v2/clients?page=2"), None, {})
    with Client(account.client().settings) as client, pytest.raises(ContractViolation, match=r"elsewhere\.example"):
        client.page("clients", "clients", fast=lambda _: page)
