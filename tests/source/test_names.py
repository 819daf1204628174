"""Names: a documented column holds the documented field, whatever else is spelled like it; what nobody expects has an end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from dlt.common.normalizers.naming.snake_case import NamingConvention
from hypothesis import given
from hypothesis import strategies as st

from harvest_simulator import Fault, Simulator
from harvest_time_tracking import STREAMS, tables
from harvest_time_tracking.records.converters import MORE, MOST_ADDED
from harvest_time_tracking.records.names import Names, own_name
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.load import load
from harvest_warehouse.warehouse import Target
from support.accounts import Account
from support.servers import Said, serving

OpenAccount = Callable[..., Account]
STAMPS = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}
FIELDS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "name",
            "Name",
            "NAME",
            " name",
            "name ",
            "na-me",
            "na_me",
            "client__name",
            "account_id",
            "_dlt_id",
            "v_text",
            "harvest_dlt_id",
            "harvest_deleted",
            "_harvest_deleted",
            "dlt_id",
        ]
    ),
)


def stop_timers(simulator: Simulator) -> Simulator:
    for entry in simulator.truth()["time_entries"]:
        if entry["is_running"]:
            simulator.store.stop_timer(entry["id"])
    return simulator


# One name, one field


@given(st.lists(FIELDS, unique=True, max_size=12))
def test_each_field_has_a_name_of_its_own_that_a_database_takes_as_it_is(fields: list[str]) -> None:
    names = [own_name(field, ("account_id",)) for field in fields]
    assert len(set(names)) == len(names)
    for field, name in zip(fields, names, strict=True):
        assert NamingConvention().normalize_identifier(name) == name
        assert "__" not in name
        assert len(name) <= 70
        assert name not in ("account_id", "_harvest_deleted", "v_text")
        assert not name.startswith("_dlt_")
        assert name == field or name.startswith("harvest_")


def test_every_documented_field_keeps_its_name() -> None:
    parts = {part for table in tables().values() for column in table.columns.values() for part in column.path}
    parts |= {name for table in tables().values() for name in table.lists}
    assert {part for part in parts if own_name(part) != part} == set()


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("new_field", "new_field"),
        ("account_id", "harvest_account_id"),
        ("v_text", "harvest_v_text"),
        ("_dlt_id", "harvest_dlt_id"),
        ("_harvest_deleted", "harvest_harvest_deleted"),
    ],
)
def test_a_field_that_is_spelled_like_a_column_keeps_its_name_unless_that_is_one_of_ours(field: str, name: str) -> None:
    assert own_name(field, ("account_id",)) == name


def test_what_stands_in_a_columns_place_or_in_a_list_that_makes_no_rows_is_kept_to_the_letter() -> None:
    record = {"notes": {"A b": 1}, "client": {"Name": 1}, "tags": [{"A b": 1}]}
    found = Names({"notes", "client__name"}, in_lists=False).record(record, ())
    assert found["notes"] == {"A b": 1}
    assert found["tags"] == [{"A b": 1}]
    assert list(found["client"]) == [own_name("Name")]


# All the way into the database


def answered(account: Account, stream: str) -> list[dict[str, Any]]:
    """What the account answers to a request of our own, outside of the code under test."""
    headers = {**account.simulator.headers, "Accept-Encoding": "identity"}
    found = requests.get(f"{account.url}/{STREAMS[stream].path}", headers=headers, timeout=30).json()
    key = STREAMS[stream].data_key
    return found[key] if key else [found]


def scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from scalars(item)
    else:
        yield value


def documented_rows(account: Account, stream: str) -> dict[str, list[str]]:
    """The documented columns of a stream's tables, row by row in any order."""
    return {
        name: sorted(
            repr([row[column] for column in table.columns if column in row and column != "id"] + [row.get("id")])
            for row in account.rows(name)
        )
        for name, table in tables().items()
        if name == stream or name.startswith(f"{stream}__")
    }


def added_values(account: Account, stream: str) -> Iterator[Any]:
    """The values in the columns and tables that nobody documented; texts in JSON one by one."""
    for name in account.tables():
        if name != stream and not name.startswith(f"{stream}__"):
            continue
        known = tables()[name].columns if name in tables() else {}
        for row in account.rows(name):
            for column, value in row.items():
                if column not in known and value is not None and not (name not in tables() and column == "account_id"):
                    is_json = isinstance(value, str) and value[:1] in "[{"
                    yield from scalars(json.loads(value)) if is_json else [value]


