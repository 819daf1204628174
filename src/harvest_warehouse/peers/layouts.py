"""Layouts of the tables that other products make of Harvest, read from data files beside this module.

A line of a layout is a column: its name, its type, and where it comes from if not from our column of the same name:
`client__id` is our column, `parent.id` one of the parent's row, `client{}` the object of all columns `client__...`
(with `!`, also where all are null), `line_items[]` the list of a child table, `access_roles[manager]` whether a list has a value, `= ...` an SQL expression,
`@read_at` when the stream was last read, `@row` a stable key, `@sequence` a number that grows. A `?` at the end marks a
column that is inferred, not documented.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harvest_time_tracking import SettingWrong, tables

_FOLDER = Path(__file__).parent / "layouts"
# Types of a layout by the data types of Harvest's columns.
_NATURAL = MappingProxyType({"bool": "boolean", "timestamp": "timestamptz"})


@dataclass(frozen=True)
class Column:
    """Column of another product's table.

    Attributes:
        name: name of the column.
        kind: its type: text, bigint, decimal, boolean, date, timestamptz or json.
        source: where it comes from, as in the layout's file.
        is_inferred: whether it is not documented, and its name and type are inferred.
    """

    name: str
    kind: str
    source: str
    is_inferred: bool = False

    @property
    def is_null(self) -> bool:
        """True if it is empty in every row, since Harvest does not send it."""
        return self.source == "= null"


@dataclass(frozen=True)
class PeerTable:
    """Table of another product.

    Attributes:
        name: name of the table.
        base: our table that its rows come from.
        key: columns that identify a row; none for reports and the company.
        columns: its columns, without those that every table has.
        parent: our table that holds the parents of `base`, if it is a child table.
        select: query for the rows, if they are not those of `base`.
        more: what rows it has beyond the product's own, in words; empty if none.
    """

    name: str
    base: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    parent: str = ""
    select: str = ""
    more: str = ""

    def other_type(self, column: Column) -> str:
        """Type of our column, if the product gives it another one."""
        declared = tables()[self.base].columns.get(column.source)
        ours = _NATURAL.get(declared.data_type, declared.data_type) if declared else column.kind
        return ours if ours != column.kind else ""


@dataclass(frozen=True)
class Layout:
    """Tables of another product.

    Attributes:
        like: name of the layout in commands.
        product: name of the product.
        version: its version.
        schema: default name of the schema.
        newest: columns of which the largest marks the newest version of a row.
        every_table: columns that every table has.
        tables: tables by name.
    """

    like: str
    product: str
    version: str
    schema: str
    newest: tuple[str, ...]
    every_table: tuple[Column, ...]
    tables: Mapping[str, PeerTable]

    def nulls(self) -> Iterator[str]:
        """Columns that are empty in every row (`users.can_see_rates`)."""
        for table in self.tables.values():
            yield from (f"{table.name}.{column.name}" for column in table.columns if column.is_null)

    def other_types(self) -> Iterator[tuple[str, str, str]]:
        """Columns with another type than ours: name, the product's type, and ours."""
        for table in self.tables.values():
            for column in table.columns:
                if ours := table.other_type(column):
                    yield f"{table.name}.{column.name}", column.kind, ours

    @property
    def inferred(self) -> int:
        """Number of columns that are inferred."""
        return sum(column.is_inferred for table in self.tables.values() for column in table.columns)


def layout_names() -> tuple[str, ...]:
    """Names of all layouts."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


@cache
def layout(like: str) -> Layout:
    """Read a layout. Raises SettingWrong if there is none of that name."""
    if like not in layout_names():
        raise SettingWrong(f"No layout is called {like}: --like takes {', '.join(layout_names())}.")
    read: dict[str, Any] = tomllib.loads((_FOLDER / f"{like}.toml").read_text(encoding="utf-8"))
    return Layout(
        like,
        read["product"],
        read["version"],
        read["schema"],
        tuple(read["newest"]),
        tuple(_columns(read["every_table"])),
        MappingProxyType({name: _table(name, said) for name, said in read["tables"].items()}),
    )


def _table(name: str, said: Mapping[str, str]) -> PeerTable:
    return PeerTable(
        name,
        said["from"],
        tuple(said.get("key", "").split()),
        tuple(_columns(said["columns"])),
        said.get("parent", ""),
        said.get("select", ""),
        said.get("more", ""),
    )


def _columns(text: str) -> Iterator[Column]:
    for line in text.strip().splitlines():
        name, kind, *rest = line.removesuffix(" ?").split(" ", 2)
        yield Column(name, kind, rest[0] if rest else name, line.endswith(" ?"))
