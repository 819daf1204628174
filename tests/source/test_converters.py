"""What becomes of values: each kept as it is, in its column or beside it, whatever Harvest sends."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvest_simulator import Fault, Simulator
from harvest_time_tracking.columns import Column, DataType, Table
from harvest_time_tracking.http.protocol import Answer, Page, read_page
from harvest_time_tracking.records.coercion import MISFIT, fit
from harvest_time_tracking.records.converters import FlatRows
from support.accounts import Account
from support.servers import Said, serving

OpenAccount = Callable[..., Account]

TYPES: list[DataType] = ["text", "bigint", "decimal", "bool", "date", "timestamp"]
# Everything that JSON can hold, as it is parsed with its digits kept.
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**32), 10**32),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**32), max_value=10**32),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=30),
    st.dates().map(str),
    st.datetimes().map(lambda at: at.isoformat() + "Z"),
    st.integers().map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(st.text(max_size=3), SCALARS, max_size=2))


def is_same(value: Any, held: Any, data_type: DataType) -> bool:  # noqa: PLR0911 (one answer for each type)
    """Whether a column of the type holds `value` itself, by another road than the code's."""
    if value is None:
        return held is None
    match data_type:
        case "text":
            return type(held) is str and held == value
        case "bool":
            return type(held) is bool and held is value
        case "bigint":
            return type(held) is int and -(2**63) <= held < 2**63 and number(value) == held
        case "decimal":
            behind = f"{held:f}".partition(".")[2].rstrip("0")
            return type(held) is Decimal and Decimal(str(value)) == held and len(behind) <= 9
        case "date":
            return type(held) is date and held.strftime("%Y-%m-%d").zfill(10) == value
        case "timestamp":
            return type(held) is datetime and held.tzinfo is not None and value[:19] == held.isoformat()[:19]


def number(value: Any) -> Decimal:
    """The number that a text spells, or that a double is exactly."""
    return Decimal(value)


@settings(max_examples=1000, deadline=None)
@given(VALUES, st.sampled_from(TYPES))
def test_what_fits_is_the_same_value(value: Any, data_type: DataType) -> None:
    held = fit(value, data_type)
    assert held is MISFIT or is_same(value, held, data_type)


@settings(max_examples=300, deadline=None)
@given(st.integers(-(10**28), 10**28), st.integers(0, 9))
def test_every_decimal_of_29_digits_before_the_point_and_9_behind_it_fits(digits: int, places: int) -> None:
    value = Decimal(f"{digits}.{'123456789'[:places]}") if places else Decimal(digits)
    assert fit(value, "decimal") == value


@settings(max_examples=300, deadline=None)
@given(st.integers(-(2**63), 2**63 - 1))
def test_every_64_bit_number_fits(value: int) -> None:
    assert fit(value, "bigint") == value
    assert fit(str(value), "bigint") == value


@pytest.mark.parametrize(
    ("value", "data_type"),
    [
        (True, "bigint"),
        (False, "decimal"),
        (1, "bool"),
        (0, "bool"),
        ("true", "bool"),
        (1.5, "bigint"),
        ("1.5", "bigint"),
        (2**63, "bigint"),
        (10**30, "bigint"),
        ("1" * 30, "bigint"),
        ("", "bigint"),
        (" 7", "bigint"),
        ("1_000", "bigint"),
        (Decimal("0.1234567891"), "decimal"),
        (10**29, "decimal"),
        ("NaN", "decimal"),
        ("Infinity", "decimal"),
        ("", "decimal"),
        ("1,5", "decimal"),
        ("about twelve", "decimal"),
        ([], "decimal"),
        ({}, "bigint"),
        (7, "text"),
        ([1], "text"),
        (20260316, "date"),
        ("2026-02-30", "date"),
        ("2026-3-1", "date"),
        ("2026-03-16T00:00:00Z", "date"),
        ("20260316", "date"),
        ("someday", "date"),
        ("", "date"),
        ("2026-03-16", "timestamp"),
        ("2026-03-16T25:00:00Z", "timestamp"),
        ("2026-03-16T09:00:00", "timestamp"),
        (1773651600, "timestamp"),
    ],
)
def test_what_would_not_be_the_same_does_not_fit(value: Any, data_type: DataType) -> None:
    assert fit(value, data_type) is MISFIT


