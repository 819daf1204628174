"""A page's records as rows: flat and typed as an Arrow table, or nested for dlt's own normaliser.

Whatever Harvest sends is kept. A value that does not fit its column goes, as text, into a column beside it
(`hours__v_text`, dlt's own name for such a variant); a field that nobody documented becomes a new column.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from operator import itemgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .columns import ARROW_TYPES, Column, DataType, Table, tables
from .documented import read_documented
from .errors import BrokenPromise
from .protocol import Page
from .values import MISFIT, as_text, fit, type_of

Record = dict[str, Any]
Injected = Mapping[str, Any]


class FlatRows:
    """Turns the records of one table into Arrow tables of one lasting shape.

    Attributes:
        added: the type of each column that is not documented, as it was first seen. Handed in from the last run, so that
            a type never changes under a table; grows as fields are found.
        odd: how many values did not fit their column, by column.
    """

    def __init__(self, table: Table, key: Sequence[str], added: dict[str, DataType] | None = None) -> None:
        self._table = table
        self._key = frozenset(key)
        self.added: dict[str, DataType] = added if added is not None else {}
        self.odd: dict[str, int] = {}
        groups: dict[tuple[str, ...], list[Column]] = {}
        for column in table.columns.values():
            groups.setdefault(column.path[:-1], []).append(column)
        self._groups = groups

    def table(self, page: Page, injected: Injected) -> pa.Table:
        """The page's records, one row each, with the `injected` columns (same value in each row) in front."""
        arrays: dict[str, pa.Array] = {
            name: pa.repeat(pa.scalar(value, ARROW_TYPES[self._table.columns[name].data_type]), len(page.records))
            for name, value in injected.items()
        }
        types = {name: column.data_type for name, column in self._table.columns.items()} | self.added
        asked = {name: data_type for name, data_type in types.items() if name not in arrays}
        read = read_documented(page, asked)
        if read is None:
            self._read_one_by_one(page, arrays)
        else:
            arrays |= read
        return self._assemble(arrays)

    def _read_one_by_one(self, page: Page, arrays: dict[str, pa.Array]) -> None:
        """Value by value, for a page on which something is not as documented: nothing is lost, and it is counted."""
        records = _exact_records(page)
        for path, columns in self._groups.items():
            objects = self._objects(records, path, arrays)
            for column in columns:
                if column.name not in arrays:
                    self._put(arrays, column.name, column.data_type, _values(objects, column.path[-1]))
            self._keep_unknown(objects, path, arrays)

    def _objects(self, records: list[Record], path: tuple[str, ...], arrays: dict[str, pa.Array]) -> list[Record]:
        """The objects at `path`, an empty one where there is none; what stands there and is no object is kept as text."""
        objects = records
        for key in path:
            objects = [value if value is not None else {} for value in _values(objects, key)]
        if path and not set(map(type, objects)) <= {dict}:
            name = "__".join(path)
            texts: list[str | None] = [None if isinstance(value, dict) else as_text(value) for value in objects]
            self._put_odd(arrays, name, texts)
            objects = [value if isinstance(value, dict) else {} for value in objects]
        return objects

    def _put(self, arrays: dict[str, pa.Array], name: str, data_type: DataType, values: list[Any]) -> None:
        fitted = [fit(value, data_type) for value in values]
        if any(value is MISFIT for value in fitted):
            texts = [as_text(raw) if ok is MISFIT else None for raw, ok in zip(values, fitted, strict=True)]
            self._put_odd(arrays, name, texts)
            fitted = [None if value is MISFIT else value for value in fitted]
        arrays[name] = pa.array(fitted, ARROW_TYPES[data_type])

    def _put_odd(self, arrays: dict[str, pa.Array], name: str, texts: Sequence[str | None]) -> None:
        arrays[f"{name}__v_text"] = pa.array(texts, pa.string())
        self.odd[name] = self.odd.get(name, 0) + sum(text is not None for text in texts)

    def _keep_unknown(self, objects: list[Record], path: tuple[str, ...], arrays: dict[str, pa.Array]) -> None:
        prefix = "__".join((*path, ""))
        for key in dict.fromkeys(chain.from_iterable(objects)):
            if f"{prefix}{key}" not in self._table.columns and (*path, key) not in self._groups:
                self._keep_field(objects, (*path, key), arrays)

    def _keep_field(self, objects: list[Record], path: tuple[str, ...], arrays: dict[str, pa.Array]) -> None:
        name = "__".join(path)
        values = [record.get(path[-1]) for record in objects]
        nested = [value if isinstance(value, dict) else {} for value in values]
        for key in dict.fromkeys(chain.from_iterable(nested)):
            self._keep_field(nested, (*path, key), arrays)
        values = [None if isinstance(value, dict) else value for value in values]
        if any(value is not None for value in values):
            data_type = self.added.setdefault(name, type_of(values))
            values = [as_text(value) if isinstance(value, list) else value for value in values]
            self._put(arrays, name, data_type, values)

    def _assemble(self, arrays: dict[str, pa.Array]) -> pa.Table:
        for name in self._key.intersection(arrays):
            if arrays[name].null_count and arrays[name].type != pa.string():
                raise BrokenPromise(f"A record of {self._table.name} has no {name} that could be a key.")
            # A currency is missing where the token may not see rates; a key holds no null.
            arrays[name] = pc.fill_null(arrays[name], "") if arrays[name].null_count else arrays[name]
        fields = [pa.field(name, array.type, nullable=name not in self._key) for name, array in arrays.items()]
        return pa.table(list(arrays.values()), schema=pa.schema(fields))


