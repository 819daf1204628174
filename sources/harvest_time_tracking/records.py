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
from functools import partial
from itertools import chain
from operator import itemgetter
from typing import Any

import dlt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

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

# JSON's types that need no second look for a column's type. A bool is an int to Python, and 1.5 an id to Arrow.
_PLAIN: Mapping[DataType, frozenset[type]] = {
    "text": frozenset({str, type(None)}),
    "bigint": frozenset({int, type(None)}),
    "decimal": frozenset({int, float, type(None)}),
    "bool": frozenset({bool, type(None)}),
    "date": frozenset({str, type(None)}),
    "timestamp": frozenset({str, type(None)}),
}

# A double gives back any decimal of 15 digits: sign, point and 15 digits are 17 characters.
_SAFE_DECIMAL_LENGTH = 17


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
        self._shapes: set[tuple[tuple[str, ...], tuple[str, ...]]] = set()
        groups: dict[tuple[str, ...], list[Column]] = {}
        for column in table.columns.values():
            groups.setdefault(column.path[:-1], []).append(column)
        self._groups = groups

    def table(self, page: Page, injected: Injected) -> pa.Table:
        """The page's records, one row each, with the `injected` columns (same value in each row) in front."""
        records = page.records
        exact = _Exact(page)
        arrays: dict[str, pa.Array] = {}
        for path, columns in self._groups.items():
            objects = self._objects(records, path, arrays)
            for column in columns:
                if column.name in injected:
                    arrays[column.name] = pa.repeat(
                        pa.scalar(injected[column.name], ARROW_TYPES[column.data_type]), len(records)
                    )
                else:
                    values = _values(objects, column.path[-1])
                    self._put(arrays, column.name, column.data_type, values, partial(exact.values, column.path))
            self._keep_unknown(objects, path, arrays)
        return self._assemble(arrays)

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

    def _put(
        self,
        arrays: dict[str, pa.Array],
        name: str,
        data_type: DataType,
        values: list[Any],
        exactly: Callable[[], list[Any]],
    ) -> None:
        array = _fast_array(values, data_type)
        if array is None:
            values = exactly() if data_type == "decimal" else values
            fitted = [fit(value, data_type) for value in values]
            if any(value is _MISFIT for value in fitted):
                texts = [_as_text(raw) if ok is _MISFIT else None for raw, ok in zip(values, fitted, strict=True)]
                self._put_odd(arrays, name, texts)
                fitted = [None if value is _MISFIT else value for value in fitted]
            array = pa.array(fitted, ARROW_TYPES[data_type])
        if name in self._key and array.null_count:
            # A currency is missing where the token may not see rates; a key holds no null.
            array = pc.fill_null(array, _NOTHING[data_type])
        arrays[name] = array

    def _put_odd(self, arrays: dict[str, pa.Array], name: str, texts: Sequence[str | None]) -> None:
        arrays[f"{name}__v_text"] = pa.array(texts, pa.string())
        self.odd[name] = self.odd.get(name, 0) + sum(text is not None for text in texts)

    def _keep_unknown(self, objects: list[Record], path: tuple[str, ...], arrays: dict[str, pa.Array]) -> None:
        for shape in set(map(tuple, objects)):
            if (path, shape) in self._shapes:
                continue
            prefix = "__".join((*path, ""))
            known = {*self._table.columns, *arrays}
            unknown = [key for key in shape if f"{prefix}{key}" not in known and (*path, key) not in self._groups]
            for key in unknown:
                self._keep_field(objects, (*path, key), arrays)
            if not unknown:
                self._shapes.add((path, shape))

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
            self._put(arrays, name, data_type, values, lambda: values)

    def _assemble(self, arrays: Mapping[str, pa.Array]) -> pa.Table:
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


def _fast_array(values: list[Any], data_type: DataType) -> pa.Array | None:
    """The column at Arrow's own speed, or None where a value wants a second look."""
    if not set(map(type, values)) <= _PLAIN[data_type]:
        return None
    try:
        match data_type:
            case "text" | "bool" | "bigint":
                return pa.array(values, ARROW_TYPES[data_type])
            case "decimal":
                return _fast_decimals(values)
            case "date":
                texts = pa.array(values, pa.string())
                # Arrow would take 24:00 and signed years too.
                return texts.cast(pa.date32()) if _all_as_long(texts, 10) else None
            case "timestamp":
                texts = pa.array(values, pa.string())
                return texts.cast(ARROW_TYPES["timestamp"]) if _all_as_long(texts, 20) else None
    except (pa.ArrowInvalid, OverflowError):
        return None


def _fast_decimals(values: list[Any]) -> pa.Array | None:
    texts = pa.array(values, pa.float64()).cast(pa.string())
    longest = pc.max(pc.utf8_length(texts)).as_py()
    if longest is not None and longest > _SAFE_DECIMAL_LENGTH:
        return None
    return texts.cast(ARROW_TYPES["decimal"])


def _all_as_long(texts: pa.Array, length: int) -> bool:
    lengths = pc.min_max(pc.utf8_length(texts)).as_py()
    return lengths["min"] in (None, length) and lengths["max"] in (None, length)


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

    def values(self, path: tuple[str, ...]) -> list[Any]:
        objects: list[Any] = self.records()
        for key in path:
            objects = [value.get(key) if isinstance(value, dict) else None for value in objects]
        return objects


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