@pytest.mark.parametrize(
    ("value", "data_type", "held"),
    [
        ("12", "bigint", 12),
        (1.0, "bigint", 1),
        (Decimal("3.0"), "bigint", 3),
        (7, "decimal", Decimal(7)),
        (0.1, "decimal", Decimal("0.1")),
        ("33.35", "decimal", Decimal("33.35")),
        (Decimal("12345678901234567.89"), "decimal", Decimal("12345678901234567.89")),
        ("2024-02-29", "date", date(2024, 2, 29)),
        ("2026-03-16T09:00:01Z", "timestamp", datetime(2026, 3, 16, 9, 0, 1, tzinfo=UTC)),
        ("2026-03-16T10:00:01+01:00", "timestamp", datetime(2026, 3, 16, 9, 0, 1, tzinfo=UTC)),
        (True, "bool", True),
        ("8:00am", "text", "8:00am"),
    ],
)
def test_another_spelling_of_the_same_value_fits(value: Any, data_type: DataType, held: Any) -> None:
    assert fit(value, data_type) == held


URL = "https://api.harvestapp.com/v2"

TABLE = Table(
    "things",
    "",
    {
        name: Column(name, data_type, "")
        for name, data_type in {
            "account_id": "text",
            "id": "bigint",
            "count": "bigint",
            "hours": "decimal",
            "is_open": "bool",
            "spent_date": "date",
            "created_at": "timestamp",
            "notes": "text",
            "currency": "text",
            "client__id": "bigint",
            "client__name": "text",
        }.items()
    },
    (),
)


def page_of(rows: FlatRows, text: str) -> Page:
    answer = Answer(f'{{"things":[{text}],"links":{{"next":null}}}}'.encode())
    return rows.read(answer, "things", {"account_id"}) or read_page(answer, "things", URL)


def made(rows: FlatRows, text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rows.table(page_of(rows, text), {"account_id": "1"}).to_pylist()
    return found


def filled(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None and name not in ("account_id", "currency")}


def things() -> FlatRows:
    return FlatRows(TABLE, ("id", "currency"))


def test_a_documented_record_is_its_columns() -> None:
    text = (
        '{"id":2380504951,"count":7,"hours":1.25,"is_open":false,"spent_date":"2024-02-29",'
        '"created_at":"2026-03-16T09:00:01Z","notes":"☕ \\u00e9","currency":"EUR","client":{"id":5,"name":""}}'
    )
    assert made(things(), text) == [
        {
            "account_id": "1",
            "id": 2380504951,
            "count": 7,
            "hours": Decimal("1.25"),
            "is_open": False,
            "spent_date": date(2024, 2, 29),
            "created_at": datetime(2026, 3, 16, 9, 0, 1, tzinfo=UTC),
            "notes": "☕ é",
            "currency": "EUR",
            "client__id": 5,
            "client__name": "",
        }
    ]


@pytest.mark.parametrize("other", ["", ',{"id":2,"brand_new":1}'], ids=["alone", "on a page with something new"])
@pytest.mark.parametrize(
    "digits",
    [
        "12345678901234567.89",
        "123456789012345.000000001",
        "1234567890123.4561",
        "99999999999999999999.99",
        "12345678901234567890123456789",
        "-0.000000001",
        "1e3",
        "0.1",
        "100",
    ],
)
def test_a_decimal_keeps_every_digit(digits: str, other: str) -> None:
    rows = things()
    assert made(rows, f'{{"id":1,"hours":{digits}}}{other}')[0]["hours"] == Decimal(digits)
    assert rows.odd == {}


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("count", "1.5", "1.5"),
        ("count", "true", "true"),
        ("count", '"seven"', "seven"),
        ("count", "123456789012345678901234567890", "123456789012345678901234567890"),
        ("count", "12345678901234567.89", "12345678901234567.89"),
        ("hours", '"about twelve"', "about twelve"),
        ("hours", "false", "false"),
        ("is_open", "1", "1"),
        ("is_open", '"yes"', "yes"),
        ("spent_date", '"someday"', "someday"),
        ("spent_date", "20260316", "20260316"),
        ("created_at", '"2026-03-16"', "2026-03-16"),
        ("notes", "12345678901234567.89", "12345678901234567.89"),
        ("notes", "true", "true"),
        ("notes", '["a","b"]', '["a","b"]'),
        ("notes", '{"a":1}', '{"a":1}'),
    ],
)
def test_a_value_of_another_type_stands_beside_its_column_and_the_others_stay(
    field: str, value: str, text: str
) -> None:
    rows = things()
    good = {
        "count": (7, "7"),
        "hours": (Decimal("1.5"), "1.5"),
        "is_open": (True, "true"),
        "spent_date": (date(2026, 3, 16), '"2026-03-16"'),
        "created_at": (datetime(2026, 3, 16, tzinfo=UTC), '"2026-03-16T00:00:00Z"'),
        "notes": ("n", '"n"'),
    }
    first, odd, last = made(
        rows, f'{{"id":1,"{field}":{good[field][1]}}},{{"id":2,"{field}":{value}}},{{"id":3,"{field}":null}}'
    )
    assert filled(first) == {"id": 1, field: good[field][0]}
    assert filled(odd) == {"id": 2, f"{field}__v_text": text}
    assert filled(last) == {"id": 3}
    assert rows.odd == {field: 1}
    # A page later all is as before.
    assert filled(made(rows, f'{{"id":4,"{field}":{good[field][1]}}}')[0]) == {"id": 4, field: good[field][0]}


