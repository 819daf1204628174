"""Update denormalised copies (`client__name`), which change in Harvest without a new `updated_at` of their record."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from harvest_time_tracking import STREAMS, ColumnPolicy, Embedded, Stream
from harvest_time_tracking.column_policy import KEEP_ALL
from harvest_warehouse.database import Database


def follow_embedded(
    database: Database, account_id: str, read: Collection[str], columns: ColumnPolicy = KEEP_ALL
) -> None:
    """Update denormalised copies from their original rows, in SQL, without requests.

    Args:
        database: connection to the account's tables.
        account_id: the account; rows of other accounts are left unchanged.
        read: streams that were read completely in this run: only their rows are known to be newer than the copies.
        columns: columns to leave empty.

    Raises:
        DltException: the database refuses.
    """
    statements = [
        statement
        for stream in STREAMS.values()
        for copy in stream.embeds
        if copy.fields and copy.stream in read
        for statement in _statements(database, stream, copy, columns)
    ]
    if statements:
        database.run(statements, {"account_id": account_id})


def _statements(database: Database, stream: Stream, copy: Embedded, policy: ColumnPolicy) -> Iterator[str]:
    table = copy.table_of(stream.table_name)
    here, there = database.columns(table), database.columns(STREAMS[copy.stream].table_name)
    if not here or not there:
        return
    values = {f"{copy.prefix}{name}": _value(columns) for name, columns in copy.fields.items()}
    values = {name: value for name, value in values.items() if name not in policy.excluded(table)}
    if not values:
        return
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
