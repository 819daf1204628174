"""The filters by which Harvest brings rows once more that are here: for few requests, by what is known of them here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from harvest_time_tracking import Stream
from harvest_time_tracking.sizes import PER_PAGE
from harvest_warehouse.database.connection import Database

Filters = list[dict[str, object]]
"""Harvest's filters (`{"from": "2024-01-01", "to": "2024-01-31"}`, `{"project_id": 7}`); an empty one stands for the whole list."""

FiltersByStream = dict[str, Filters]
"""Filters to read again by, found stream by stream."""

RereadFilters = Mapping[str, Sequence[Mapping[str, object]]]
"""The same, for those who only read them: for a stream, the filters whose rows are read in full besides what changed."""


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

    A list without dates is read whole. An empty filter stands for the whole list.

    Args:
        database: open on the account's tables; the stream's must be there.
        stream: the list.
        account_id: the account.
        condition: which rows, in SQL; `:account_id` in it is the account.
        values: for the other names in `condition`.
        rows_of_a_page: how many rows Harvest gives for a request.

    Raises:
        DltException: where the database cannot be read.
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
        # What has no day is in no window.
        return [{stream.owner.filter: row[0]} for row in sorted(found)] if stream.owner and is_owned else [{}]
    first, last = min(row[1] for row in found), max(row[2] for row in found)
    between = f"select count(*) {of} and {day} between :first and :last"
    [(rows,)] = database.rows(between, {"account_id": account_id, "first": first, "last": last})
    if stream.owner and is_owned and len(found) < ceil(rows / rows_of_a_page):
        return [
            {stream.owner.filter: row[0], "from": row[1].isoformat(), "to": row[2].isoformat()} for row in sorted(found)
        ]
    return [{"from": first.isoformat(), "to": last.isoformat()}]