@pytest.mark.parametrize("value", ["[1,2]", '"a client"', "7", "true"])
def test_what_stands_in_an_objects_place_is_kept_as_text(value: str) -> None:
    rows = things()
    first, second = made(rows, f'{{"id":1,"client":{value}}},{{"id":2,"client":{{"id":5}}}}')
    assert filled(first) == {"id": 1, "client__v_text": json.loads(value) if value.startswith('"') else value}
    assert filled(second) == {"id": 2, "client__id": 5}
    assert rows.odd == {"client": 1}


@pytest.mark.parametrize(
    "text", ['{"id":1}', '{"id":1,"client":null}', '{"id":1,"client":{}}', '{"client":null,"id":1}']
)
def test_a_missing_object_is_null_in_each_of_its_columns(text: str) -> None:
    rows = things()
    table = rows.table(page_of(rows, text), {"account_id": "1"})
    assert set(table.column_names) == set(TABLE.columns)
    assert filled(table.to_pylist()[0]) == {"id": 1}
    assert rows.odd == {}


def test_a_missing_text_in_a_key_is_empty_and_a_missing_number_an_error() -> None:
    assert made(things(), '{"id":1,"currency":null},{"id":2}')[0]["currency"] == ""
    for text in ('{"id":null}', '{"count":1}'):
        with pytest.raises(Exception, match="id"):
            made(things(), text)


@pytest.mark.parametrize(
    ("value", "data_type", "held"),
    [
        ("7", "bigint", 7),
        ("1.5", "decimal", Decimal("1.5")),
        ("12345678901234567.89", "decimal", Decimal("12345678901234567.89")),
        ("true", "bool", True),
        ('"2026-03-16"', "text", "2026-03-16"),
        ('"x"', "text", "x"),
    ],
)
def test_an_unknown_field_is_a_column_whose_type_lasts(value: str, data_type: DataType, held: Any) -> None:
    rows = things()
    assert filled(made(rows, f'{{"id":1}},{{"id":2,"novelty":{value}}}')[1]) == {"id": 2, "novelty": held}
    assert rows.added == {"novelty": data_type}
    # On another page, and in another run, other types stand beside it.
    for later in (rows, FlatRows(TABLE, ("id", "currency"), dict(rows.added))):
        other = '"other"' if data_type != "text" else "3"
        assert filled(made(later, f'{{"id":3,"novelty":{other}}}')[0]) == {"id": 3, "novelty__v_text": other.strip('"')}
        assert filled(made(later, f'{{"id":4,"novelty":{value}}}')[0]) == {"id": 4, "novelty": held}
        assert later.added == {"novelty": data_type}
        assert later.table(page_of(later, '{"id":5}'), {"account_id": "1"}).num_rows == 1


def test_unknown_objects_are_a_column_for_each_field_and_unknown_lists_are_text() -> None:
    rows = things()
    text = (
        '{"id":1,"extra":{"id":9,"deep":{"name":"x"},"parts":[{"id":7}]},"client":{"id":5,"region":"EU"},"tags":["a"]}'
    )
    assert filled(made(rows, text)[0]) == {
        "id": 1,
        "extra__id": 9,
        "extra__deep__name": "x",
        "extra__parts": '[{"id":7}]',
        "client__id": 5,
        "client__region": "EU",
        "tags": '["a"]',
    }
    assert filled(made(rows, text)[0])["extra__deep__name"] == "x"


def test_a_number_with_too_many_digits_is_rounded_in_its_column_and_whole_beside_it() -> None:
    row = filled(made(things(), '{"id":2,"hours":0.1234567891}')[0])
    assert (row["hours"], row["hours__v_text"]) == (Decimal("0.123456789"), "0.1234567891")


def test_numbers_in_an_unknown_list_keep_their_digits() -> None:
    text = filled(made(things(), '{"id":1,"tags":[1.50,12345678901234567.89]}')[0])["tags"]
    assert json.loads(text, parse_float=Decimal) == [Decimal("1.5"), Decimal("12345678901234567.89")]


