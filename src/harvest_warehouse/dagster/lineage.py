"""Lineage: from which tables each table of Harvest's is filled, and which tables each mart and check reads. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from graphlib import TopologicalSorter
from types import MappingProxyType

from sqlglot import exp

from harvest_time_tracking import STREAMS, tables
from harvest_warehouse.marts.models import models, resolved

RAW, MARTS = "raw", "marts"

Table = tuple[str, str]
"""Schema (`raw` for Harvest's tables, or `marts`) and name."""


@cache
def table_lineage() -> Mapping[str, frozenset[str]]:
    """Tables that each table of a sync is filled from, in an order in which they can be filled.

    A child stream is read by the ids of its parents, and copies of others' values (`client__name`) are updated from their own
    table.
    """
    found: dict[str, frozenset[str]] = {}
    for name, stream_name in stream_of().items():
        stream = STREAMS[stream_name]
        copied = {STREAMS[copy.stream].table_name for copy in stream.embeds if copy.table_of(stream.table_name) == name}
        above = {stream.table_name} if name != stream.table_name else {stream.parent.stream} if stream.parent else set()
        found[name] = frozenset(copied | above) - {name}
    return MappingProxyType({name: found[name] for name in TopologicalSorter(found).static_order()})


@cache
def stream_of() -> Mapping[str, str]:
    """Stream that fills each table of a sync; child tables (`invoices__line_items`) come with their parent's stream."""
    default = {stream.table_name: stream.name for stream in STREAMS.values() if stream.is_default}
    return MappingProxyType(
        {name: default[top] for name in tables() for top in [name.partition("__")[0]] if top in default}
    )


def reads(query: exp.Query, own: Collection[str] = ()) -> frozenset[Table]:
    """Tables that a model or a check reads, directly or through tables that exist only during a build.

    Args:
        query: its statement.
        own: names of the user's own models.
    """
    columns = {name: tuple(table.columns) for name, table in tables().items()}
    found: set[Table] = set()
    for table in resolved(query, columns, own=own).find_all(exp.Table):
        if table.db == MARTS and table.name.startswith("int_"):
            found |= _behind(table.name)
        elif table.db in (RAW, MARTS) and not table.name.startswith("cfg_"):
            found.add((table.db, table.name))
    return frozenset(found)


@cache
def _behind(name: str) -> frozenset[Table]:
    return reads(next(model.query for model in models() if model.name == name))