@pytest.mark.by_day(1)
@pytest.mark.parametrize("stream", ["time_entries", "clients", "company", "projects", "users", "invoices", "estimates"])
def test_documented_columns_hold_documented_fields_and_what_is_spelled_like_them_columns_of_its_own(
    open_account: OpenAccount, stream: str
) -> None:
    account, clean = open_account(), open_account("clean")
    for each in (account, clean):
        stop_timers(each.simulator)
    clean.load(stream)
    path = f"/v2/{STREAMS[stream].path}"
    account.simulator.faults.at(lambda request: request.path == path, Fault.NAMES_ALIKE)
    sent = Counter(scalars(answered(account, stream)))["alike"]
    assert sent > 5
    # Twice: the second reading finds the columns of the first, and must not take one for another.
    for _ in range(2):
        account.simulator.faults.at(lambda request: request.path == path, Fault.NAMES_ALIKE, times=1 << 30)
        account.load(stream, overlap_hours=24 * 3650)
        assert account.outcomes()[stream].outcome == "complete"
        assert documented_rows(account, stream) == documented_rows(clean, stream)
        assert Counter(added_values(account, stream))["alike"] == sent
        account.simulator.faults.clear()
    account.load(stream, overlap_hours=24 * 3650)
    assert documented_rows(account, stream) == documented_rows(clean, stream)


LIKE_CLIENTS = [
    {"id": 1, "name": "a", "Name": "b"},
    {"Name": "b", "id": 1, "name": "a"},
    {"id": 1, "name": "a", "NAME": {"deep": "b"}},
    {"id": 1, "name": "a", "v_text": "b"},
    {"id": 1, "name": "a", "Name": "b", " name": "c", "name ": "d", "na-me": "e", "na_me": "f"},
]


@pytest.mark.parametrize("client", LIKE_CLIENTS, ids=json.dumps)
@pytest.mark.parametrize("stream", ["time_entries", "invoices"])
@pytest.mark.by_day(3)
def test_a_name_beside_a_name_in_an_object(tmp_path: Path, stream: str, client: dict[str, Any]) -> None:
    record = {"id": 7, **STAMPS, "client": client, "client__name": "x", "Client": {"name": "y"}, "client_name": "z"}
    answer = {stream: [record], "total_entries": 1, "links": {"next": None}}
    with serving() as server:
        account = Account(Simulator(empty=True), server.url, tmp_path)
        server.answers[:] = [Said(body=b"{}"), Said(body=json.dumps(answer).encode())]
        if not STREAMS[stream].feature:
            del server.answers[0]
        account.load(stream)
    [row] = account.rows(stream)
    assert (row["id"], row["client__id"], row["client__name"], row["client_name"]) == (7, 1, "a", "z")
    others = [str(value) for key, value in client.items() if key not in ("id", "name") and not isinstance(value, dict)]
    assert sorted(added_values(account, stream), key=str) == sorted(
        [*others, "x", "y", "z", *(["b"] if "NAME" in client and isinstance(client["NAME"], dict) else [])]
    )


# An end to everything


@pytest.mark.nightly
@pytest.mark.parametrize(
    "kind", [Fault.MANY_FIELDS, Fault.STRANGE_NAMES, Fault.HUGE_NUMBER], ids=lambda kind: kind.name
)
@pytest.mark.by_day(1)
def test_what_harvest_never_sent_stops_nothing_and_nobody(
    open_account: OpenAccount, tmp_path: Path, kind: Fault
) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    stop_timers(account.simulator)
    account.simulator.enforce_limits = False
    account.simulator.faults.at(lambda request: "reports" not in request.path, kind, times=1 << 30)
    names = ("clients", "time_entries", "invoices", "company", "roles")
    sent = {name: Counter(map(str, scalars(answered(account, name)))) for name in names}
    client = account.client(requests_per_15_s=0)
    for _ in range(2):
        report = load(warehouse, client.settings, names, client=client)
        assert {outcome.outcome for outcome in report.streams} == {"complete"}
        assert {outcome.retries for outcome in report.streams} == {0}
        account.pipeline = open_pipeline(warehouse)
        for name in names:
            assert len(account.rows(name)) == len(answered(account, name))
            kept = Counter(map(str, added_values(account, name)))
            odd = {"strange", "7" * 400, "1e-99999999999999999999", "1999"} & sent[name].keys()
            assert odd
            assert {value: kept[value] for value in odd} == {value: sent[name][value] for value in odd}
            assert len(account.column_types(name, warehouse.dataset_name)) < 350
        account.simulator.clock.sleep(3_600)
        account.simulator.mutate(30, seed=1)
        stop_timers(account.simulator)
        sent = {name: Counter(map(str, scalars(answered(account, name)))) for name in names}
    assert not open_pipeline(warehouse).has_pending_data


