"""Find dangling references: rows that still hold a copy of a deleted record, and must be read again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date

from harvest_time_tracking import STREAMS, Embedded, Stream
from harvest_warehouse.database import Database
from harvest_warehouse.database.reread_filters import FiltersByStream, filters_of
from harvest_warehouse.database.system_tables import DELETIONS


def dangling(
    database: Database,
    account_id: str,
    read: Collection[str],
    known: Mapping[str, Collection[int]],
    start_date: date | None = None,
    *,
    sees_all: bool = False,
) -> FiltersByStream:
    """Re-read filters for rows with dangling references: rows that hold a copy of a deleted record.

    Only Harvest knows what else changed in such a row: time on a deleted invoice becomes uninvoiced again.

    Args:
        database: connection to the account's tables.
        account_id: the account.
        read: lists that were read completely.
        known: streams whose rows were found equal to Harvest's, each with the ids of records created or changed since; only in
            these, a missing record is a deleted one.
        start_date: first day that is loaded: older records are missing without being deleted.
        sees_all: whether the token sees every assignment. Others see assignments in their own time that no list shows them.

    Raises:
        DltException: the database cannot be read.
    """
    values: dict[str, object] = {_newer(name): sorted(ids) for name, ids in known.items()}
    values |= {_table(name): STREAMS[name].table_name for name in known}
    found = {}
    for stream in (STREAMS[name] for name in read):
        conditions = [
            condition
            for copy in stream.embeds
            # Rows are deleted with their owner.
            if copy.stream in known
            and _is_checked(copy, sees_all)
            and not (stream.owner and stream.owner.stream == copy.stream)
            for condition in _gone(database, stream, copy, known[copy.stream], start_date)
        ]
        if conditions and (filters := filters_of(database, stream, account_id, " or ".join(conditions), values)):
            found[stream.name] = filters
    return found


def _is_checked(copy: Embedded, sees_all: bool) -> bool:
    """True if a copy whose original is missing is stale; assignments may be deleted before their list was ever read."""
    return not copy.on or (sees_all and copy.fields.get("id") == ("id",))


def _gone(
    database: Database,
    stream: Stream,
    copy: Embedded,
    newer: Collection[int],
    start_date: date | None,
) -> Iterator[str]:
    """SQL conditions for rows of `:account_id` that hold a copy of a record that is missing here and was not created since."""
    table, link, original = copy.table_of(stream.table_name), f'"{copy.prefix}id"', STREAMS[copy.stream]
    if link.strip('"') not in database.columns(table) or not database.columns(original.table_name):
        return
    mine = "account_id = :account_id"
    # `null not in (empty list)` is true, so nulls are excluded explicitly.
    gone = f'{link} is not null and {link} not in (select id from "{original.table_name}" where {mine})'
    if newer:
        gone += f" and {link} not in (:{_newer(copy.stream)})"
    if original.date_field and start_date:
        noted = f"select row_key from {DELETIONS.name} where {mine} and table_name = :{_table(copy.stream)}"
        gone += f" and cast({link} as varchar) in ({noted})"
    if table == stream.table_name:
        yield f"({gone})"
    else:
        yield f'_dlt_id in (select _dlt_parent_id from "{table}" where {mine} and {gone})'


def _newer(stream: str) -> str:
    """Name of the value with the ids of newer records."""
    return f"newer_{stream}"


def _table(stream: str) -> str:
    """Name of the value with the table's name, as in `harvest_deletions`."""
    return f"table_{stream}"
