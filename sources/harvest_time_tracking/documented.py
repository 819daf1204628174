"""Pages that are as Harvest documents them: typed columns straight from the bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from .columns import ARROW_TYPES, DataType
from .protocol import Page


def read_documented(page: Page, types: Mapping[str, DataType]) -> dict[str, pa.Array] | None:
    """The columns of a page straight from its bytes, or None where anything on it is not as documented.

    Arrow's JSON reader makes typed columns without an object for each value, decimals from their digits; it refuses a
    value of another type, and tells of a field that it was not asked for.
    """
    if page.data_key is None or not page.records or _is_ambiguous(types):
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


def _is_ambiguous(types: Mapping[str, DataType]) -> bool:
    """Whether a field was an object once and a value another time."""
    objects = {name[: at.start()] for name in types for at in re.finditer("__", name)}
    return not objects.isdisjoint(types)


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
