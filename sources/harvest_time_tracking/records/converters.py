"""Convert a page's records to rows: flat and typed as an Arrow table, or nested for dlt's own normaliser.

Nothing that Harvest sends is lost. A type mismatch goes as text into a variant column (`hours__v_text`, as dlt names it);
an undocumented field becomes a new column, and beyond a hundred new columns a part of a JSON column (`harvest_more_fields`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain, islice
from operator import itemgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..columns import ARROW_TYPES, Column, DataType, Table, tables
from ..errors import ContractViolation
from ..http.protocol import Answer, Page, exact_number
from .arrow_reader import read_documented
from .coercion import MISFIT, as_text, fit, nearest, stand_in, type_of
from .keeping import Keeping
from .names import OURS, Names

Record = dict[str, Any]
Injected = Mapping[str, Any]

# DuckDB supports far more, but not within the memory limit of a load: some hundreds in each of several tables exceed it.
MOST_ADDED = 100
MORE = f"{OURS}more_fields"
"""Column with the fields beyond `MOST_ADDED` undocumented columns, as JSON text."""
_AT_ONCE = 250
_BETWEEN = re.compile(r"[\s,]*")


class FlatRows:
    """Converter of the records of one table to Arrow tables with a stable schema.

    Attributes:
        added: type of each undocumented column, as first inferred. Passed in from earlier runs, so that a column's type never
            changes; grows as fields are found.
        odd: number of type mismatches, by column.
    """

    def __init__(
        self,
        table: Table,
        key: Sequence[str],
        added: dict[str, DataType] | None = None,
        keeping: Keeping | None = None,
    ) -> None:
        self._table = table
        self._keeping = keeping
        self._key = frozenset(key)
        self.added: dict[str, DataType] = added if added is not None else {}
        self.odd: dict[str, int] = {}
        self._more: list[Record] = []
        self._names = Names(table.columns, in_lists=False)
        groups: dict[tuple[str, ...], list[Column]] = {}
        for column in table.columns.values():
            groups.setdefault(column.path[:-1], []).append(column)
        self._groups = groups

    def read(self, answer: Answer, data_key: str, injected: Collection[str]) -> Page | None:
        """Parse a page whose fields are all as documented, without the `injected` columns; None for any other page."""
        types = {name: column.data_type for name, column in self._table.columns.items()}
        # Generated names do not occur in a response.
        types |= {name: data_type for name, data_type in dict(self.added).items() if f"__{OURS}" not in f"__{name}"}
        return read_documented(
            answer, data_key, {name: data_type for name, data_type in types.items() if name not in injected}
        )

    def table(self, page: Page, injected: Injected) -> pa.Table:
        """Convert a page's records to rows, with the `injected` columns (same value in each row) in front."""
        arrays: dict[str, pa.Array] = {
            name: pa.repeat(pa.scalar(value, ARROW_TYPES[self._table.columns[name].data_type]), len(page.records))
            for name, value in injected.items()
        }
        if page.columns is None:
            self._read_one_by_one(page, arrays)
        else:
            arrays |= self._keeping.without_excluded(dict(page.columns)) if self._keeping else page.columns
        return self._assemble(arrays)

    def empty(self) -> pa.Table:
        """Empty table with every documented column."""
        return self._assemble(
            {name: pa.array([], ARROW_TYPES[column.data_type]) for name, column in self._table.columns.items()}
        )

    def _read_one_by_one(self, page: Page, arrays: dict[str, pa.Array]) -> None:
        """Convert a page that is not as documented value by value; nothing is lost, and type mismatches are counted."""
        records = [self._names.record(record, dict.fromkeys(arrays)) for record in _exact_records(page)]
        if self._keeping:
            for record in records:
                self._keeping.drop_excluded(record)
        self._more = [{} for _ in records]
        for path, columns in self._groups.items():
            objects = self._objects(records, path, arrays)
            for column in columns:
                if column.name not in arrays:
                    self._put(arrays, column.name, column.data_type, _values(objects, column.path[-1]))
            self._keep_unknown(objects, path, arrays)
        if any(self._more):
            self.added[MORE] = "text"
            self._put(arrays, MORE, "text", [as_text(fields) if fields else None for fields in self._more])

    def _objects(self, records: list[Record], path: tuple[str, ...], arrays: dict[str, pa.Array]) -> list[Record]:
        """Objects at `path`, empty where missing; other values there are kept as text, in a variant column."""
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
            # Keep the rounded number, so that sums include the row; the variant column has all digits.
            instead = stand_in if name in self._key else nearest
            fitted = [instead(raw, data_type) if ok is MISFIT else ok for raw, ok in zip(values, fitted, strict=True)]
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
            if self._keeping and not self._keeping.takes(name):
                return
            if name not in self.added and len(self.added) >= MOST_ADDED:
                for fields, value in zip(self._more, values, strict=True):
                    fields.update({name: value} if value is not None else {})
                return
            data_type = self.added.setdefault(name, type_of(values))
            values = [as_text(value) if isinstance(value, list) else value for value in values]
            self._put(arrays, name, data_type, values)

    def _assemble(self, arrays: dict[str, pa.Array]) -> pa.Table:
        for name in self._key.intersection(arrays):
            if arrays[name].null_count and arrays[name].type != pa.string():
                raise ContractViolation(f"A record of {self._table.name} has no {name} that could be a key.")
            # Currency is null if the token may not see rates, but key columns are not nullable.
            arrays[name] = pc.fill_null(arrays[name], "") if arrays[name].null_count else arrays[name]
        fields = [pa.field(name, array.type, nullable=name not in self._key) for name, array in arrays.items()]
        return pa.table(list(arrays.values()), schema=pa.schema(fields))


