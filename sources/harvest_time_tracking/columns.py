"""Documented columns of each table, read from the schema file beside this module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast

import pyarrow as pa
import yaml
from dlt.common.schema.typing import TColumnSchema, TTableSchemaColumns

from .stream import Stream

DataType = Literal["text", "bigint", "decimal", "bool", "date", "timestamp"]

SCHEMA_FILE = Path(__file__).with_name("harvest_time_tracking.schema.yaml")

GONE = "_harvest_deleted"
"""Column that is true on a placeholder row for a parent or window without rows; such a row never reaches the table."""

# 29 digits before the point and 9 behind it: dlt's own default, and wide enough for products of two amounts.
ARROW_TYPES: Mapping[DataType, pa.DataType] = MappingProxyType(
    {
        "text": pa.string(),
        "bigint": pa.int64(),
        "decimal": pa.decimal128(38, 9),
        "bool": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", tz="UTC"),
    }
)


@dataclass(frozen=True)
class Column:
    """Documented column of a table.

    Attributes:
        name: name in the table: `client__id` for the field `id` of the object `client`.
        data_type: dlt data type.
        description: meaning, in one line.
    """

    name: str
    data_type: DataType
    description: str

    @property
    def path(self) -> tuple[str, ...]:
        """Keys that lead to the value in a record."""
        return tuple(self.name.split("__"))


@dataclass(frozen=True)
class Table:
    """Documented table: its columns by name, in Harvest's order, and the names of its child tables' lists."""

    name: str
    description: str
    columns: Mapping[str, Column]
    lists: tuple[str, ...]

    @property
    def is_flat(self) -> bool:
        """True if its records have no lists, so that they can be passed to dlt as Arrow tables."""
        return not self.lists


@cache
def tables() -> Mapping[str, Table]:
    """Read all documented tables, by name, child tables (`invoices__line_items`) included."""
    # libyaml, if available, parses the file ten times faster.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    declared: dict[str, Any] = yaml.load(SCHEMA_FILE.read_text(encoding="utf-8"), Loader=loader)["tables"]  # noqa: S506 (safe, both)
    return MappingProxyType(
        {
            name: Table(
                name,
                table["description"],
                MappingProxyType(
                    {
                        column: Column(column, facts["data_type"], facts["description"])
                        for column, facts in table["columns"].items()
                    }
                ),
                tuple(child[len(name) + 2 :] for child, facts in declared.items() if facts.get("parent") == name),
            )
            for name, table in declared.items()
        }
    )


def column_hints(table: Table, key: tuple[str, ...], *, can_be_gone: bool = False) -> TTableSchemaColumns:
    """Build dlt's hints for the columns of a table: a fresh dict each time, since dlt writes into them."""
    hints: TTableSchemaColumns = {
        column.name: cast(
            "TColumnSchema",
            {
                "name": column.name,
                "data_type": column.data_type,
                "description": column.description,
                "nullable": column.name not in key,
            },
        )
        for column in table.columns.values()
    }
    if "updated_at" in hints:
        # Lists shift while they are read, so a record can come twice in one load: keep the newest.
        hints["updated_at"]["dedup_sort"] = "desc"
    if can_be_gone:
        hints[GONE] = {
            "name": GONE,
            "data_type": "bool",
            "nullable": True,
            "hard_delete": True,
            "description": "Always null: marks, while loading, a parent or window that has no rows.",
        }
    return hints


def child_hints(stream: Stream) -> dict[tuple[str, ...], TTableSchemaColumns]:
    """Build dlt's hints for the child tables of a stream, by the path of the list that they come from."""
    found: dict[tuple[str, ...], TTableSchemaColumns] = {}

    def descend(name: str, path: tuple[str, ...]) -> None:
        for list_name in tables()[name].lists:
            child = tables()[f"{name}__{list_name}"]
            found[(*path, list_name)] = column_hints(child, ())
            descend(child.name, (*path, list_name))

    descend(stream.table_name, ())
    return found
