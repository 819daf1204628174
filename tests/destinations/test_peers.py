"""Tables in another product's layout are the same on every destination."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from destinations.conftest import Here
from harvest_warehouse.database import open_database
from harvest_warehouse.database.run import Run
from harvest_warehouse.peers import Difference, Layout, compare, layout, refresh_views, views

# When the run was that read a stream.
_OF_THE_RUN = ("@read_at", "@sequence")


# Told alone, the story of a slow destination is told here.
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "like",
    ["airbyte", pytest.param("stitch", marks=pytest.mark.nightly), pytest.param("fivetran", marks=pytest.mark.nightly)],
)
def test_every_row_in_another_layout_is_duckdbs(here: Here, reference: Here, like: str) -> None:
    ours, theirs = (rows(one, like) for one in (here, reference))
    assert ours.keys() == theirs.keys() == layout(like).tables.keys()
    for name, counted in ours.items():
        assert counted == theirs[name], (
            name,
            list((counted - theirs[name]).items())[:2],
            list((theirs[name] - counted).items())[:2],
        )
    assert ours["time_entry" if like == "fivetran" else "time_entries"]
    if here is not reference:
        # What is there is kept up to date, as views and as tables.
        schema, warehouse = f"like_{like}", here.story.warehouse
        views(warehouse, like, schema=schema, is_tables=True)
        run = Run(warehouse)
        with run.locked():
            assert schema in [report.made.schema for report in refresh_views(run)]
        assert rows(here, like, is_tables=True) == ours
        # As an old copy it is equal, in the same database, and seen from another one.
        found: list[Difference] = []
        assert compare(warehouse, like, schema, on_difference=found.append).is_equal, found[:3]
        assert compare(reference.story.warehouse, like, schema, there=warehouse, on_difference=found.append).is_equal, (
            found[:3]
        )
        views(warehouse, like, schema=schema)


def rows(one: Here, like: str, *, is_tables: bool = False) -> dict[str, Counter[Any]]:
    schema, wanted = f"like_{like}", layout(like)
    views(one.story.warehouse, like, schema=schema, is_tables=is_tables)
    with open_database(one.story.warehouse) as database:
        there = database.beside(schema)
        return {name: counted(wanted, name, there.records(f'select * from marts."{name}"')) for name in wanted.tables}


def counted(wanted: Layout, name: str, found: list[dict[str, Any]]) -> Counter[Any]:
    columns = [*wanted.tables[name].columns, *wanted.every_table]
    left = {column.name for column in columns if column.source in _OF_THE_RUN}
    # A hash of the time of the run, where the row has none of its own.
    left |= {column.name for column in columns if column.source == "@row"} if name == "company" else set()
    # Where a number is text, databases write it with a zero at its end, or without.
    of_numbers = {
        column.name for column in wanted.tables[name].columns if wanted.tables[name].other_type(column) == "decimal"
    }
    kinds = {column.name: "decimal" if column.name in of_numbers else column.kind for column in columns}
    return Counter(tuple(plain(row[column], kinds[column]) for column in kinds if column not in left) for row in found)


def plain(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == "json" or (isinstance(value, str) and value.startswith("{")):
        return json.dumps(
            json.loads(value if isinstance(value, str) else json.dumps(value), parse_int=float), sort_keys=True
        )
    if isinstance(value, datetime):
        return value.timestamp()
    return Decimal(value).normalize() if kind in ("decimal", "bigint") else value
