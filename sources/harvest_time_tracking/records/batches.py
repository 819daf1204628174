"""Batch the rows of one stream for dlt, page by page; rows of a replaced scope are passed on only once it is complete."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import chain
from typing import Any

import dlt
import pyarrow as pa
from dlt.common.configuration.exceptions import ContextDefaultCannotBeCreated

from ..column_policy import KEEP_ALL, ColumnPolicy
from ..columns import ARROW_TYPES, GONE, DataType, Table, tables
from ..errors import ContractViolation
from ..http.protocol import Answer, Page
from ..reading.calls import Call
from ..stream import Stream
from .coercion import NOTHING
from .converters import FlatRows, Injected, NestedRows, Record
from .keeping import Keeping

# dlt checks the whole schema for each Arrow table it receives, which takes milliseconds: so pages are combined.
_BATCH_ROWS = 20_000


class RowMaker:
    """Converter of the pages of one stream to batches for dlt: Arrow tables if records are flat, else records.

    If a read replaces a scope (a parent's children, a report's month), the scope's rows are passed on only once all of them
    have arrived: a partial scope would delete the rest.

    Args:
        stream: the stream.
        added: types of the undocumented columns, from earlier runs; grows as fields are found.
        policy: columns to leave empty, and what to do with new fields.
    """

    def __init__(self, stream: Stream, added: dict[str, DataType], policy: ColumnPolicy = KEEP_ALL) -> None:
        self._stream = stream
        self._table = tables()[stream.table_name]
        made_flat = self._table.is_flat
        keeping = Keeping(policy, stream.name, self._table.name, added)
        self._flat = FlatRows(self._table, stream.primary_key, added, keeping) if made_flat else None
        self._nested = NestedRows(self._table, stream.primary_key, added, keeping)
        self.ignored = keeping.ignored
        self._added = added
        self._can_delete = False
        self._day: date | None = None
        self._held: dict[Call, list[Any]] = {}
        self._ready: list[Any] = []

    @property
    def odd(self) -> dict[str, int]:
        """Number of type mismatches, by column."""
        return self._flat.odd if self._flat else self._nested.odd

    @property
    def undocumented(self) -> tuple[str, ...]:
        """Columns that Harvest does not document."""
        return tuple(self._added)

    def read(self, answer: Answer) -> Page | None:
        """Parse a page whose fields are all as documented into typed columns; called by the client's workers."""
        if self._flat is None or self._stream.data_key is None:
            return None
        parent = (self._stream.parent.key,) if self._stream.parent else ()
        ours = {"account_id", "snapshot_date", *self._stream.scope, *parent}
        return self._flat.read(answer, self._stream.data_key, ours)

    def rows(self, call: Call, page: Page, is_last: bool) -> Iterator[Any]:
        """Add a page, and yield the batches that are ready for dlt: none yet, or several pages at once."""
        injected = dict(call.injected)
        if self._stream.window == "day":
            # The first page's date counts: a snapshot that is read across midnight stays one snapshot.
            self._day = self._day or (page.date or datetime.now(UTC)).date()
            injected["snapshot_date"] = self._day
        if self._flat is None and not self._stream.scope:
            # Parsed records take several times the memory of Arrow rows, so they are not held back.
            yield from self._made(page, injected)
            return
        made = list(self._made(page, injected))
        if self._stream.scope:
            made = [*self._held.pop(call, []), *made]
            if not is_last:
                self._held[call] = made
                return
            if not made and self._can_delete:
                made = [self._nothing([injected])]
        self._ready += made
        if sum(map(len, self._ready)) >= _BATCH_ROWS:
            yield from self.rest()

    def forget(self, call: Call) -> None:
        """Drop the buffered rows of a call that is read again."""
        self._held.pop(call, None)

    def rest(self) -> Iterator[Any]:
        """Yield the remaining rows that are ready."""
        if self._ready:
            ready, self._ready = self._ready, []
            yield pa.concat_tables(ready, promote_options="default") if self._flat else list(chain.from_iterable(ready))

    def without_rows(self, scopes: Sequence[Injected]) -> None:
        """Delete the rows of these scopes without a request: they are known to have none in Harvest."""
        if scopes and self._can_delete:
            self._ready.append(self._nothing(scopes))

    def _made(self, page: Page, injected: Injected) -> Iterator[Any]:
        try:
            if not page.records:
                return
            if self._flat:
                yield self._flat.table(page, injected)
            else:
                yield from self._nested.portions(page, injected)
            return
        except RecursionError:
            what = f"A record of {self._table.name} is nested too deeply to be kept: Harvest sends nothing like that."
        raise ContractViolation(what)

    def table_with_children(self, *, is_new: bool) -> Iterator[Any]:
        """Yield items that make dlt create the table and its child tables, with all columns even if there are no rows.

        dlt creates a child table only when it sees a child row: it gets one, below a placeholder row marked as deleted.
        """
        # dlt's own marker for an empty table would add columns that the Arrow rows of a flat table lack.
        yield self._flat.empty() if self._flat else dlt.mark.materialize_table_schema()
        self._can_delete = _deletes_what_it_is_told(self._table.name)
        if is_new and self._can_delete and self._flat is None:
            names = (*self._stream.primary_key, *self._stream.scope)
            keys = {name: NOTHING[self._table.columns[name].data_type] for name in names}
            yield [{**keys, GONE: True, **_one_child_each(self._table)}]

    def _nothing(self, scopes: Sequence[Injected]) -> Any:
        """Placeholder rows, marked as deleted, that make dlt delete the rows of these scopes and store nothing."""
        keys = {name: NOTHING[self._table.columns[name].data_type] for name in self._stream.primary_key}
        rows = [{**keys, **scope, GONE: True} for scope in scopes]
        if self._flat is None:
            return rows
        fields = [
            pa.field(
                name, ARROW_TYPES[self._table.columns[name].data_type], nullable=name not in self._stream.primary_key
            )
            for name in rows[0]
            if name != GONE
        ]
        return pa.Table.from_pylist(rows, schema=pa.schema([*fields, pa.field(GONE, pa.bool_())]))


def _deletes_what_it_is_told(table_name: str) -> bool:
    """True if dlt merges by delete-insert: any other strategy would store the placeholder rows."""
    try:
        table = dlt.current.source_schema().tables.get(table_name, {})
    except ContextDefaultCannotBeCreated:
        # The rows are iterated without a pipeline.
        return False
    return table.get("write_disposition") == "merge" and table.get("x-merge-strategy") == "delete-insert"


def _one_child_each(table: Table) -> Record:
    children = {name: tables()[f"{table.name}__{name}"] for name in table.lists}
    return {
        name: [
            NOTHING[child.columns["value"].data_type]
            if "value" in child.columns
            else {**_nothings(child), **_one_child_each(child)}
        ]
        for name, child in children.items()
    }


def _nothings(table: Table) -> Record:
    return {name: NOTHING[column.data_type] for name, column in table.columns.items() if len(column.path) == 1}
