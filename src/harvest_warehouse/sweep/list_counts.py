"""Count the rows of one list and read their ids, in the database and in Harvest, for the sweep."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from dlt.common.utils import chunks

from harvest_time_tracking import Client, Settings, Stream
from harvest_time_tracking.http.protocol import Answer, Page, read_page
from harvest_time_tracking.outcomes import Entry
from harvest_time_tracking.reading.calls import Call
from harvest_time_tracking.reading.pages import Pages
from harvest_time_tracking.reading.seen import day_of
from harvest_time_tracking.reading.stream_state import instant
from harvest_warehouse.database import Database
from harvest_warehouse.database.row_counts import Held, held
from harvest_warehouse.sweep.bisection import DayRange, differing_windows

_NOWHERE = date.min
_IDS_AT_ONCE = 1_000
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
# A change within this time before the load suggests that changes are still going on.
_AWAKE = timedelta(minutes=15)
# A change can be committed some time after its `updated_at`, and it is not documented whether `updated_since` is inclusive.
_LATE = timedelta(minutes=5)


class Uncounted(Exception):
    """Harvest does not state how many records a list has (no total in its response)."""


@dataclass(frozen=True)
class Listed:
    """Ids and days of records, as Harvest lists them.

    Attributes:
        days: day of each record, by id.
        is_whole: whether the read was proven complete; False if the list kept changing meanwhile.
    """

    days: Mapping[int, date | None]
    is_whole: bool


class ListCounts:
    """Counts and ids of one list, in the database and in Harvest.

    Args:
        database: connection to the account's tables.
        client: HTTP client.
        settings: the account; its `start_date` bounds dated lists.
        stream: the list.
        since: the stream's cursor; later changes may not be loaded.

    Attributes:
        whole: window in which the list is loaded.
        asked_at: time of the last list request, by Harvest's clock.
    """

    def __init__(self, database: Database, client: Client, settings: Settings, stream: Stream, since: datetime) -> None:
        self.stream = stream
        self.whole = DayRange(settings.start_date if stream.date_field else None, None)
        self.asked_at: datetime | None = None
        self._database = database
        self._client = client
        self._since = since
        self._rows_of_a_page = client.sizes.per_page
        self._entry = Entry(stream.name, stream.table_name, time.monotonic)
        self._account_id = settings.account_id
        self._base_url = settings.base_url
        self._mine = f'from "{stream.table_name}" where account_id = :account_id'
        self._day = f'"{stream.date_field}"' if stream.date_field else "cast(null as date)"
        self._is_read = f"{self._day} >= :first" if self.whole.first else ""
        if self._is_read:
            self._mine += f" and {self._is_read}"

    @property
    def requests(self) -> int:
        """Number of requests sent to Harvest so far."""
        return self._entry.spent.requests

    # In the database.

    def held(self) -> Held:
        """Count our rows and their distinct keys."""
        return held(self._database, self.stream, self._account_id, self._is_read, {"first": self.whole.first})

    def is_awake(self) -> bool:
        """True if the list was changed so shortly before the load that changes may still be going on."""
        newest: datetime | None = self._rows(f"select max(updated_at) {self._mine}")[0][0]
        return (newest or _LONG_AGO) >= self._since - _AWAKE

    def days(self, changed: Mapping[int, date | None], gone: Collection[int]) -> list[tuple[date, int]]:
        """Expected number of records by day: ours, with changed records on their new day, without deleted ones."""
        rows = self._rows(f"select {self._day}, count(distinct id) {self._mine} group by 1")
        counts: dict[date, int] = {day or _NOWHERE: count for day, count in rows}
        for _, day in self._ours({*changed, *gone}):
            counts[day or _NOWHERE] -= 1
        for changed_id, day in changed.items():
            if changed_id not in gone:
                counts[day or _NOWHERE] = counts.get(day or _NOWHERE, 0) + 1
        return sorted(counts.items())

    def ids_here(self, windows: Iterable[DayRange]) -> set[int]:
        """Ids of our rows in these windows."""
        found: set[int] = set()
        for window in windows:
            bounds = {"from_day": window.first, "to_day": window.last}
            first = f" and {self._day} >= :from_day" if window.first else ""
            last = f" and {self._day} <= :to_day" if window.last else ""
            # Negative ids are surrogates for invalid ones, which cannot be compared.
            query = f"select id {self._mine} and id > 0{first}{last}"
            found.update(row[0] for row in self._rows(query, bounds))
        return found

    def owned_by(self, owners: Collection[int]) -> set[int]:
        """Ids of our rows that belong to these owners (Harvest deletes them together with the owner)."""
        if not owners or not self.stream.owner:
            return set()
        query = f'select id {self._mine} and "{self.stream.owner.column}" in (:owners)'
        return {row[0] for row in self._rows(query, {"owners": sorted(owners)})}

    def unknown(self, ids: Collection[int]) -> set[int]:
        """Those of the given ids that have no row here."""
        return set(ids) - {row_id for row_id, _ in self._ours(ids)}

    # In Harvest.

    def count(self, window: DayRange) -> int:
        """Count the records that Harvest has in a window.

        Raises:
            Uncounted: Harvest does not state the number.
        """
        total = self._client.count(self.stream.path, window.filters(), self._entry.spent)
        if total is None:
            raise Uncounted
        return total

    def differing(self, days: Sequence[tuple[date, int]], theirs: int) -> list[DayRange]:
        """Windows in which Harvest's count differs from the expected records by day; it has `theirs` in all.

        Raises:
            Uncounted: Harvest does not state the number of records.
        """
        if sum(records for _, records in days) == theirs:
            return []
        if not self.stream.date_field:
            return [self.whole]
        return differing_windows(days, theirs, self.whole, self.count, self._rows_of_a_page)

    def changed(self) -> Listed:
        """List the records changed since the load, with their present day."""
        since = instant(self._since - _LATE)
        return self._listed([Call(self.stream.path, {**self.whole.filters(), "updated_since": since}, {})])

    def in_harvest(self, windows: Sequence[DayRange]) -> Listed:
        """List the records that Harvest has in these windows."""
        return self._listed([Call(self.stream.path, window.filters(), {}) for window in windows])

    def _listed(self, calls: Sequence[Call]) -> Listed:
        pages = Pages(self._client, self.stream, self._entry, {}, self._read)
        days: dict[int, date | None] = {}
        for step in pages.settled(calls) if calls else ():
            if step is None:
                time.sleep(_A_MOMENT_SECONDS)
                continue
            self.asked_at = step.page.date or self.asked_at
            self._rows_of_a_page = step.page.paging.per_page or self._rows_of_a_page
            for record in step.page.records:
                row_id = record.get("id")
                if type(row_id) is int:
                    days[row_id] = day_of(record, self.stream.date_field)
        return Listed(days, not pages.unproven)

    def _read(self, answer: Answer) -> Page:
        """Parse a page, keeping only id, date and `updated_at` of its records: many pages are in flight at once."""
        page = read_page(answer, self.stream.data_key, self._base_url)
        names = ("id", "updated_at", self.stream.date_field)
        records = [{name: record[name] for name in names if name in record} for record in page.records]
        return replace(page, records=records, body=b"")

    def _ours(self, ids: Collection[int]) -> list[tuple[int, date | None]]:
        query = f"select distinct id, {self._day} {self._mine} and id in (:ids)"
        return [
            (row[0], row[1])
            for some in chunks(sorted(ids), _IDS_AT_ONCE)
            for row in self._rows(query, {"ids": list(some)})
        ]

    def _rows(self, query: str, values: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        return self._database.rows(query, {"account_id": self._account_id, "first": self.whole.first, **(values or {})})


_A_MOMENT_SECONDS = 0.002
