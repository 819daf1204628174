"""What changes in Harvest while we look, or has changed since we last read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from harvest_time_tracking import STREAMS, Client
from harvest_time_tracking.errors import PermissionMissing
from harvest_time_tracking.memory import instant
from harvest_warehouse.comparison import Touched
from harvest_warehouse.database import Database

# The subjects that a report can have, by the field of the row.
_SUBJECTS = {
    "time_entries": ("project", "user", "task"),
    "expenses": ("project", "user", "expense_category"),
}


def changed_since(client: Client, loaded: Mapping[str, datetime]) -> int:
    """How many time entries and expenses changed in Harvest since the load that last read them began.

    Args:
        client: asks Harvest.
        loaded: when that was, by stream, as the load remembers it (`memory.cursors`).
    """
    # `updated_since` includes its instant: what changed within that second was there to be read.
    return sum(
        _count(client, stream, loaded[stream] + timedelta(seconds=1)) for stream in _SUBJECTS if stream in loaded
    )


def touched_since(client: Client, database: Database, account_id: str, began_at: datetime) -> tuple[Touched, ...]:
    """Where the rows are that changed since then, and where they were when we read them.

    `updated_since` includes its instant: what changed within the first second is taken as changed before.
    """
    since = began_at + timedelta(seconds=1)
    found: list[Touched] = []
    for stream, subjects in _SUBJECTS.items():
        if database.columns(stream) and _count(client, stream, since):
            params = {"updated_since": instant(since)}
            records = client.page(STREAMS[stream].path, STREAMS[stream].data_key, params).records
            found += [_touched(record, subjects) for record in records]
            found += _as_loaded(database, account_id, stream, subjects, [record["id"] for record in records])
    return tuple(found)


def _count(client: Client, stream: str, since: datetime) -> int:
    try:
        return client.count(STREAMS[stream].path, {"updated_since": instant(since)}) or 0
    except PermissionMissing:
        return 0


def _touched(record: Mapping[str, Any], subjects: Iterable[str]) -> Touched:
    ids = frozenset(int((record.get(name) or {}).get("id") or 0) for name in subjects)
    return Touched(date.fromisoformat(record["spent_date"]), ids)


def _as_loaded(
    database: Database, account_id: str, stream: str, subjects: Iterable[str], ids: list[int]
) -> list[Touched]:
    columns = ", ".join(f'"{name}__id"' for name in subjects)
    query = f"select spent_date, {columns} from {stream} where account_id = :account_id and id in (:ids)"
    rows = database.rows(query, {"account_id": account_id, "ids": ids})
    return [Touched(day, frozenset(subject or 0 for subject in found)) for day, *found in rows]
