"""Parse pages that match the documentation directly from bytes into typed Arrow columns (fast path)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from types import NoneType
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from ..columns import ARROW_TYPES, DataType
from ..http.protocol import Answer, Page, Paging, paging_of


def read_documented(answer: Answer, data_key: str, types: Mapping[str, DataType]) -> Page | None:
    """Parse a page directly into typed columns; None if anything on it is not as documented.

    Arrow's JSON reader builds typed columns without a Python object per value, and decimals from their digits. It refuses
    values of another type and reveals undocumented fields; such pages are left to the slow path.
    """
    # Arrow accepts a byte order mark, and its parser recurses without a limit: deep nesting would crash the process.
    if _is_ambiguous(types) or not answer.body.startswith(b"{") or _is_deep(answer.body):
        return None
    fields = _nested_fields(types)
    parse = pj.ParseOptions(
        explicit_schema=pa.schema([pa.field(data_key, pa.list_(pa.struct(fields)))]), unexpected_field_behavior="infer"
    )
    read = pj.ReadOptions(use_threads=False, block_size=len(answer.body) + 1)
    try:
        answer.body.decode()
        document = pj.read_json(pa.BufferReader(answer.body), read_options=read, parse_options=parse)
        paging = _paging(document, data_key)
        records = document.column(data_key).combine_chunks().flatten()
        if document.num_rows != 1 or not len(records) or records.null_count:
            return None
        found = dict(_leaves(records, fields, ""))
        columns = {name: _dated(found[name], data_type) for name, data_type in types.items()}
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError, _NotDocumented):
        return None
    unparsed = Unparsed(answer.body, data_key, len(records))
    return Page(unparsed, answer.body, data_key, paging, answer.date, columns)


_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"{}[]")
_LAYERS = 8
_ODD_BRACKETS = 5_000


def _is_deep(body: bytes) -> bool:
    """True if the JSON is nested deeper than any documented page; a few brackets inside strings are tolerated."""
    brackets = body.translate(None, _NO_BRACKETS)
    for _ in range(_LAYERS):
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
    return len(brackets) > _ODD_BRACKETS


class Unparsed(Sequence[Any]):
    """Records of a page: their number, and the records themselves parsed on first access."""

    def __init__(self, body: bytes, data_key: str, count: int) -> None:
        self._body = body
        self._data_key = data_key
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        return self._records[index]

    @cached_property
    def _records(self) -> list[Any]:
        records: list[Any] = orjson.loads(self._body)[self._data_key]
        return records


def _paging(document: pa.Table, data_key: str) -> Paging:
    """Paging information of the document, outside its records."""
    around = {name: document.column(name)[0].as_py() for name in document.column_names if name != data_key}
    links = around.pop("links", None) or {}
    if not isinstance(links, dict):
        raise _NotDocumented
    # No other value may be nested, so that JSON too deep for orjson does not pass.
    if any(isinstance(value, dict | list) for value in [*around.values(), *links.values()]):
        raise _NotDocumented
    if type(around.get("total_entries")) not in (int, NoneType) or type(links.get("next")) not in (str, NoneType):
        raise _NotDocumented
    return paging_of({**around, "links": links})


def _is_ambiguous(types: Mapping[str, DataType]) -> bool:
    """True if a column's name is also the prefix of other columns: a field that was an object once and a value once."""
    objects = {name[: at.start()] for name in types for at in re.finditer("__", name)}
    return not objects.isdisjoint(types)


class _NotDocumented(Exception):
    """A page has an undocumented field, or an invalid date."""


def _nested_fields(types: Mapping[str, DataType]) -> list[pa.Field]:
    """Arrow fields of a record: objects as structs, dates and timestamps as strings."""
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
    # `flatten`, so that the columns of a null object are null.
    for field, array in zip(struct.type, struct.flatten(), strict=True):
        name = f"{prefix}{field.name}"
        if pa.types.is_struct(field.type):
            wanted = next(at for at in asked if at.name == field.name)
            yield from _leaves(array, list(wanted.type), f"{name}__")
        else:
            yield name, array


def _dated(array: pa.Array, data_type: DataType) -> pa.Array:
    """Cast strings to dates or timestamps, only if all have the length of Harvest's format: Arrow accepts other formats."""
    length = {"date": 10, "timestamp": 20}.get(data_type)
    if length is None:
        return array
    lengths = pc.min_max(pc.utf8_length(array)).as_py()
    if not {lengths["min"], lengths["max"]} <= {None, length}:
        raise _NotDocumented
    return array.cast(ARROW_TYPES[data_type])
