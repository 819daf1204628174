"""A page's records as rows: flat and typed as an Arrow table, or nested for dlt's own normaliser.

Whatever Harvest sends is kept. A value that does not fit its column goes, as text, into a column beside it
(`hours__v_text`, dlt's own name for such a variant); a field that nobody documented becomes a new column.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain, islice
from operator import itemgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from dlt.common.normalizers.naming.snake_case import NamingConvention

from .columns import ARROW_TYPES, GONE, Column, DataType, Table, tables
from .documented import read_documented
from .errors import BrokenPromise
from .protocol import Answer, Page
from .values import MISFIT, as_text, fit, nearest, stand_in, type_of

Record = dict[str, Any]
Injected = Mapping[str, Any]

_NAMING = NamingConvention()
_AT_ONCE = 250
_BETWEEN = re.compile(r"[\s,]*")


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

    def read(self, answer: Answer, data_key: str, injected: Collection[str]) -> Page | None:
        """The page in an answer, without the columns that are `injected` later, if all on it is as documented."""
        types = {name: column.data_type for name, column in self._table.columns.items()} | dict(self.added)
        return read_documented(
            answer, data_key, {name: data_type for name, data_type in types.items() if name not in injected}
        )

    def table(self, page: Page, injected: Injected) -> pa.Table:
        """The page's records, one row each, with the `injected` columns (same value in each row) in front."""
        arrays: dict[str, pa.Array] = {
            name: pa.repeat(pa.scalar(value, ARROW_TYPES[self._table.columns[name].data_type]), len(page.records))
            for name, value in injected.items()
        }
        if page.columns is None:
            self._read_one_by_one(page, arrays)
        else:
            arrays |= page.columns
        return self._assemble(arrays)

    def empty(self) -> pa.Table:
        """No rows, every documented column."""
        return self._assemble(
            {name: pa.array([], ARROW_TYPES[column.data_type]) for name, column in self._table.columns.items()}
        )

    def _read_one_by_one(self, page: Page, arrays: dict[str, pa.Array]) -> None:
        """Value by value, for a page on which something is not as documented: nothing is lost, and it is counted."""
        records = [_without_our_names(record, dict.fromkeys(arrays)) for record in _exact_records(page)]
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
            # The rounded number stays, so that a sum does not miss the row; its digits stand beside it.
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


class NestedRows:
    """Turns the records of one table into records for dlt's own normaliser, which makes child tables of their lists.

    Attributes:
        added: the fields that are not documented.
        odd: how many values did not fit their column, by column, child tables under their lists' names.
    """

    def __init__(self, table: Table, key: Sequence[str], added: dict[str, DataType]) -> None:
        self._table = table
        self._key = key
        self.added = added
        self.odd: dict[str, int] = {}

    def records(self, page: Page, injected: Injected) -> Iterator[list[Record]]:
        """The page's records, numbers exact, with the `injected` columns in front, some hundreds at a time.

        Raises:
            BrokenPromise: where a record has no key.
        """
        left = _exact_records(page)
        # As objects, records take several times the room of their text.
        while some := list(islice(left, _AT_ONCE)):
            yield self._made(some, injected)

    def _made(self, some: Sequence[Record], injected: Injected) -> list[Record]:
        found = [_without_our_names(record, injected) for record in some]
        self._note_new(found, injected)
        for record in found:
            self._fit(record, self._table, "")
        rows = [{**injected, **record} for record in found]
        for name in self._key:
            for row in rows:
                if row.get(name) is None:
                    raise BrokenPromise(f"A record of {self._table.name} has no {name} that could be a key.")
        return rows

    def _note_new(self, found: Sequence[Record], injected: Injected) -> None:
        known = {column.path[0] for column in self._table.columns.values()}.union(self._table.lists, injected)
        for name in dict.fromkeys(chain.from_iterable(found)):
            if name not in known:
                self.added.setdefault(name, type_of([record.get(name) for record in found]))

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
                    # Flattened by dlt, this becomes the column beside: `amount__v_text`.
                    holder[last] = {"v_text": as_text(holder[last])}
                    self._count(f"{prefix}{column.name}")
                else:
                    holder[last] = value
        for name in table.lists:
            items = record.get(name)
            child = tables()[f"{table.name}__{name}"]
            for item in items if isinstance(items, list) else ():
                if isinstance(item, dict):
                    self._fit(item, child, f"{prefix}{name}__")

    def _object(self, holder: Any, key: str, name: str) -> Any:
        """The object at `key`. A null is taken out: its columns (`estimate__id`) are null as they are."""
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


def _without_our_names(record: Record, injected: Injected) -> Record:
    """Fields that are named like columns of ours or of dlt's, or like nothing or each other, under names of their own."""
    renamed: Record = {}
    taken = {GONE, *injected, *(name for name in record if _NAMING.normalize_identifier(name or "x") == name)}
    for name, value in record.items():
        own = _NAMING.normalize_identifier(name) if name else "unnamed"
        is_free = own == name and own not in injected and own != GONE and not own.startswith("_dlt_")
        if not is_free and (own in taken or own.startswith("_dlt_")):
            own = next(
                f"harvest_{own.lstrip('_')}{n}"
                for n in ("", *range(2, 99))
                if f"harvest_{own.lstrip('_')}{n}" not in taken
            )
        taken.add(own)
        renamed[own] = value
    return renamed


def _values(objects: list[Record], key: str) -> list[Any]:
    try:
        return list(map(itemgetter(key), objects))
    except (KeyError, TypeError, IndexError):
        return [record.get(key) if isinstance(record, dict) else None for record in objects]


def _exact_records(page: Page) -> Iterator[Record]:
    """The records with every digit that Harvest wrote, one after the other."""
    decoder, text = json.JSONDecoder(parse_float=Decimal), page.body.decode()
    begins = list(re.finditer(rf'"{re.escape(page.data_key)}"\s*:\s*\[', text)) if page.data_key else []
    if len(begins) != 1:
        # One record, or what is spelled so oddly that only all of it tells where the list is.
        document = decoder.decode(text)
        yield from document[page.data_key] if page.data_key else [document]
        return
    at = _next(text, begins[0].end())
    while text[at] != "]":
        record, at = decoder.raw_decode(text, at)
        yield record
        at = _next(text, at)


def _next(text: str, at: int) -> int:
    """Where the next value of a list begins, or the list ends."""
    return _BETWEEN.match(text, at).end()  # type: ignore[union-attr] (matches nothing, too)
