"""Record deletions in full-refresh tables (a person's rates, an invoice's payments), whose rows a load replaces.

One of two ways to record deletions; the other is `sweep/archive.py`, for lists that the sweep compares with Harvest. Here
the load itself removes the rows, so the table is copied before the load, and the copy is kept in the database until the
deletions are recorded; if the run is killed in between, the next one records them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from sqlglot import exp

from harvest_time_tracking import STREAMS, Stream
from harvest_warehouse.database import Database
from harvest_warehouse.database.system_tables import DELETIONS
from harvest_warehouse.sweep.archive import Finding, child_tables, deleting, recorded

BEFORE = "harvest_before__"
"""Prefix of the names of such copies."""


@dataclass(frozen=True)
class Noted:
    """Deletions recorded in full-refresh tables.

    Attributes:
        rows: number of deletions by stream.
        parents: ids of their parents, by parent stream: a deleted payment changes its invoice.
    """

    rows: dict[str, int] = field(default_factory=dict)
    parents: dict[str, set[int]] = field(default_factory=dict)


def replaced_streams() -> tuple[Stream, ...]:
    """Streams of full-refresh tables: those whose rows a load replaces by parent or as a whole."""
    return tuple(stream for stream in STREAMS.values() if stream.is_default and stream.scope and stream.data_key)


def remember(database: Database) -> None:
    """Copy the full-refresh tables before a load. A copy left by an earlier run is older, and is kept.

    Raises:
        DltException: the database refuses.
    """
    there = database.names()
    for stream in replaced_streams():
        if database.columns(stream.table_name) and not database.columns(f"{BEFORE}{stream.table_name}"):
            # The table itself comes last: if its copy exists, those of its child tables do.
            names = reversed([stream.table_name, *_below(database, stream.table_name, there)])
            database.run([f'create table if not exists "{BEFORE}{name}" as select * from "{name}"' for name in names])


def drop_orphans(database: Database, account_id: str, read: Collection[str]) -> None:
    """Delete orphan rows whose parent is no longer in a full-refresh table (a deleted person's rates).

    Such rows are never read again. Child rows of swept lists are moved by the sweep instead.

    Raises:
        DltException: the database refuses.
    """
    names = database.names()
    for stream in replaced_streams():
        parent = stream.parent and STREAMS[stream.parent.stream]
        if not stream.parent or parent not in replaced_streams() or not {stream.name, parent.name} <= set(read):
            continue
        if database.columns(stream.table_name) and database.columns(parent.table_name):
            there = f'select id from "{parent.table_name}" where account_id = :account_id'
            is_orphan = f'account_id = :account_id and "{stream.parent.key}" not in ({there})'
            database.run(list(deleting(database, stream.table_name, is_orphan, names)), {"account_id": account_id})


def note_replaced(database: Database, finding: Finding) -> Noted:
    """Record in `harvest_deletions` the rows that are in the copies but no longer in the tables, and drop the copies.

    Deletions in swept lists are recorded by `moving` (`sweep/archive.py`) instead. Copies left by a killed run may be of
    another account, or of a stream that this run could not read.

    Args:
        database: connection to the account's tables.
        finding: account, time and run of the finding.

    Returns:
        Deletions recorded for the account of `finding`.

    Raises:
        DltException: the database refuses.
    """
    noted, names = Noted(), database.names()
    for stream in replaced_streams():
        copy = f"{BEFORE}{stream.table_name}"
        if not database.columns(copy):
            continue
        statements: list[exp.Expr] = []
        for account_id, rows in _gone(database, stream):
            theirs = replace(finding, account_id=account_id)
            statements += recorded(database, stream, BEFORE, _is_gone(stream), {}, theirs)
            if account_id == finding.account_id:
                noted.rows[stream.name] = rows
                if stream.parent:
                    noted.parents.setdefault(stream.parent.stream, set()).update(_parents(database, stream, account_id))
        drops = [f'drop table if exists "{name}"' for name in (copy, *_below(database, copy, names))]
        database.run([*statements, *drops])
    return noted


def _gone(database: Database, stream: Stream) -> list[tuple[str, int]]:
    """Count the deleted rows by account; none without the table `harvest_deletions`."""
    if not database.columns(DELETIONS.name):
        return []
    query = (
        f'select account_id, count(*) from "{BEFORE}{stream.table_name}" where {_is_gone(stream)} group by account_id'
    )
    return [(str(account_id), int(rows)) for account_id, rows in database.rows(query)]


def _parents(database: Database, stream: Stream, account_id: str) -> set[int]:
    key = f'"{stream.parent.key}"' if stream.parent else "null"
    query = f'select distinct {key} from "{BEFORE}{stream.table_name}" where account_id = :account_id and {_is_gone(stream)}'
    return {row[0] for row in database.rows(query, {"account_id": account_id})}


def _is_gone(stream: Stream) -> str:
    copy = f"{BEFORE}{stream.table_name}"
    same = " and ".join(f'now."{name}" = "{copy}"."{name}"' for name in stream.primary_key)
    return f'not exists (select 1 from "{stream.table_name}" as now where {same})'


def _below(database: Database, table_name: str, names: Collection[str]) -> list[str]:
    """Names of a table's child tables among `names`, at all levels."""
    found = []
    for name in child_tables(database, table_name, names):
        found += [name, *_below(database, name, names)]
    return found
