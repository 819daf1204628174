"""Select the rows of another product's table from ours, in the house's SQL.

JSON is put together as text, since databases agree on text, and only quoting and parsing are left to each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from harvest_time_tracking import STREAMS, tables
from harvest_time_tracking.columns import Column as Described
from harvest_warehouse.database import Database
from harvest_warehouse.database.runs import RUNS
from harvest_warehouse.destinations.dialect import HOME
from harvest_warehouse.marts.models import resolved
from harvest_warehouse.peers.layouts import Column, Layout, PeerTable

_TYPES = {"decimal": "decimal(38, 9)", "json": "text"}
_NESTED = "__"


def raw_columns(database: Database) -> dict[str, tuple[str, ...]]:
    """Columns of each of Harvest's tables in the database; none for a missing table."""
    there = set(database.names())
    return {name: database.columns(name) if name in there else () for name in tables()}


def peer_query(
    layout: Layout, table: PeerTable, account_id: str, database: Database, raw: Mapping[str, Sequence[str]]
) -> exp.Query:
    """Query for the rows of a table of the layout.

    Args:
        layout: the layout.
        table: one of its tables.
        account_id: account whose rows it has.
        database: connection to the account's tables, for what is particular to its SQL.
        raw: columns of each of Harvest's tables in the database (`raw_columns`); missing ones are null.
    """
    query = sqlglot.parse_one(_Select(layout, table, account_id, database).text(), read=HOME)
    if not isinstance(query, exp.Query):
        raise TypeError(f"Not a select statement: {table.name}")
    return resolved(query, raw)


