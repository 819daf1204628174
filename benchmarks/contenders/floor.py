"""The least that any program does: download, parse, typed columns, one transaction. No checks, no state, no second run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import requests
import yaml

# Not the package: importing dlt would cost a second that the floor does not need.
SCHEMA = Path(__file__).parents[2] / "sources" / "harvest_time_tracking" / "harvest_time_tracking.schema.yaml"
TYPES = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "decimal": pa.decimal128(38, 9),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}
COLUMNS = {
    name: TYPES[facts["data_type"]]
    for name, facts in yaml.load(SCHEMA.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["tables"]["time_entries"][
        "columns"
    ].items()
    if name != "account_id"
}


def pages() -> Iterator[list[dict[str, Any]]]:
    """Each page's records."""
    with requests.Session() as session:
        session.headers.update(
            {
                "Authorization": f"Bearer {os.environ['BENCHMARK_TOKEN']}",
                "Harvest-Account-Id": os.environ["BENCHMARK_ACCOUNT"],
                "User-Agent": "benchmark",
            }
        )
        url = f"{os.environ['BENCHMARK_URL']}/time_entries"
        while url:
            document = orjson.loads(session.get(url, timeout=120).content)
            yield document["time_entries"]
            url = document["links"]["next"]


def typed(records: list[dict[str, Any]]) -> pa.Table:
    """A page as typed columns; decimals by way of a float, dates and instants by Arrow's own casts."""
    arrays = {}
    for name, target in COLUMNS.items():
        values: list[Any] = records
        for key in name.split("__"):
            values = [value[key] if value else None for value in values]
        if pa.types.is_decimal(target):
            arrays[name] = pa.array(values, pa.float64()).cast(target, safe=False)
        elif pa.types.is_date(target) or pa.types.is_timestamp(target):
            arrays[name] = pa.array(values, pa.string()).cast(target)
        else:
            arrays[name] = pa.array(values, target)
    return pa.table(arrays)


def main(database: str) -> None:
    """All in one transaction."""
    with duckdb.connect(database) as connection:
        connection.execute("create schema harvest; begin")
        is_first = True
        for records in pages():
            page = typed(records)  # noqa: F841 (DuckDB finds it by its name)
            connection.execute(
                "create table harvest.time_entries as select * from page"
                if is_first
                else "insert into harvest.time_entries select * from page"
            )
            is_first = False
        connection.execute("commit")


if __name__ == "__main__":
    main(sys.argv[1])
