"""Move rows that were deleted in Harvest to the table `harvest_deletions`, with their last content.

One of two ways to record deletions: this one is for lists that the sweep compares with Harvest, `sweep/replaced_tables.py`
for full-refresh tables, whose rows a load replaces.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dlt.common.json import json
from dlt.common.utils import chunks, uniq_id
from sqlglot import exp

from harvest_time_tracking import STREAMS, Stream
from harvest_warehouse.database import Database
from harvest_warehouse.database.system_tables import DELETIONS
from harvest_warehouse.destinations.insert_statements import insertions
from harvest_warehouse.destinations.statements import bound


@dataclass(frozen=True)
class Finding:
    """Account, time and run of a deletion that was found."""

    account_id: str
    found_at: datetime
    run_id: str


def moving(
    database: Database, stream: Stream, ids: Collection[int], finding: Finding, because_of: str = ""
) -> Iterator[exp.Expr]:
    """Statements that move rows of a swept list, and the rows of their child streams, to `harvest_deletions`.

    Deletions in full-refresh tables are recorded by `note_replaced` (`sweep/replaced_tables.py`) instead.

    Args:
        database: connection to the account's tables.
        stream: the list.
        ids: ids of the deleted rows.
        finding: account, time and run of the finding.
        because_of: record that they were deleted with (`projects/17`); `{column}` is replaced by a value of the row.
    """
    for some in chunks(sorted(ids), _ROWS_AT_ONCE):
        values = {"account_id": finding.account_id, "ids": list(some)}
        yield from (bound(statement, values) for statement in _unlinking(database, stream))
        for other in STREAMS.values():
            if other.parent and other.parent.stream == stream.name and database.columns(other.table_name):
                key = other.parent.key
                yield from _moved(database, other, f'"{key}" in (:ids)', values, finding, f"{stream.name}/{{{key}}}")
            if other.mirrors and other.mirrors.stream == stream.name and database.columns(other.table_name):
                yield from _moved(database, other, "id in (:ids)", values, finding, f"{stream.name}/{{id}}")
        yield from _moved(database, stream, "id in (:ids)", values, finding, because_of)


def strays(database: Database, stream: Stream, account_id: str) -> set[int]:
    """Parent ids of orphan rows in child streams: ids missing from the list, of records created and deleted between two runs."""
    found: set[int] = set()
    for other in STREAMS.values():
        if not other.parent or other.parent.stream != stream.name or not database.columns(other.table_name):
            continue
        key = other.parent.key
        there = f'select id from "{stream.table_name}" where account_id = :account_id'
        query = f'select distinct "{key}" from "{other.table_name}" where account_id = :account_id and "{key}" not in ({there})'
        found.update(row[0] for row in database.rows(query, {"account_id": account_id}))
    return found


def recorded(
    database: Database,
    stream: Stream,
    prefix: str,
    condition: str,
    values: Mapping[str, object],
    finding: Finding,
    because_of: str = "",
) -> Iterator[exp.Expr]:
    """Statements that record rows in `harvest_deletions`, with their content as JSON.

    Used by both ways to record deletions: `moving` here, and `note_replaced` in `sweep/replaced_tables.py`.

    Args:
        database: connection to the account's tables.
        stream: stream of the rows.
        prefix: prefix of the names of the tables that still have the rows.
        condition: SQL condition on the account's rows.
        values: values for the names in `condition`.
        finding: account, time and run of the finding.
        because_of: record that they were deleted with; `{column}` is replaced by a value of the row.
    """
    names = database.columns(f"{prefix}{stream.table_name}")
    query = f'select * from "{prefix}{stream.table_name}" where account_id = :account_id and {condition}'
    rows = [
        dict(zip(names, row, strict=True)) for row in database.rows(query, {**values, "account_id": finding.account_id})
    ]
    children = _Children(database, stream.table_name, prefix, rows)
    made = []
    for row in rows:
        row_key = "/".join(str(row[name]) for name in stream.primary_key if name != "account_id")
        made.append(
            {
                "account_id": finding.account_id,
                "table_name": stream.table_name,
                "row_key": row_key,
                "content": json.dumps(children.content(row)),
                "because_of": because_of.format_map(row) or None,
                "found_at": finding.found_at,
                "run_id": finding.run_id,
                "_dlt_load_id": finding.run_id,
                "_dlt_id": uniq_id(),
            }
        )
    for some in chunks(made, _ROWS_AT_ONCE):
        yield bound(
            f"delete from {DELETIONS.name} "
            "where account_id = :account_id and table_name = :table_name and row_key in (:row_keys)",
            {
                "account_id": finding.account_id,
                "table_name": stream.table_name,
                "row_keys": [row["row_key"] for row in some],
            },
        )
        yield from insertions(DELETIONS.name, some)


def _moved(
    database: Database,
    stream: Stream,
    condition: str,
    values: Mapping[str, object],
    finding: Finding,
    because_of: str = "",
) -> Iterator[exp.Expr]:
    yield from recorded(database, stream, "", condition, values, finding, because_of)
    gone = deleting(database, stream.table_name, f"account_id = :account_id and {condition}", database.names())
    yield from (bound(statement, values) for statement in gone)


def child_tables(database: Database, table_name: str, names: Collection[str]) -> list[str]:
    """Names of a table's child tables among `names`, those of undocumented lists included, but not theirs."""
    below = [name for name in names if name.startswith(f"{table_name}__")]
    direct = [name for name in below if not any(name.startswith(f"{other}__") for other in below)]
    # Somebody else's table may have such a name.
    return [name for name in direct if "_dlt_parent_id" in database.columns(name)]


