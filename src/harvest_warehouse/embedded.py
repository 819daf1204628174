"""Copies follow their originals: what Harvest embeds in a record (`client__name`) changes without a trace in the record."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date

from harvest_time_tracking import STREAMS, Embedded, Stream
from harvest_warehouse.database import Database
from harvest_warehouse.deletions import DELETIONS
from harvest_warehouse.filters import Filters, filters_of


def follow_embedded(database: Database, account_id: str, read: Collection[str]) -> None:
    """Bring the embedded copies up to date with the rows they are copies of, by SQL alone.

    Args:
        database: open on the account's tables.
        account_id: the account; others in the same tables are left alone.
        read: the streams that were read completely in this run. Only their rows are newer than the copies.

    Raises:
        DltException: where the database refuses.
    """
    statements = [
        statement
        for stream in STREAMS.values()
        for copy in stream.embeds
        if copy.fields and copy.stream in read
        for statement in _statements(database, stream, copy)
    ]
    if statements:
        database.run(statements, {"account_id": account_id})


def dangling(
    database: Database,
    account_id: str,
    read: Collection[str],
    known: Mapping[str, Collection[int]],
    start_date: date | None = None,
) -> dict[str, Filters]:
    """By which filters Harvest brings the rows that hold a copy of a record that is gone.

    What else of a row went with the record, Harvest alone knows: time of a deleted invoice can be invoiced again.

    Args:
        database: open on the account's tables.
        account_id: the account.
        read: the lists that were read completely.
        known: the streams whose rows are Harvest's, and for each what came since: only there, what is not here is gone.
        start_date: the first day that is read at all: what is older may be missing though it is there.

    Raises:
        DltException: where the database cannot be read.
    """
    found = {}
    for stream in (STREAMS[name] for name in read):
        conditions = [
            condition
            for copy in stream.embeds
            # What has an owner goes with it; a copy that is found by its place follows what is there.
            if copy.stream in known and not copy.on and not (stream.owner and stream.owner.stream == copy.stream)
            for condition in _gone(database, stream, copy, known[copy.stream], account_id, start_date)
        ]
        if conditions and (filters := filters_of(database, stream, account_id, " or ".join(conditions))):
            found[stream.name] = filters
    return found


def _gone(
    database: Database,
    stream: Stream,
    copy: Embedded,
    newer: Collection[int],
    account_id: str,
    start_date: date | None,
) -> Iterator[str]:
    """That a row holds a copy of a record that is not here, and did not come since."""
    table, link, original = copy.table_of(stream.table_name), f'"{copy.prefix}id"', STREAMS[copy.stream]
    if link.strip('"') not in database.columns(table) or not database.columns(original.table_name):
        return
    mine = f"account_id = '{account_id}'"
    # A null is not in an empty list.
    gone = f'{link} is not null and {link} not in (select id from "{original.table_name}" where {mine})'
    if newer:
        gone += f" and {link} not in ({', '.join(map(str, sorted(newer)))})"
    if original.date_field and start_date:
        noted = f"select row_key from {DELETIONS.name} where {mine} and table_name = '{original.table_name}'"
        gone += f" and cast({link} as varchar) in ({noted})"
    if table == stream.table_name:
        yield f"({gone})"
    else:
        yield f'_dlt_id in (select _dlt_parent_id from "{table}" where {mine} and {gone})'


def _statements(database: Database, stream: Stream, copy: Embedded) -> Iterator[str]:
    table = copy.table_of(stream.table_name)
    here, there = database.columns(table), database.columns(STREAMS[copy.stream].table_name)
    if not here or not there:
        return
    values = {f"{copy.prefix}{name}": _value(columns) for name, columns in copy.fields.items()}
    if copy.only_known:
        values = {name: f'coalesce({value}, mine."{name}")' for name, value in values.items()}
    joined = " and ".join(f'mine."{own}" = theirs."{other}"' for own, other in copy.keys)
    differs = " or ".join(f'mine."{name}" is distinct from {value}' for name, value in values.items())
    only = f'and mine."{copy.prefix}{copy.only_where[0]}" = {copy.only_where[1]}' if copy.only_where else ""
    assigned = ", ".join(f'"{name}" = {value}' for name, value in values.items())
    yield (
        f'update "{table}" as mine set {assigned} from "{STREAMS[copy.stream].table_name}" as theirs '
        f"where mine.account_id = :account_id and theirs.account_id = :account_id and {joined} and ({differs}) {only}"
    )


def _value(columns: tuple[str, ...]) -> str:
    if len(columns) == 1:
        return f'theirs."{columns[0]}"'
    return "trim(" + " || ' ' || ".join(f"coalesce(theirs.\"{name}\", '')" for name in columns) + ")"
