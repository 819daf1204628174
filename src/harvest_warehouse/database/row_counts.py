"""Count rows and distinct keys of a table: a duplicate key would hide a missing one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from harvest_time_tracking import Stream
from harvest_warehouse.database.connection import Database


class Held(NamedTuple):
    """Counts of a table: `rows`, with `keys` distinct keys."""

    rows: int
    keys: int

    @property
    def doubled(self) -> int:
        """Number of surplus rows: rows beyond one for each key."""
        return self.rows - self.keys


def held(
    database: Database,
    stream: Stream,
    account_id: str,
    condition: str = "",
    values: Mapping[str, object] | None = None,
) -> Held:
    """Count the rows of a stream's table, and their keys, in one query.

    Args:
        database: open on the account's tables; the stream's must be there.
        stream: whose rows.
        account_id: the account; others in the same table are left out.
        condition: which rows, in SQL; all if empty.
        values: for the names in `condition`.

    Raises:
        DltException: where the database cannot be read.
    """
    only = f" and {condition}" if condition else ""
    query = (
        f"select coalesce(sum(rows_of_key), 0), count(*) from (select count(*) as rows_of_key "
        f'from "{stream.table_name}" where account_id = :account_id{only} group by {_key(stream)}) as by_key'
    )
    [(rows, keys)] = database.rows(query, {"account_id": account_id, **(values or {})})
    return Held(int(rows), int(keys))


def doubled(stream: Stream) -> str:
    """SQL condition for rows of `:account_id` whose key occurs more than once."""
    many = f'select id from "{stream.table_name}" where account_id = :account_id group by {_key(stream)} having count(*) > 1'
    return f"id in ({many})"


def _key(stream: Stream) -> str:
    return ", ".join(f'"{name}"' for name in stream.primary_key)