def nested_rows(
    page: Page, table: Table, injected: Injected, odd: dict[str, int], new: dict[str, DataType]
) -> list[Record]:
    """The page's records for dlt's normaliser, numbers exact, with the `injected` columns in front.

    dlt itself keeps what does not fit (its variant columns) and what is new; here it is only noted, in `odd` and `new`.
    """
    rows = [{**injected, **record} for record in _exact_records(page)]
    known = {column.path[0] for column in table.columns.values()}.union(table.lists, injected)
    for name in set(chain.from_iterable(rows)) - known:
        new.setdefault(name, type_of([row.get(name) for row in rows]))
    _drop_null_objects(rows, table)
    for column in table.columns.values():
        if column.name not in injected:
            _count_odd(rows, column, odd)
    return rows


def _drop_null_objects(records: Iterable[Record], table: Table) -> None:
    """A null where an object may stand is no column of its own: its columns (`estimate__id`) are null as they are."""
    objects = {column.path[0] for column in table.columns.values() if len(column.path) > 1}
    for record in records:
        for name in objects:
            if name in record and record[name] is None:
                del record[name]
        for name in table.lists:
            items = record.get(name)
            child = tables()[f"{table.name}__{name}"]
            if isinstance(items, list) and all(isinstance(item, dict) for item in items):
                _drop_null_objects(items, child)


def _count_odd(rows: Iterable[Record], column: Column, odd: dict[str, int]) -> None:
    *parents, last = column.path
    for row in rows:
        holder: Any = row
        for key in parents:
            holder = holder.get(key) if isinstance(holder, dict) else None
        if isinstance(holder, dict) and fit(holder.get(last), column.data_type) is MISFIT:
            odd[column.name] = odd.get(column.name, 0) + 1


def _values(objects: list[Record], key: str) -> list[Any]:
    try:
        return list(map(itemgetter(key), objects))
    except (KeyError, TypeError, IndexError):
        return [record.get(key) if isinstance(record, dict) else None for record in objects]


def _exact_records(page: Page) -> list[Record]:
    """The records with every digit that Harvest wrote."""
    document = json.loads(page.body, parse_float=Decimal)
    records: list[Record] = document[page.data_key] if page.data_key else [document]
    return records