ODD_FIELD = ["7", '"x"', "1.5", "true", '{"a":1}', "[5]", '{"a":"b"}', "null", '{"a":{"b":2}}']


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.sampled_from(ODD_FIELD), min_size=1, max_size=3), min_size=1, max_size=5))
def test_an_unknown_field_may_be_anything_on_any_page_and_stays_somewhere(pages: list[list[str]]) -> None:
    rows = things()
    types: dict[str, Any] = {}
    for number, values in enumerate(pages):
        table = rows.table(
            page_of(rows, ",".join(f'{{"id":{number * 10 + n},"novelty":{value}}}' for n, value in enumerate(values))),
            {"account_id": "1"},
        )
        for name, column in zip(table.column_names, table.columns, strict=True):
            assert types.setdefault(name, column.type) == column.type, "a type changed under its table"
        for row, value in zip(table.to_pylist(), values, strict=True):
            kept = [held for name, held in row.items() if name.startswith("novelty") and held is not None]
            assert len(kept) == (value != "null"), (row, value)


# The same, all the way into DuckDB, through both lanes: flat tables as Arrow, tables with lists through dlt.


def ids_and_rows(account: Account, table: str) -> dict[int, dict[str, Any]]:
    return {row["id"]: filled(row) for row in account.rows(table)}


@pytest.mark.parametrize(("stream", "flat"), [("time_entries", True), ("expenses", True), ("invoices", False)])
def test_odd_values_are_kept_and_reported_and_stop_nothing(open_account: OpenAccount, stream: str, flat: bool) -> None:
    account = open_account()
    clean = open_account("clean")
    for simulator in (account.simulator, clean.simulator):
        for entry in simulator.truth()["time_entries"]:
            if entry["is_running"]:
                simulator.store.stop_timer(entry["id"])
    clean.load(stream)
    account.simulator.faults.at({"path": stream}, Fault.ODD_TYPE)
    account.load(stream)
    want, have = ids_and_rows(clean, stream), ids_and_rows(account, stream)
    odd = [key for key in want if want[key] != have[key]]
    assert set(want) == set(have)
    assert len(odd) == 1
    beside = {name.removesuffix("__v_text"): have[odd[0]][name] for name in have[odd[0]] if name.endswith("__v_text")}
    assert {"about twelve", "someday"} <= set(beside.values())
    # Whatever else the record holds is where it was.
    gone = {name for name, value in want[odd[0]].items() if have[odd[0]].get(name) != value}
    assert {name.split("__")[0] for name in gone} >= set(beside)
    outcome = account.outcomes()[stream]
    assert outcome.outcome == "complete"
    assert outcome.odd_values.items() >= dict.fromkeys(beside, 1).items()
    # A number, a date and an object: three odd values, each reported.
    assert sum(outcome.odd_values.values()) == 3
    if flat:
        assert beside.get("client") == "[1,2]" or "[1,2]" in beside.values()
    # Well again, the same record is right again.
    account.simulator.clock.sleep(60)
    account.load(stream, overlap_hours=24 * 3650)
    assert ids_and_rows(account, stream) == want


@pytest.mark.parametrize("stream", ["time_entries", "invoices"])
def test_unknown_fields_are_new_columns_and_are_reported(open_account: OpenAccount, stream: str) -> None:
    account = open_account()
    account.simulator.faults.at({"path": stream}, Fault.UNKNOWN_FIELD)
    account.load(stream)
    rows = account.rows(stream)
    assert len(rows) == len(account.simulator.truth()[stream])
    assert {(row["brand_new_flag"], row["brand_new_object__id"], row["brand_new_object__label"]) for row in rows} == {
        ("yes", 1, "new")
    }
    if "brand_new_object__parts" in rows[0]:
        assert {row["brand_new_object__parts"] for row in rows} == {'[{"id":7}]'}
    else:
        assert [row["id"] for row in account.rows(f"{stream}__brand_new_object__parts")] == [7] * len(rows)
    outcome = account.outcomes()[stream]
    assert outcome.outcome == "complete"
    assert any("brand_new_flag" in name for name in outcome.new_columns)
    assert any("brand_new_object" in name for name in outcome.new_columns)
    # A run in which the fields are gone again, and one in which they are back.
    account.load(stream)
    account.simulator.faults.at({"path": stream}, Fault.UNKNOWN_FIELD)
    account.load(stream)
    assert len(account.rows(stream)) == len(rows)


LATER = ["7", '"x"', "1.5", "true", '{"a":1}', "[5]", "12345678901234567.89", "null"]
STAMPS = '"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"'


