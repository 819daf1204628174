"""A load file of JSON lines has each row's values as they are."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.schema.typing import TColumnSchema

from harvest_warehouse.destinations.load_files import load_file

TEXT = '{"b": [1.10, 123456789012345678901234567890, null],\n "a": "\u2028 \u00e4"}'


def test_numbers_in_objects_keep_their_digits_and_a_row_is_a_line(tmp_path: Path) -> None:
    columns: list[TColumnSchema] = [
        {"name": "id", "data_type": "bigint"},
        {"name": "anything", "data_type": "json"},
        {"name": "amount", "data_type": "decimal"},
        {"name": "at", "data_type": "timestamp"},
        {"name": "day", "data_type": "date"},
    ]
    rows = {
        "id": pa.array([2**63 - 1, 1]),
        "anything": pa.array([TEXT, None]),
        "amount": pa.array([Decimal("0.000000001"), None], pa.decimal128(38, 9)),
        "at": pa.array([datetime(2026, 1, 1, 1, 2, 3, 456_789, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
        "day": pa.array([date(1, 1, 1), None]),
    }
    file = tmp_path / "rows.jsonl"
    batch = pa.record_batch(rows)
    with load_file(file, "jsonl", columns, DestinationCapabilitiesContext(), batch.schema) as writer:
        writer.write_batch(batch)
    first, second = file.read_bytes().decode().strip().split("\n")
    assert json.loads(second) == {"id": 1, "anything": None, "amount": None, "at": None, "day": None}
    read = json.loads(first, parse_float=str, parse_int=str)
    assert Decimal(read.pop("amount")) == Decimal("0.000000001")
    assert read == {
        "id": str(2**63 - 1),
        "anything": {"b": ["1.10", "123456789012345678901234567890", None], "a": "\u2028 \u00e4"},
        "at": "2026-01-01T01:02:03.456789+00:00",
        "day": "0001-01-01",
    }
