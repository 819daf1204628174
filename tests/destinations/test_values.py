"""Whatever the destination, what is written is what is read: by dlt's rows, and by Arrow tables."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
import pytest

from destinations.conftest import Here
from destinations.doubles import Double
from destinations.story import LONG
from harvest_warehouse.database import open_database
from harvest_warehouse.database.lock import exclusive_lock
from harvest_warehouse.database.run import Run
from harvest_warehouse.database.system_tables import SystemTable, write_rows
from harvest_warehouse.destinations.insert_statements import insertions

TABLE = SystemTable(
    "harvest_values",
    "Values that some database gets wrong",
    ("id",),
    (
        ("id", "bigint", "64 bits"),
        ("amount", "decimal", "38 digits, 9 of them behind the point"),
        ("day", "date", "A day"),
        ("at", "timestamp", "An instant, to the microsecond"),
        ("note", "text", "Any text"),
        ("flag", "bool", "True or false"),
    ),
    "merge",
)
LARGEST = Decimal("99999999999999999999999999999.999999999")
VALUES: tuple[dict[str, Any], ...] = (
    {"id": 2**63 - 1, "amount": LARGEST, "day": date(9999, 12, 31), "note": "👩🏽‍🚀 漢字", "flag": True},
    {"id": -(2**63), "amount": LARGEST.copy_negate(), "day": date(1, 1, 1), "note": "", "flag": False},
    {"id": 2**53 + 1, "amount": Decimal("0.000000001"), "day": date(1969, 7, 20), "note": " ", "flag": None},
    {"id": 1, "amount": None, "day": None, "note": None, "flag": None},
    {"id": 2, "amount": Decimal("1.10"), "day": date(2024, 2, 29), "note": "NULL", "flag": True},
    {"id": 3, "amount": Decimal(0), "day": date(2026, 3, 29), "note": "\\N", "flag": True},
    {"id": 4, "amount": Decimal("-0.5"), "day": date(2026, 1, 1), "note": 'a "b", c\\d\t%s :x {y} $1 ?', "flag": True},
    {"id": 5, "amount": Decimal(5), "day": date(2026, 1, 1), "note": "x" * 1_000_000, "flag": True},
    {"id": 6, "amount": Decimal(6), "day": date(2026, 1, 1), "note": "before\x00behind", "flag": True},
)
INSTANTS = (
    datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
    None,
)
ROWS: list[dict[str, Any]] = [{**row, "at": INSTANTS[number % len(INSTANTS)]} for number, row in enumerate(VALUES)]


def rows_of(stand: Double) -> list[dict[str, Any]]:
    """Those that it can hold."""
    return [{**row, "note": row["note"] and row["note"][: stand.longest_text]} for row in ROWS]


ARROW = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        ("amount", pa.decimal128(38, 9)),
        ("day", pa.date32()),
        ("at", pa.timestamp("us", "UTC")),
        ("note", pa.string()),
        ("flag", pa.bool_()),
    ]
)


def as_rows(rows: list[dict[str, Any]]) -> Any:
    return TABLE.holding(rows)


def as_arrow(rows: list[dict[str, Any]]) -> Any:
    made = pa.Table.from_pylist(rows, schema=ARROW)
    return dlt.resource([made], name=TABLE.name, primary_key="id", write_disposition="merge")


@pytest.mark.by_day(2)
@pytest.mark.parametrize("made", [as_rows, as_arrow], ids=["as dlt's rows", "as Arrow"])
def test_what_is_written_is_what_is_read(here: Here, tmp_path: Path, made: Any) -> None:
    lane = "rows" if made is as_rows else "arrow"
    warehouse = here.warehouse(tmp_path, dataset_name=f"values_{lane}", pipeline_name=f"values_{lane}")
    rows = rows_of(here.stand)
    with exclusive_lock(warehouse):
        write_rows(Run(warehouse), made(rows))
        # Once more, so that they are merged: a row of the same key is replaced, not doubled.
        write_rows(Run(warehouse), made([{**row, "flag": False} for row in rows]))
    with open_database(warehouse) as database:
        have = {row["id"]: row for row in database.records("select * from harvest_values")}
        [(filtered,)] = database.rows(
            "select count(*) from harvest_values where note = :note and amount = :amount and day = :day",
            {"note": VALUES[0]["note"], "amount": LARGEST, "day": date(9999, 12, 31)},
        )
    assert len(have) == len(rows)
    for want in rows:
        row = {name: have[want["id"]][name] for name in want}
        note = want["note"] and want["note"].replace("\x00", here.stand.nul)
        assert row == {**want, "note": note, "flag": False}
        assert isinstance(row["amount"], Decimal | None)
        assert row["at"] is None or row["at"].utcoffset().total_seconds() == 0
    assert filtered == 1


def test_a_text_in_a_statement_arrives_as_it_is(here: Here, tmp_path: Path) -> None:
    """No driver takes a sign in it for one of its own."""
    warehouse = here.warehouse(tmp_path, dataset_name="signs", pipeline_name="signs")
    signs = ["50 %", "50 %% off", "%s %(x)s %%s", "? :x $1 {y}", "it's \\n", "a\nb"]
    with open_database(warehouse) as database:
        database.make_dataset()
        rows = [{"id": number, "note": note} for number, note in enumerate(signs)]
        database.run(["create table signs (id bigint, note text)", *insertions("signs", rows)])
        assert database.rows("select note from signs order by id") == [(note,) for note in signs]
        for note in signs:
            [(found,)] = database.rows("select count(*) from signs where note = :note", {"note": note})
            assert found == 1
        database.drop_datasets()


def test_many_long_texts_are_written_in_statements_that_are_not_too_long(here: Here, tmp_path: Path) -> None:
    warehouse = here.warehouse(tmp_path, dataset_name="long", pipeline_name="long")
    rows = [{"id": number, "note": f"{number}: {LONG}"} for number in range(150)]
    with open_database(warehouse) as database:
        database.make_dataset()
        database.run(["create table long (id bigint, note text)", *insertions("long", rows)])
        found = database.rows("select id, note from long order by id")
        database.drop_datasets()
    assert found == [(row["id"], row["note"]) for row in rows]
