"""Create indexes for merges and the sweep, on destinations that need them (dlt itself creates none on these columns)."""

from __future__ import annotations

from collections.abc import Iterator

from harvest_time_tracking import STREAMS, Stream, tables
from harvest_warehouse.database.run import Run
from harvest_warehouse.database.system_tables import DELETIONS


def make_indexes(run: Run) -> None:
    """Create the missing indexes.

    Raises:
        DltException: the database refuses.
    """
    if not run.warehouse.kind.has_indexes:
        return
    with run.database() as database:
        there = database.tables()
        wanted = [(table, columns) for table, columns in dict.fromkeys(_wanted()) if table in there]
        database.run(
            [
                f'create index if not exists "{table}_by_{columns[-1].strip("_")}" on "{table}" ({", ".join(columns)})'
                for table, columns in wanted
                if set(columns) <= set(database.columns(table))
            ]
        )


def _wanted() -> Iterator[tuple[str, tuple[str, ...]]]:
    for stream in STREAMS.values():
        yield stream.table_name, stream.primary_key
        for by in _found_by(stream):
            yield stream.table_name, ("account_id", by)
        yield from _below(stream.table_name)
    yield DELETIONS.name, DELETIONS.key


def _found_by(stream: Stream) -> Iterator[str]:
    """Columns that the sweep and replacements filter by, unless the primary key's index covers them."""
    found = [stream.date_field] if stream.date_field else []
    found += [stream.parent.key] if stream.parent else []
    found += [stream.owner.column] if stream.owner else []
    yield from (column for column in dict.fromkeys(found) if column not in stream.primary_key[:2])


def _below(table: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for child in tables()[table].lists:
        name = f"{table}__{child}"
        yield name, ("_dlt_parent_id",)
        yield name, ("_dlt_root_id",)
        yield from _below(name)
