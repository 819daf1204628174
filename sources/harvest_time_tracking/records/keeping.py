"""Apply the column policy of one stream: drop values of excluded columns, and decide on new fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from ..column_policy import ColumnPolicy
from ..columns import ARROW_TYPES, Table, tables
from ..errors import NewColumn
from ..words import printable


class Keeping:
    """What is kept of the fields of one stream.

    Args:
        policy: the policy.
        stream: name of the stream.
        table_name: name of its table.
        added: undocumented columns, of earlier runs too.

    Attributes:
        ignored: new fields that were dropped.
    """

    def __init__(self, policy: ColumnPolicy, stream: str, table_name: str, added: Mapping[str, object]) -> None:
        self._on_new = policy.on_new(stream)
        self._table_name = table_name
        self._added = added
        self._excluded = {
            name: [tuple(column.split("__")) for column in sorted(found)]
            for name in tables()
            if (name == table_name or name.startswith(f"{table_name}__")) and (found := policy.excluded(name))
        }
        self._columns = policy.excluded(table_name)
        self.ignored: set[str] = set()

    def takes(self, column: str) -> bool:
        """True if a new field gets a column.

        Raises:
            NewColumn: it is to stop the run.
        """
        if self._on_new == "add" or column in self._added:
            return True
        named = f"{self._table_name}.{printable(column, most=100)}"
        if self._on_new == "stop":
            raise NewColumn(
                f"Harvest sends a new field, {named}, and on_new_column is stop: nothing of this batch was written. Look at the field, "
                "then set on_new_column to add or ignore for this stream."
            )
        self.ignored.add(named)
        return False

    def without_excluded(self, columns: dict[str, pa.Array]) -> dict[str, pa.Array]:
        """Typed columns of a page with excluded ones empty."""
        if not self._columns:
            return columns
        declared = tables()[self._table_name].columns
        return columns | {
            name: pa.nulls(len(columns[name]), ARROW_TYPES[declared[name].data_type])
            for name in self._columns
            if name in columns
        }

    def drop_excluded(self, record: Any) -> None:
        """Remove the values of excluded columns from a record, and whatever stands in their place."""
        if self._excluded:
            self._drop(record, tables()[self._table_name])

    def _drop(self, record: Any, table: Table) -> None:
        for path in self._excluded.get(table.name, ()):
            _remove(record, path)
        for name in table.lists:
            child = tables()[f"{table.name}__{name}"]
            if not any(one == child.name or one.startswith(f"{child.name}__") for one in self._excluded):
                continue
            items = record.get(name)
            if not isinstance(items, list):
                record.pop(name, None)
                continue
            # What is no object would be kept as text.
            record[name] = [item for item in items if isinstance(item, dict)]
            for item in record[name]:
                self._drop(item, child)


def _remove(record: Any, path: tuple[str, ...]) -> None:
    *parents, last = path
    holder = record
    for key in parents:
        inner = holder.get(key)
        if not isinstance(inner, dict):
            # In the place of the object, a text may hold the value.
            holder.pop(key, None)
            return
        holder = inner
    holder.pop(last, None)
