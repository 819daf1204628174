"""Compare another product's copy of an account with ours, row by row and value by value."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from dlt.common.exceptions import DltException
from dlt.common.utils import chunks
from sqlglot import exp

from harvest_time_tracking import STREAMS, HarvestError, SettingWrong, printable
from harvest_warehouse.database import Database, open_database
from harvest_warehouse.database.read_only import reading
from harvest_warehouse.database.system_tables import DELETIONS
from harvest_warehouse.messages.steps import say_nothing
from harvest_warehouse.peers.accounts import chosen_account
from harvest_warehouse.peers.layouts import Layout, PeerTable, layout
from harvest_warehouse.peers.movement import Movement
from harvest_warehouse.peers.report import CompareReport, Difference, TableDifference
from harvest_warehouse.peers.select import peer_query, raw_columns
from harvest_warehouse.peers.sides import Key, Side, Standing, compared_columns, same
from harvest_warehouse.warehouse import Target

_SAMPLES = 5
_AT_ONCE = 2_000


class CompareFailed(HarvestError):
    """The old copy could not be compared."""


def compare(
    warehouse: Target,
    like: str,
    schema: str,
    *,
    account_id: str = "",
    there: Target | None = None,
    on_difference: Callable[[Difference], None] | None = None,
    on_step: Callable[[str], None] = say_nothing,
) -> CompareReport:
    """Compare another product's copy with ours, table by table.

    Args:
        warehouse: target with Harvest's tables.
        like: name of the layout.
        schema: database schema with the old copy.
        account_id: account that is compared; the only one if empty.
        there: database of the old copy; None if it is in the same.
        on_difference: called with each row that differs, in no particular order of tables.
        on_step: called with a short text when a step begins.

    Raises:
        SettingWrong: no such layout or account, nothing was loaded, or the schema has none of the layout's tables.
        NotReadable: our database cannot be opened.
        CompareFailed: a table of the old copy cannot be read.
    """
    began, wanted = time.monotonic(), layout(like)
    with ExitStack() as stack:
        here = stack.enter_context(reading(warehouse, use="comparing"))
        place, theirs = warehouse.place, here.beside(schema)
        if there is not None and there != warehouse:
            place = there.place
            try:
                theirs = stack.enter_context(open_database(there, "comparing")).beside(schema)
            except DltException as error:
                raise CompareFailed(f"{place} cannot be opened: {printable(str(error))}") from error
        comparing = _Comparing(
            here, theirs, wanted, chosen_account(here, account_id), on_difference or (lambda _: None)
        )
        found = tuple(comparing.tables(f"{schema} in {place}", on_step))
    seconds = round(time.monotonic() - began, 3)
    return CompareReport(
        like,
        wanted.product,
        comparing.account_id,
        warehouse.place,
        f"{place}, schema {schema}",
        found,
        comparing.movement.moved(),
        seconds,
    )


@dataclass(frozen=True)
class _Row:
    """Row as it is on both sides; None where it is not."""

    key: Key
    there: dict[str, Any] | None
    here: dict[str, Any] | None


class _Comparing:
    """State of one comparison in progress."""

    def __init__(
        self,
        here: Database,
        theirs: Database,
        wanted: Layout,
        account_id: str,
        on_difference: Callable[[Difference], None],
    ) -> None:
        self._here = here
        self._theirs = theirs
        self._layout = wanted
        self._raw = raw_columns(here)
        self._has_deletions = bool(here.columns(DELETIONS.name))
        self._on_difference = on_difference
        self.account_id = account_id
        self.movement = Movement(here, account_id)

    def tables(self, schema: str, on_step: Callable[[str], None]) -> Iterator[TableDifference]:
        """Compare all tables."""
        names = {name.lower(): name for name in self._theirs.marts_tables()}
        if not names.keys() & self._layout.tables.keys():
            raise SettingWrong(
                f"The schema {schema} has none of {self._layout.product}'s tables: --with takes the schema that the old "
                "copy is in."
            )
        for table in self._layout.tables.values():
            on_step(f"comparing {table.name}")
            try:
                yield self._table(table, names.get(table.name))
            except DltException as error:
                raise CompareFailed(
                    f"{table.name} of the old copy cannot be compared: {printable(str(error))}"
                ) from error

    def _table(self, table: PeerTable, name: str | None) -> TableDifference:
        found = TableDifference(table.name)
        if name is None:
            found.not_compared = "the old copy does not have it"
        elif not self._raw[table.base]:
            found.not_compared = "its stream was not loaded here"
        elif table.base.startswith("report_"):
            found.not_compared = "its rows are of other periods; the time entries and expenses behind it are compared"
        if found.not_compared:
            return found
        columns = {column.lower() for column in self._theirs.columns(str(name), "marts")}
        shared = tuple(column for column in compared_columns(table) if column.name in columns)
        found.missing_columns = tuple(column.name for column in compared_columns(table) if column.name not in columns)
        key = tuple(column for column in shared if column.name in table.key)
        if len(key) < len(table.key):
            found.not_compared = f"the old copy lacks its key ({', '.join(table.key)})"
            return found
        rows = exp.select("*").from_(exp.table_(str(name), db="marts", quoted=True))
        theirs = Side(self._theirs, rows, key, shared)
        ours = Side(self._here, peer_query(self._layout, table, self.account_id, self._here, self._raw), key, shared)
        standing = Standing(theirs)
        found.superseded = standing.repeated
        if found.superseded:
            newest = [one for one in (*self._layout.newest, "updated_at") if one in columns]
            for earlier in theirs.versions(newest, is_newest=False).all_rows():
                self.movement.add(table, earlier, None)
            theirs = theirs.versions(newest, is_newest=True)
            standing = Standing(theirs)
        for some in chunks(list(_differing(standing, ours, found)), _AT_ONCE):
            for row in self._whole(theirs, ours, some):
                self._judge(table, row, shared, found)
        return found

    @staticmethod
    def _whole(theirs: Side, ours: Side, keys: Sequence[Key]) -> Iterator[_Row]:
        there, here = theirs.whole(keys), ours.whole(keys)
        for key in keys:
            yield _Row(key, there.get(key), here.get(key))

    def _judge(self, table: PeerTable, row: _Row, shared: Sequence[Any], found: TableDifference) -> None:
        """Count a row that may differ, and tell of it if it does."""
        if row.there is not None and row.here is not None:
            values = {
                column.name: (row.there[column.name], row.here[column.name])
                for column in shared
                if not same(row.there[column.name], row.here[column.name], table.other_type(column) or column.kind)
            }
            if not values:
                return
            found.differing += 1
            found.columns.update(values.keys())
            told = Difference(table.name, row.key, "differs", values)
        elif row.there is not None:
            found.only_there += 1
            deleted_at = self._deleted_at(table, row.there)
            found.deleted += deleted_at is not None
            told = Difference(table.name, row.key, "only_there", deleted_at=deleted_at, row=row.there)
        elif table.more:
            found.more_here += 1
            return
        else:
            found.only_here += 1
            told = Difference(table.name, row.key, "only_here")
        self.movement.add(table, row.there, row.here)
        if sum(sample.what == told.what for sample in found.samples) < _SAMPLES:
            found.samples.append(told)
        self._on_difference(told)

    def _deleted_at(self, table: PeerTable, row: dict[str, Any]) -> str | None:
        """When it was found that Harvest had deleted a row, or the row that it was part of."""
        sources = {column.source: row.get(column.name) for column in table.columns}
        name, key = table.base, [sources.get(column) for column in stream_key(table.base)]
        if table.parent and "parent.id" in sources:
            name, key = table.parent, [sources["parent.id"]]
        if not self._has_deletions or not key or None in key:
            return None
        rows = self._here.rows(
            f"select found_at from {DELETIONS.name} where account_id = :account_id and table_name = :name and row_key = :key",
            {"account_id": self.account_id, "name": name, "key": "/".join(map(str, key))},
        )
        return rows[0][0].isoformat() if rows else None


def stream_key(base: str) -> tuple[str, ...]:
    """Columns of the key in `harvest_deletions` of rows of a table; none for child tables."""
    stream = next((one for one in STREAMS.values() if one.table_name == base), None)
    return tuple(column for column in stream.primary_key if column != "account_id") if stream else ()


def _differing(theirs: Standing, ours: Side, found: TableDifference) -> Iterator[Key]:
    """Keys whose rows may differ: merge both sides, which come in one order."""
    at, last, place_of = 0, len(theirs), ours.place_of
    found.rows_there = last
    for key, digest in ours.digests():
        found.rows_here += 1
        if at < last and theirs.key(at) != key:
            place = place_of(key)
            while at < last and place_of(theirs.key(at)) < place:
                yield theirs.key(at)
                at += 1
        is_there = at < last and theirs.key(at) == key
        if not (is_there and theirs.digest(at) == digest):
            yield key
        at += is_there
    yield from map(theirs.key, range(at, last))
