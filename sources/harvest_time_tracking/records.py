"""A page's records as rows: flat and typed as an Arrow table, or nested for dlt's own normaliser.

Whatever Harvest sends is kept. A value that does not fit its column goes, as text, into a column beside it
(`hours__v_text`, dlt's own name for such a variant); a field that nobody documented becomes a new column.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain
from operator import itemgetter
from typing import Any

import dlt
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from .calls import Call
from .columns import ARROW_TYPES, GONE, Column, DataType, Table, tables
from .protocol import Page
from .stream import Stream

Record = dict[str, Any]
Injected = Mapping[str, Any]

_INT64 = range(-(2**63), 2**63)
_WHOLE = re.compile(r"-?[0-9]{1,19}\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})\Z"
)
_MISFIT = object()


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
        records = _Exact(page).records()
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
            texts: list[str | None] = [None if isinstance(value, dict) else _as_text(value) for value in objects]
            self._put_odd(arrays, name, texts)
            objects = [value if isinstance(value, dict) else {} for value in objects]
        return objects

    def _put(self, arrays: dict[str, pa.Array], name: str, data_type: DataType, values: list[Any]) -> None:
        fitted = [fit(value, data_type) for value in values]
        if any(value is _MISFIT for value in fitted):
            texts = [_as_text(raw) if ok is _MISFIT else None for raw, ok in zip(values, fitted, strict=True)]
            self._put_odd(arrays, name, texts)
            fitted = [None if value is _MISFIT else value for value in fitted]
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
            data_type = self.added.setdefault(name, _type_of(values))
            values = [_as_text(value) if isinstance(value, list) else value for value in values]
            self._put(arrays, name, data_type, values)

    def _assemble(self, arrays: dict[str, pa.Array]) -> pa.Table:
        for name in self._key.intersection(arrays):
            if arrays[name].null_count:
                # A currency is missing where the token may not see rates; a key holds no null.
                arrays[name] = pc.fill_null(arrays[name], _NOTHING[self._table.columns[name].data_type])
        fields = [pa.field(name, array.type, nullable=name not in self._key) for name, array in arrays.items()]
        return pa.table(list(arrays.values()), schema=pa.schema(fields))


def nested_rows(page: Page, table: Table, injected: Injected, odd: dict[str, int]) -> list[Record]:
    """The page's records for dlt's normaliser, numbers exact, with the `injected` columns in front.

    dlt itself keeps what does not fit (its variant columns) and what is new; here such values are only counted in `odd`.
    """
    rows = [{**injected, **record} for record in _Exact(page).records()]
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
        if isinstance(holder, dict) and fit(holder.get(last), column.data_type) is _MISFIT:
            odd[column.name] = odd.get(column.name, 0) + 1


def fit(value: Any, data_type: DataType) -> Any:  # noqa: PLR0911 (one answer for each type)
    """`value` as a column of `data_type` holds it, or a marker where nothing would be the same.

    Nothing is guessed: a number in a text is a number, `1.0` is a whole number, `true` is not 1.
    """
    if value is None:
        return None
    match data_type:
        case "text":
            return value if isinstance(value, str) else _MISFIT
        case "bool":
            return value if isinstance(value, bool) else _MISFIT
        case "bigint":
            return _fit_whole(value)
        case "decimal":
            return _fit_decimal(value)
        case "date":
            return _parsed(date.fromisoformat, _DATE, value)
        case "timestamp":
            return _parsed(datetime.fromisoformat, _INSTANT, value)


def _fit_whole(value: Any) -> Any:
    if (isinstance(value, str) and _WHOLE.match(value)) or (isinstance(value, float | Decimal) and value == int(value)):
        value = int(value)
    return value if type(value) is int and value in _INT64 else _MISFIT


def _fit_decimal(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return _MISFIT
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except ArithmeticError:
        return _MISFIT
    if not number.is_finite() or abs(number) >= Decimal(10) ** 29:
        return _MISFIT
    return number if number == round(number, 9) else _MISFIT


def _parsed(parse: Callable[[str], Any], pattern: re.Pattern[str], value: Any) -> Any:
    if not isinstance(value, str) or not pattern.match(value):
        return _MISFIT
    try:
        return parse(value)
    except ValueError:
        return _MISFIT


def read_documented(page: Page, types: Mapping[str, DataType]) -> dict[str, pa.Array] | None:
    """The columns of a page straight from its bytes, or None where anything on it is not as documented.

    Arrow's JSON reader makes typed columns without an object for each value, decimals from their digits; it refuses a
    value of another type, and tells of a field that it was not asked for.
    """
    if page.data_key is None or not page.records:
        return None
    fields = _nested_fields(types)
    parse = pj.ParseOptions(
        explicit_schema=pa.schema([pa.field(page.data_key, pa.list_(pa.struct(fields)))]),
        unexpected_field_behavior="infer",
    )
    read = pj.ReadOptions(use_threads=False, block_size=len(page.body) + 1)
    try:
        document = pj.read_json(pa.BufferReader(page.body), read_options=read, parse_options=parse)
        records = document.column(page.data_key).combine_chunks().flatten()
        columns = dict(_leaves(records, fields, ""))
        return {name: _dated(columns[name], data_type) for name, data_type in types.items()}
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, _NotDocumented):
        return None


class _NotDocumented(Exception):
    """A page has a field that nobody asked for, or a date that is none."""


def _nested_fields(types: Mapping[str, DataType]) -> list[pa.Field]:
    """The fields of a record, objects as structs; dates and instants as the texts that they are in JSON."""
    tree: dict[str, Any] = {}
    for name, data_type in types.items():
        *parents, last = name.split("__")
        level = tree
        for parent in parents:
            level = level.setdefault(parent, {})
        level[last] = pa.string() if data_type in {"date", "timestamp"} else ARROW_TYPES[data_type]

    def fields(level: Mapping[str, Any]) -> list[pa.Field]:
        return [pa.field(name, pa.struct(fields(at)) if isinstance(at, dict) else at) for name, at in level.items()]

    return fields(tree)


def _leaves(struct: pa.StructArray, asked: Sequence[pa.Field], prefix: str) -> Iterator[tuple[str, pa.Array]]:
    if len(struct.type) != len(asked):
        raise _NotDocumented
    # Flattened, so that a null object's columns are null.
    for field, array in zip(struct.type, struct.flatten(), strict=True):
        name = f"{prefix}{field.name}"
        if pa.types.is_struct(field.type):
            wanted = next(at for at in asked if at.name == field.name)
            yield from _leaves(array, list(wanted.type), f"{name}__")
        else:
            yield name, array


def _dated(array: pa.Array, data_type: DataType) -> pa.Array:
    """Texts as dates or instants, where each is spelled as Harvest spells them: Arrow alone would take more."""
    length = {"date": 10, "timestamp": 20}.get(data_type)
    if length is None:
        return array
    lengths = pc.min_max(pc.utf8_length(array)).as_py()
    if not {lengths["min"], lengths["max"]} <= {None, length}:
        raise _NotDocumented
    return array.cast(ARROW_TYPES[data_type])


def _values(objects: list[Record], key: str) -> list[Any]:
    try:
        return list(map(itemgetter(key), objects))
    except (KeyError, TypeError, IndexError):
        return [record.get(key) if isinstance(record, dict) else None for record in objects]


def _type_of(values: Sequence[Any]) -> DataType:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return "bool"
    if kinds == {int}:
        return "bigint"
    if kinds <= {int, float, Decimal}:
        return "decimal"
    return "text"


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return str(value)
    return orjson.dumps(value, default=str).decode()


# What stands for "none" in a key column.
_NOTHING: Mapping[DataType, Any] = {
    "text": "",
    "bigint": 0,
    "decimal": Decimal(0),
    "bool": False,
    "date": date(1970, 1, 1),
    "timestamp": datetime.fromisoformat("1970-01-01T00:00:00+00:00"),
}


def _one_child_each(table: Table) -> Record:
    children = {name: tables()[f"{table.name}__{name}"] for name in table.lists}
    return {
        name: [
            _NOTHING[child.columns["value"].data_type]
            if "value" in child.columns
            else {**_nothings(child), **_one_child_each(child)}
        ]
        for name, child in children.items()
    }


def _nothings(table: Table) -> Record:
    return {name: _NOTHING[column.data_type] for name, column in table.columns.items() if len(column.path) == 1}


class _Exact:
    """The records of a page with every digit that Harvest wrote, parsed when first asked for."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._records: list[Record] | None = None

    def records(self) -> list[Record]:
        if self._records is None:
            document = json.loads(self._page.body, parse_float=Decimal)
            self._records = document[self._page.data_key] if self._page.data_key else [document]
        return self._records