@pytest.mark.parametrize(("stream", "field"), [("time_entries", "hours"), ("invoices", "amount")])
def test_a_number_that_no_column_holds_is_kept_to_the_digit_beside_it(tmp_path: Path, stream: str, field: str) -> None:
    digits = ["1e-99999999999999999999", "7" * 400, "7" * 5_000, f"0.{'3' * 400}", "1e400", "12345678901234567.89"]
    records = ",".join(
        f'{{"id":{number},"{field}":{value},{json.dumps(STAMPS)[1:-1]}}}' for number, value in enumerate(digits)
    )
    answer = f'{{"{stream}":[{records}],"total_entries":{len(digits)},"links":{{"next":null}}}}'.encode()
    with serving(*([Said(body=b"{}")] if STREAMS[stream].feature else []), Said(body=answer)) as server:
        account = Account(Simulator(empty=True), server.url, tmp_path)
        account.load(stream)
    rows = {row["id"]: (row[field], row[f"{field}__v_text"]) for row in account.rows(stream)}
    assert rows == {
        0: (None, digits[0]),
        1: (None, digits[1]),
        2: (None, digits[2]),
        # Where it is a matter of rounding, the column has the rounded number.
        3: (Decimal("0.333333333") if stream == "time_entries" else None, digits[3]),
        4: (None, digits[4]),
        5: (Decimal(digits[5]), None),
    }
    assert account.outcomes()[stream].retries == 0


@pytest.mark.parametrize("stream", ["clients", "invoices"])
def test_beyond_so_many_new_fields_they_are_kept_together_from_run_to_run(tmp_path: Path, stream: str) -> None:
    def record(number: int, first: int, last: int) -> dict[str, Any]:
        return {"id": number, **STAMPS, **{f"f{field}": field for field in range(first, last)}}

    with serving() as server:
        account = Account(Simulator(empty=True), server.url, tmp_path)
        for records in ([record(1, 0, 30)], [record(2, 20, 130), record(3, 0, 10)]):
            answer = {stream: records, "total_entries": len(records), "links": {"next": None}}
            company = [Said(body=b"{}")] if STREAMS[stream].feature else []
            server.answers[:] = [*company, Said(body=json.dumps(answer).encode())]
            account.load(stream)
    rows = {
        row["id"]: {name: value for name, value in row.items() if value is not None} for row in account.rows(stream)
    }
    assert {name: rows[1][name] for name in rows[1] if name.startswith("f")} == {f"f{n}": n for n in range(30)}
    assert {name: rows[3][name] for name in rows[3] if name.startswith("f")} == {f"f{n}": n for n in range(10)}
    in_columns = {name: value for name, value in rows[2].items() if name.startswith("f")}
    assert in_columns == {f"f{n}": n for n in range(20, MOST_ADDED)}
    assert json.loads(rows[2][MORE]) == {f"f{n}": n for n in range(MOST_ADDED, 130)}
    assert MORE in account.outcomes()[stream].new_columns


def test_new_fields_and_lists_in_the_records_of_a_list_have_an_end_too(tmp_path: Path) -> None:
    line = {"id": 1, **{f"f{n}": n for n in range(300)}, **{f"l{n}": [{"x": n}] for n in range(300)}}
    invoice = {"id": 7, **STAMPS, "line_items": [line, {"id": 2, "deep": [[{f"d{n}": n for n in range(300)}]]}]}
    answer = {"invoices": [invoice], "total_entries": 1, "links": {"next": None}}
    with serving(Said(body=b"{}"), Said(body=json.dumps(answer).encode())) as server:
        account = Account(Simulator(empty=True), server.url, tmp_path)
        account.load("invoices")
    lines = account.rows("invoices__line_items")
    assert len(lines) == 2
    assert len([name for name in account.tables() if name.startswith("invoices__line_items__")]) <= MOST_ADDED
    assert len(lines[0]) < MOST_ADDED + 40
    values = Counter(added_values(account, "invoices"))
    assert values.keys() >= set(range(300))
    assert values[299] == 3
