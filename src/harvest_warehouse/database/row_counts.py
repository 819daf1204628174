"""Count rows and distinct keys of a table: in the number of rows alone, a duplicate would offset a missing row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from harvest_time_tracking import Stream
from harvest_warehouse.database.connection import Database


class Held(NamedTuple):
    """Row counts of a table: `rows` in all, with `keys` distinct keys."""

    rows: int
    keys: int

    @property
    def doubled(self) -> int:
        """Number of duplicate rows, beyond one per key."""
        return self.rows - self.keys


def held(
    database: Database,
    stream: Stream,
    account_id: str,
    condition: str = "",
    values: Mapping[str, object] | None = None,
) -> Held:
    """Count the rows of a stream's table, and their distinct keys, in one query.

    Args:
        database: connection to the account's tables; the stream's must exist.
        stream: the stream.
        account_id: the account; rows of other accounts are excluded.
        condition: SQL condition on the rows; all rows if empty.
        values: values for the names in `condition`.

    Raises:
        DltException: the database cannot be read.
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