class NestedRows:
    """Converter of the records of one table for dlt's own normaliser, which turns their lists into child tables.

    Attributes:
        added: type of each undocumented field; those of child tables are prefixed by the list's name.
        odd: number of type mismatches, by column; those of child tables are prefixed by the list's name.
    """

    def __init__(
        self, table: Table, key: Sequence[str], added: dict[str, DataType], keeping: Keeping | None = None
    ) -> None:
        self._table = table
        self._keeping = keeping
        self._key = key
        self.added = added
        self.odd: dict[str, int] = {}
        self._documented = frozenset(_columns_below(table, ""))
        self._names = Names(self._documented, in_lists=True)

    def records(self, page: Page, injected: Injected) -> list[Record]:
        """Convert a page's records to rows with exact numbers, with the `injected` columns in front.

        Raises:
            ContractViolation: a record has no key.
        """
        return list(chain.from_iterable(self.portions(page, injected)))

    def portions(self, page: Page, injected: Injected) -> Iterator[list[Record]]:
        """Convert a page's records in batches: parsed, they take several times the memory of their text. Raises as `records` does."""
        left = _exact_records(page)
        while some := list(islice(left, _AT_ONCE)):
            yield self._made(some, injected)

    def _made(self, some: Sequence[Record], injected: Injected) -> list[Record]:
        found = [self._names.record(record, injected) for record in some]
        for record in found:
            if self._keeping:
                self._keeping.drop_excluded(record)
            self._keep_unknown(record, "")
            self._fit(record, self._table, "")
        rows = [{**injected, **record} for record in found]
        for name in self._key:
            for row in rows:
                if row.get(name) is None:
                    raise ContractViolation(f"A record of {self._table.name} has no {name} that could be a key.")
        return rows

    def _keep_unknown(self, row: Record, prefix: str) -> None:
        """Register the undocumented fields of a row; those beyond the column limit go into `MORE` together."""
        more = self._more_than_fits(row, prefix)
        if more:
            self.added[f"{prefix}{MORE}"] = "text"
            row[MORE] = as_text(more)

    def _more_than_fits(self, holder: Record, prefix: str) -> Record:
        more: Record = {}
        for name, value in list(holder.items()):
            column = f"{prefix}{name}"
            if isinstance(value, dict) and column not in self._documented:
                more |= self._more_than_fits(value, f"{column}__")
            elif value is not None and column not in self._documented and not self._takes(column):
                holder.pop(name)
            elif value is not None and not self._has_column(column, value):
                more[column] = holder.pop(name)
            elif isinstance(value, list):
                self._keep_unknown_in(value, f"{column}__")
        return more

    def _keep_unknown_in(self, items: list[Any], prefix: str) -> None:
        for item in items:
            if isinstance(item, dict):
                self._keep_unknown(item, prefix)
            elif isinstance(item, list):
                self._keep_unknown_in(item, f"{prefix}list__")

    def _takes(self, column: str) -> bool:
        return self._keeping is None or self._keeping.takes(column)

    def _has_column(self, column: str, value: Any) -> bool:
        """True if a field has a column, or can be given one."""
        if column not in self._documented and column not in self.added:
            if len(self.added) >= MOST_ADDED:
                return False
            self.added[column] = type_of([value])
        return True

    def _fit(self, record: Record, table: Table, prefix: str) -> None:
        for column in table.columns.values():
            *parents, last = column.path
            holder: Any = record
            for key in parents:
                holder = self._object(holder, key, f"{prefix}{column.name}")
            if isinstance(holder, dict) and last in holder:
                value = fit(holder[last], column.data_type)
                if value is MISFIT and column.name in self._key and table is self._table:
                    holder[f"{last}__v_text"] = as_text(holder[last])
                    holder[last] = stand_in(holder[last], column.data_type)
                    self._count(column.name)
                elif value is MISFIT:
                    # dlt flattens this to the variant column `amount__v_text`.
                    holder[last] = {"v_text": as_text(holder[last])}
                    self._count(f"{prefix}{column.name}")
                else:
                    holder[last] = value
        for name in table.lists:
            items = record.get(name)
            child = tables()[f"{table.name}__{name}"]
            if not isinstance(items, list) and items is not None:
                record[name] = {"v_text": as_text(items)}
                self._count(f"{prefix}{name}")
            for item in items if isinstance(items, list) else ():
                if isinstance(item, dict):
                    self._fit(item, child, f"{prefix}{name}__")

    def _object(self, holder: Any, key: str, name: str) -> Any:
        """Object at `key`. A null is removed from `holder`: the object's columns (`estimate__id`) are null anyway."""
        if not isinstance(holder, dict) or key not in holder:
            return None
        if holder[key] is None:
            del holder[key]
        elif not isinstance(holder[key], dict):
            holder[key] = {"v_text": as_text(holder[key])}
            self._count(name.rpartition("__")[0])
        return holder.get(key)

    def _count(self, name: str) -> None:
        self.odd[name] = self.odd.get(name, 0) + 1


