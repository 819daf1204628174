"""Detect concurrent changes: rows that change in Harvest during a comparison, or changed since the last load."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from harvest_time_tracking import STREAMS, Client
from harvest_time_tracking.errors import Forbidden
from harvest_time_tracking.reading.stream_state import instant
from harvest_warehouse.database import Database
from harvest_warehouse.verify.comparison import Touched

# Fields of a row with the subjects of reports.
_SUBJECTS = {
    "time_entries": ("project", "user", "task"),
    "expenses": ("project", "user", "expense_category"),
}
# Further changes are left to the next load.
_MOST_PAGES = 50

Changes = Mapping[str, Sequence[Mapping[str, Any]]]


def changed_since(client: Client, loaded: Mapping[str, datetime]) -> int:
    """Count the time entries and expenses that changed in Harvest since their last load began.

    Args:
        client: HTTP client.
        loaded: cursors of the streams (`pipeline_state.loaded_since`).
    """
    # `updated_since` may be inclusive: changes within the cursor's second were read by the load.
    return sum(
        _count(client, stream, loaded[stream] + timedelta(seconds=1)) for stream in _SUBJECTS if stream in loaded
    )


def changes_since(client: Client, began_at: datetime, loaded: Mapping[str, datetime]) -> Changes:
    """Fetch time entries and expenses that changed in Harvest since a comparison began and are not loaded, by stream.

    Args:
        client: HTTP client.
        began_at: start of the comparison, by Harvest's clock.
        loaded: cursors of the streams, as in `changed_since`: another run may have loaded meanwhile.
    """
    found = {}
    for stream in _SUBJECTS:
        # `updated_since` may be inclusive: changes within the first second count as earlier ones.
        since = max(began_at, loaded.get(stream, began_at)) + timedelta(seconds=1)
        found[stream] = _records(client, stream, since)
    return found


def touched_by(changes: Changes, database: Database, account_id: str) -> tuple[Touched, ...]:
    """Days and subjects of changed rows, as changed and as loaded."""
    found: list[Touched] = []
    for stream, records in changes.items():
        if records and database.columns(stream):
            found += [_touched(record, _SUBJECTS[stream]) for record in records if record.get("spent_date")]
            found += _as_loaded(database, account_id, stream, [record["id"] for record in records])
    return tuple(found)


def _count(client: Client, stream: str, since: datetime) -> int:
    try:
        return client.count(STREAMS[stream].path, {"updated_since": instant(since)}) or 0
    except Forbidden:
        return 0


def _records(client: Client, stream: str, since: datetime) -> list[Mapping[str, Any]]:
    found, data_key = STREAMS[stream], STREAMS[stream].data_key
    try:
        page = client.page(found.path, data_key, {"updated_since": instant(since)})
    except Forbidden:
        return []
    records: list[Mapping[str, Any]] = [*page.records]
    for _ in range(_MOST_PAGES):
        if page.next_url is None:
            break
        page = client.page_at(page.next_url, data_key)
        records += page.records
    return records


def _touched(record: Mapping[str, Any], subjects: Iterable[str]) -> Touched:
    ids = frozenset(int((record.get(name) or {}).get("id") or 0) for name in subjects)
    return Touched(date.fromisoformat(record["spent_date"]), ids)


def _as_loaded(database: Database, account_id: str, stream: str, ids: list[int]) -> list[Touched]:
    columns = ", ".join(f'"{name}__id"' for name in _SUBJECTS[stream])
    query = f"""
        select spent_date, {columns} from {stream}
        where account_id = :account_id and id in (:ids) and spent_date is not null
    """
    rows = database.rows(query, {"account_id": account_id, "ids": ids})
    return [Touched(day, frozenset(subject or 0 for subject in found)) for day, *found in rows]