@dataclass(frozen=True)
class _Select:
    layout: Layout
    table: PeerTable
    account_id: str
    database: Database

    def text(self) -> str:
        columns = [*self.table.columns, *self.layout.every_table]
        listed = ",\n".join(f'{self._typed(column)} as "{column.name}"' for column in columns)
        base = f"({self.table.select})" if self.table.select else f"every.{self.table.base}"
        joins = "".join(self._joins())
        return f"select {listed}\nfrom {base} as base{joins}\nwhere base.account_id = {_literal(self.account_id)}"

    def _joins(self) -> Iterator[str]:
        if self.table.parent:
            yield f"\ninner join every.{self.table.parent} as parent on parent._dlt_id = base._dlt_parent_id"
        for name in dict.fromkeys(filter(None, (_list_of(column) for column in self.table.columns))):
            child = f"{self.table.base}__{name}"
            item = self._nested(child, tables()[child].columns.values())
            yield (
                f"\nleft join (select _dlt_parent_id, string_agg({item}, ',' order by _dlt_list_idx) as items "
                f'from every.{child} group by _dlt_parent_id) as "{name}" on "{name}"._dlt_parent_id = base._dlt_id'
            )

    def _typed(self, column: Column) -> str:
        if column.kind == "json":
            return self.database.json_parsed(self._value(column))
        kind = _TYPES.get(column.kind, column.kind)
        declared = tables()[self.table.base].columns.get(column.source)
        ours = declared.data_type if declared else ""
        value = self._value(column)
        if column.kind == "text" and ours == "timestamp":
            return self._instant(value)
        if column.kind == "text" and ours == "decimal":
            value = f"cast({value} as double)"
        if column.kind == "timestamptz" and ours == "date":
            # As midnight in UTC, whatever the session's time zone.
            value = f"cast({value} as text) || 'T00:00:00Z'"
        if column.kind == "bigint" and ours == "decimal":
            # Cut off, as the product does; databases disagree on the cast.
            value = f"case when {value} < 0 then ceil({value}) else floor({value}) end"
        if column.kind == "decimal" and ours == "bool":
            value = f"case when {value} then 1 when not {value} then 0 end"
        return f"cast({value} as {kind})"

    def _value(self, column: Column) -> str:
        source, name = column.source, _list_of(column)
        if source.startswith("= "):
            return source.removeprefix("= ")
        if source.startswith("@"):
            return {"@read_at": self._read_at, "@row": self._row, "@sequence": self._sequence}[source]()
        if source.endswith(("{}", "{}!")):
            return self._object(source.rstrip("{}!"), is_never_null=source.endswith("!"))
        if name:
            return self._list(name, source.removeprefix(name).strip("[]"))
        return source if source.startswith("parent.") else f'base."{source}"'

    def _list(self, name: str, value: str) -> str:
        """JSON text of a list; or, with a value, whether the list has it."""
        if value:
            return f'case when "{name}".items like \'%"{value}"%\' then true else false end'
        return f"'[' || coalesce(\"{name}\".items, '') || ']'"

    def _object(self, name: str, *, is_never_null: bool) -> str:
        prefix = f"{name}{_NESTED}"
        columns = [column for column in tables()[self.table.base].columns.values() if column.name.startswith(prefix)]
        return self._nested(self.table.base, columns, prefix, "base.", is_never_null=is_never_null)

    def _nested(
        self, table: str, columns: Iterable[Described], prefix: str = "", of: str = "", *, is_never_null: bool = False
    ) -> str:
        """JSON text of an object, or of a plain value in a list; null for an object whose fields are all null."""
        fields: dict[str, list[Described]] = {}
        for column in columns:
            if column.name != "account_id":
                fields.setdefault(column.name.removeprefix(prefix).partition(_NESTED)[0], []).append(column)
        if list(fields) == ["value"]:
            return self._scalar(fields["value"][0], of)
        parts = []
        for field, found in fields.items():
            inner = f"{prefix}{field}{_NESTED}"
            is_object = found[0].name.startswith(inner)
            value = (
                f"coalesce({self._nested(table, found, inner, of)}, 'null')"
                if is_object
                else self._scalar(found[0], of)
            )
            parts.append(f"'\"{field}\":' || {value}")
        text = " || ',' || ".join(parts)
        if is_never_null:
            return f"'{{' || {text} || '}}'"
        known = " or ".join(f'{of}"{column.name}" is not null' for found in fields.values() for column in found)
        return f"case when {known} then '{{' || {text} || '}}' end"

    def _scalar(self, column: Described, of: str) -> str:
        """JSON text of a column's value; `null` for null."""
        value, kind = f'{of}"{column.name}"', column.data_type
        if kind == "bool":
            return f"case when {value} then 'true' when not {value} then 'false' else 'null' end"
        text = {
            "text": self.database.json_quoted(value),
            "date": f"'\"' || cast({value} as text) || '\"'",
            "timestamp": f"'\"' || {self._instant(value)} || '\"'",
            # As short as the number in Harvest's answer: 12.5, not 12.500000000.
            "decimal": f"cast(cast({value} as double) as text)",
            "bigint": f"cast({value} as text)",
        }[kind]
        return f"coalesce({text}, 'null')"

    def _instant(self, value: str) -> str:
        """Text of a timestamp, as Harvest writes it: 2026-01-31T08:00:00Z."""
        return f"replace(substring({self.database.utc_text(value)}, 1, 19), ' ', 'T') || 'Z'"

    def _read_at(self) -> str:
        """When the stream was last read."""
        streams = {
            stream.table_name: stream.name for stream in STREAMS.values() if stream.is_default or not stream.data_key
        }
        stream = streams.get(self.table.base.partition(_NESTED)[0], self.table.base.partition(_NESTED)[0])
        return (
            f"(select max(started_at) from {RUNS.name} where account_id = {_literal(self.account_id)} "
            f"and stream = {_literal(stream)} and outcome in ('complete', 'unproven'))"
        )

    def _row(self) -> str:
        """Text that stays the same as long as the row does."""
        keys = self.table.key or tuple(
            column.name
            for column in self.table.columns
            if column.name.endswith(("_id", "currency", "from", "to", "base_uri"))
        )
        sources = [self._value(column) for column in self.table.columns if column.name in keys]
        if any(column.name == "updated_at" for column in self.table.columns):
            sources.append('base."updated_at"')
        text = " || '/' || ".join(f"coalesce(cast({source} as text), '')" for source in sources)
        return f"md5({_literal(self.table.name)} || '/' || {text})"

    def _sequence(self) -> str:
        """Number that grows with each change: 20260131080000."""
        has_time = any(column.name == "updated_at" for column in self.table.columns)
        text = f"substring({self.database.utc_text('base.updated_at' if has_time else self._read_at())}, 1, 19)"
        return f"replace(replace(replace({text}, '-', ''), ':', ''), ' ', '')"


def _list_of(column: Column) -> str:
    """Name of the list that a column is made of; empty if it is made of none."""
    name, bracket, _ = column.source.partition("[")
    return name if bracket and not name.startswith("=") else ""


def _literal(text: str) -> str:
    return exp.Literal.string(text).sql(HOME)