class RowMaker:
    """Turns the pages of one stream into what dlt takes, by its table: Arrow where records are flat, else records.

    Where a read replaces a scope (a parent's children, a report's month), the scope's rows are handed over only when all
    of them are here: half a scope would delete the other half.

    Args:
        stream: the stream.
        added: the types of columns that nobody documented, from earlier runs; grows as fields are found.
    """

    def __init__(self, stream: Stream, added: dict[str, DataType]) -> None:
        self._stream = stream
        self._table = tables()[stream.table_name]
        self._flat = FlatRows(self._table, stream.key, added) if self._table.is_flat else None
        self.odd: dict[str, int] = self._flat.odd if self._flat else {}
        self._held: dict[Call, list[Any]] = {}

    @property
    def undocumented(self) -> tuple[str, ...]:
        """The columns that Harvest's documentation does not know."""
        return tuple(self._flat.added) if self._flat else ()

    def rows(self, call: Call, page: Page, is_last: bool) -> Iterator[Any]:
        """What to hand to dlt now that this page is here."""
        injected = dict(call.injected)
        if self._stream.window == "day":
            injected["snapshot_date"] = (page.date or datetime.now(UTC)).date()
        made = self._made(page, injected) if page.records else None
        if not self._stream.scope:
            if made is not None:
                yield made
            return
        held = self._held.setdefault(call, [])
        if made is not None:
            held.append(made)
        if is_last:
            yield from self._held.pop(call) or self.nothing([injected])

    def _made(self, page: Page, injected: Injected) -> Any:
        if self._flat:
            return self._flat.table(page, injected)
        return nested_rows(page, self._table, injected, self.odd)

    def table_with_children(self, *, is_new: bool) -> Iterator[Any]:
        """What makes the table, and its child tables, with every column even if no row ever comes.

        dlt makes a child table when it sees a child: it is shown one, below a row that it is told to delete.
        """
        yield dlt.mark.materialize_table_schema()
        if is_new and self._flat is None:
            keys = {name: _NOTHING[self._table.columns[name].data_type] for name in self._stream.key}
            scope = {name: _NOTHING[self._table.columns[name].data_type] for name in self._stream.scope}
            yield [{**keys, **scope, GONE: True, **_one_child_each(self._table)}]

    def nothing(self, scopes: Sequence[Injected]) -> Iterator[Any]:
        """For scopes without rows, a row each that says so: dlt deletes what is there and does not keep the row."""
        if not scopes:
            return
        keys = {name: _NOTHING[self._table.columns[name].data_type] for name in self._stream.key}
        rows = [{**keys, **scope, GONE: True} for scope in scopes]
        if self._flat is None:
            yield rows
            return
        fields = [
            pa.field(name, ARROW_TYPES[self._table.columns[name].data_type], nullable=name not in self._stream.key)
            for name in rows[0]
            if name != GONE
        ]
        yield pa.Table.from_pylist(rows, schema=pa.schema([*fields, pa.field(GONE, pa.bool_())]))