def _columns_below(table: Table, prefix: str) -> Iterator[str]:
    """Names of a table's columns and lists, and of those of its child tables, prefixed by the list's name."""
    yield from (f"{prefix}{name}" for name in table.columns)
    for name in table.lists:
        yield f"{prefix}{name}"
        yield from _columns_below(tables()[f"{table.name}__{name}"], f"{prefix}{name}__")


def _values(objects: list[Record], key: str) -> list[Any]:
    try:
        return list(map(itemgetter(key), objects))
    except (KeyError, TypeError, IndexError):
        return [record.get(key) if isinstance(record, dict) else None for record in objects]


def _exact_records(page: Page) -> Iterator[Record]:
    """Parse a page's records one by one, keeping every digit of their numbers."""
    decoder, text = json.JSONDecoder(parse_float=exact_number), page.body.decode()
    begins = list(re.finditer(rf'"{re.escape(page.data_key)}"\s*:\s*\[', text)) if page.data_key else []
    if len(begins) != 1 or text[: begins[0].start()].strip() != "{":
        # A single record, or a list whose position is ambiguous: parse the whole document.
        document = decoder.decode(text)
        yield from document[page.data_key] if page.data_key else [document]
        return
    at = _next(text, begins[0].end())
    while text[at] != "]":
        record, at = decoder.raw_decode(text, at)
        yield record
        at = _next(text, at)


def _next(text: str, at: int) -> int:
    """Position of the next value of a list, or of the list's end."""
    between = _BETWEEN.match(text, at)
    return between.end() if between else at
