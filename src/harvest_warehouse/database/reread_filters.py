"""Re-read filters: Harvest's query filters that select rows to read again, chosen from local rows to need few requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from harvest_time_tracking import Stream
from harvest_time_tracking.sizes import PER_PAGE
from harvest_warehouse.database.connection import Database

Filters = list[dict[str, object]]
"""Harvest's query filters (`{"from": "2024-01-01", "to": "2024-01-31"}`, `{"project_id": 7}`); `{}` matches the whole list."""

FiltersByStream = dict[str, Filters]
"""Re-read filters by stream."""

RereadFilters = Mapping[str, Sequence[Mapping[str, object]]]
"""Re-read filters by stream, read-only: matching rows are read in full, in addition to changes."""


def filters_of(
    database: Database,
    stream: Stream,
    account_id: str,
    condition: str,
    values: Mapping[str, object] | None = None,
    *,
    rows_of_a_page: int = PER_PAGE,
) -> Filters:
    """Filters for the rows of a list that meet a condition: by days, or by owner and days; none if no row does.

    A list without dates is read by owner, or else as a whole (the empty filter).

    Args:
        database: connection to the account's tables; the stream's must exist.
        stream: the list.
        account_id: the account.
        condition: SQL condition on the rows; may use `:account_id`.
        values: values for the other names in `condition`.
        rows_of_a_page: Harvest's page size.

    Raises:
        DltException: the database cannot be read.
    """
    of = f'from "{stream.table_name}" where account_id = :account_id'
    day = f'"{stream.date_field}"' if stream.date_field else "cast(null as date)"
    owner = f'"{stream.owner.column}"' if stream.owner else "cast(null as bigint)"
    query = f"select {owner}, min({day}), max({day}), count(*) - count({day}) {of} and ({condition}) group by 1"
    found = database.rows(query, {"account_id": account_id, **(values or {})})
    if not found:
        return []
    is_owned = stream.owner is not None and all(row[0] is not None for row in found)
    if any(undated for *_, undated in found):
        # A filter by days does not match rows without a date.
        return [{stream.owner.filter: row[0]} for row in sorted(found)] if stream.owner and is_owned else [{}]
    first, last = min(row[1] for row in found), max(row[2] for row in found)
    between = f"select count(*) {of} and {day} between :first and :last"
    [(rows,)] = database.rows(between, {"account_id": account_id, "first": first, "last": last})
    if stream.owner and is_owned and len(found) < ceil(rows / rows_of_a_page):
        return [
            {stream.owner.filter: row[0], "from": row[1].isoformat(), "to": row[2].isoformat()} for row in sorted(found)
        ]
    return [{"from": first.isoformat(), "to": last.isoformat()}]