@pytest.mark.by_day(1)
@pytest.mark.parametrize(("stream", "field"), [(s, f) for s in ("clients", "invoices") for f in ("novelty", "amount")])
@pytest.mark.parametrize("order", [1, -1], ids=["forward", "backward"])
def test_a_field_may_change_its_type_from_load_to_load(tmp_path: Path, stream: str, field: str, order: int) -> None:
    with serving() as server:
        account = Account(Simulator(empty=True), server.url, tmp_path)
        for number, value in enumerate(LATER[::order], start=1):
            record = f'{{"id":{number},{STAMPS},"{field}":{value}}}'
            answer = f'{{"{stream}":[{record}],"total_entries":1,"links":{{"next":null}}}}'
            company = [Said(body=b'{"name":"x"}')] if stream == "invoices" else []
            server.answers[:] = [*company, Said(body=answer.encode())]
            account.load(stream)
        rows = sorted(account.rows(stream), key=lambda row: row["id"])
        assert [row["id"] for row in rows] == list(range(1, len(LATER) + 1))
        for row, value in zip(rows, LATER[::order], strict=True):
            held = [v for name, v in row.items() if name.split("__")[0] == field and v is not None]
            if value == "[5]" and not held:
                assert [child["value"] for child in account.rows(f"{stream}__{field}")] == [5]
            else:
                # An object in a documented number's place is kept whole, as text; a new object has columns of its own.
                in_place = ['{"a":1}'] if (stream, field) == ("invoices", "amount") else ["1"]
                expected = {"null": [], '"x"': ["x"], '{"a":1}': in_place, "true": ["true"]}.get(value, [value])
                assert [spelled(v) for v in held] == expected, row


@pytest.mark.parametrize("stream", ["clients", "invoices"])
def test_an_id_that_is_no_number_and_half_a_character_stop_nothing(tmp_path: Path, stream: str) -> None:
    records = [
        f'{{"id":"abc",{STAMPS},"number":"one"}}',
        f'{{"id":[7],{STAMPS},"number":"\\ud83d\\ude00 \\ud800 \\\\ud800"}}',
        f'{{"id":5,{STAMPS},"number":"three","amount":1e400}}',
    ]
    answer = f'{{"{stream}":[{",".join(records)}],"total_entries":3,"links":{{"next":null}}}}'
    company = [Said(body=b'{"name":"x"}')] if stream == "invoices" else []
    with serving() as server:
        account = Account(Simulator(empty=True), server.url, tmp_path)
        for _ in range(2):
            server.answers[:] = [*company, Said(body=answer.encode())]
            account.load(stream)
    rows = {row["id__v_text"] or row["id"]: row for row in account.rows(stream)}
    # Twice loaded, each is there once: what stands for the id is the same each time.
    assert len(account.rows(stream)) == 3
    assert set(rows) == {"abc", "[7]", 5}
    assert {key: row["number"] for key, row in rows.items()} == {"abc": "one", "[7]": "😀 \ufffd \\ud800", 5: "three"}
    assert rows["abc"]["id"] < 0
    assert rows["[7]"]["id"] < 0
    assert "1e400" in rows[5].values()
    assert account.outcomes()[stream].odd_values["id"] == 2


def test_text_that_looks_like_an_instant_is_text_beside_a_column_and_in_a_new_one(tmp_path: Path) -> None:
    looks, words = "2026-03-16T00:00:00Z", "some day"
    company = Said(body=b'{"name":"x"}')
    with serving() as server:
        account = Account(Simulator(empty=True), server.url, tmp_path)
        for number, value in enumerate((looks, words)):
            record = f'{{"id":{number},{STAMPS},"due_date":"{value}","novelty":"{value}","other":{{"a":1}}}}'
            other = f'{{"id":{number + 5},{STAMPS},"other":"{value}"}}'
            listed = f'{{"invoices":[{record},{other}],"total_entries":2,"links":{{"next":null}}}}'
            server.answers[:] = [company, Said(body=listed.encode())]
            account.load("invoices")
    rows = {row["id"]: row for row in account.rows("invoices")}
    assert [(rows[one]["due_date"], rows[one]["due_date__v_text"]) for one in (0, 1)] == [(None, looks), (None, words)]
    assert [rows[one]["novelty"] for one in (0, 1)] == [looks, words]
    assert [rows[one]["other"] for one in (5, 6)] == [looks, words]


def spelled(value: Any) -> str:
    """A value as it stood in the JSON."""
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(value).lower() if isinstance(value, bool) else str(value)