def deleting(database: Database, table_name: str, condition: str, names: Collection[str]) -> Iterator[str]:
    """Statements that delete rows of a table and their rows in its child tables.

    Args:
        database: connection to the account's tables.
        table_name: the table.
        condition: SQL condition on its rows; its values go with the statements.
        names: names of all tables (`Database.names`).
    """
    for name in child_tables(database, table_name, names):
        is_below = f'_dlt_parent_id in (select _dlt_id from "{table_name}" where {condition})'
        yield from deleting(database, name, is_below, names)
    yield f'delete from "{table_name}" where {condition}'


def _unlinking(database: Database, stream: Stream) -> Iterator[str]:
    """Statements that empty denormalised copies of the deleted `:ids` that are joined by columns other than the id.

    Copies joined by id stay until their record is read again: only Harvest knows what else changed in it.
    """
    for other in STREAMS.values():
        for copy in other.embeds:
            table = copy.table_of(other.table_name)
            # Rows owned by the record are deleted with it, and rows of child streams are replaced when they are next read.
            is_owned = other.owner is not None and other.owner.stream == stream.name
            if copy.stream != stream.name or not copy.on or other.parent or is_owned:
                continue
            held = [name for name in database.columns(table) if name.startswith(copy.prefix)]
            if not held or not database.columns(stream.table_name):
                continue
            emptied = ", ".join(f'"{name}" = null' for name in held)
            joined = " and ".join(f'"{table}"."{own}" = theirs."{column}"' for own, column in copy.keys)
            found = f'select 1 from "{stream.table_name}" as theirs where theirs.account_id = :account_id and {joined}'
            yield (
                f'update "{table}" set {emptied} where account_id = :account_id '
                f"and exists ({found} and theirs.id in (:ids)) and not exists ({found} and theirs.id not in (:ids))"
            )


class _Children:
    """Rows of child tables, grouped by parent row."""

    def __init__(self, database: Database, table_name: str, prefix: str, rows: Sequence[Mapping[str, Any]]) -> None:
        self._lists: dict[str, _Children] = {}
        self._rows: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
        parents = [str(row["_dlt_id"]) for row in rows if "_dlt_id" in row]
        for name in child_tables(database, f"{prefix}{table_name}", database.names()) if parents else ():
            child, columns = name.removeprefix(f"{prefix}{table_name}__"), database.columns(name)
            found = [
                dict(zip(columns, row, strict=True))
                for some in chunks(parents, _ROWS_AT_ONCE)
                for row in database.rows(
                    f'select * from "{name}" where _dlt_parent_id in (:parents) order by _dlt_list_idx',
                    {"parents": list(some)},
                )
            ]
            self._lists[child] = _Children(database, name.removeprefix(prefix), prefix, found)
            by_parent = self._rows.setdefault(child, {})
            for row in found:
                by_parent.setdefault(str(row["_dlt_parent_id"]), []).append(row)

    def content(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Content of a row without empty columns and those of dlt, with its child rows as lists."""
        kept = {name: value for name, value in row.items() if value is not None and not name.startswith("_dlt_")}
        for child, below in self._lists.items():
            kept[child] = [below.content(found) for found in self._rows[child].get(str(row["_dlt_id"]), [])]
        return kept


_ROWS_AT_ONCE = 500
