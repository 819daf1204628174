"""One list, here and in Harvest: the questions that the sweep asks of both sides."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from dlt.common.utils import chunks

from harvest_time_tracking import Client, Settings, Stream
from harvest_time_tracking.calls import Call
from harvest_time_tracking.errors import BrokenPromise
from harvest_time_tracking.ledger import Entry
from harvest_time_tracking.memory import instant
from harvest_time_tracking.pages import Pages, day_of
from harvest_time_tracking.protocol import Page
from harvest_warehouse.database import Database
from harvest_warehouse.search import Window

_NOWHERE = date.min
_IDS_AT_ONCE = 1_000
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Inventory:
    """The rows of one list.

    Args:
        database: open on the account's tables.
        client: asks Harvest.
        settings: the account; its `start_date` bounds lists with dates.
        stream: the list.
        since: the moment from which on a change may not have been loaded.

    Attributes:
        whole: the window in which the list is loaded.
        asked_at: Harvest's clock when it was last asked what changed.
    """

    def __init__(self, database: Database, client: Client, settings: Settings, stream: Stream, since: datetime) -> None:
        self.stream = stream
        self.whole = Window(settings.start_date if stream.date_field else None, None)
        self.asked_at: datetime | None = None
        self._database = database
        self._client = client
        self._since = instant(since)
        self._since_at = since
        self._entry = Entry(stream.name, stream.table_name, time.monotonic)
        self._account_id = settings.account_id
        self._mine = f'from "{stream.table_name}" where account_id = :account_id'
        self._day = f'"{stream.date_field}"' if stream.date_field else "cast(null as date)"
        if self.whole.first:
            self._mine += f" and {self._day} >= :first"

    @property
    def requests(self) -> int:
        """What it cost so far."""
        return self._entry.spent.requests

    # Here.

    def held(self) -> int:
        """How many rows we have."""
        held: int = self._rows(f"select count(*) {self._mine}")[0][0]
        return held

    def last_change(self) -> datetime:
        """The newest `updated_at` of our rows."""
        newest: datetime | None = self._rows(f"select max(updated_at) {self._mine}")[0][0]
        return newest or _LONG_AGO

    def days(self, changed: Mapping[int, date | None], gone: Collection[int]) -> list[tuple[date, int]]:
        """How many rows there should be of each day: ours, the changed ones where they are now, the gone ones nowhere."""
        rows = self._rows(f"select {self._day}, count(*) {self._mine} group by 1")
        counts: dict[date, int] = {day or _NOWHERE: count for day, count in rows}
        for _, day in self._ours({*changed, *gone}):
            counts[day or _NOWHERE] -= 1
        for changed_id, day in changed.items():
            if changed_id not in gone:
                counts[day or _NOWHERE] = counts.get(day or _NOWHERE, 0) + 1
        return sorted(counts.items())

    def ids_here(self, windows: Iterable[Window]) -> set[int]:
        """The ids of our rows in these windows."""
        found: set[int] = set()
        for window in windows:
            bounds = {"from_day": window.first, "to_day": window.last}
            first = f" and {self._day} >= :from_day" if window.first else ""
            last = f" and {self._day} <= :to_day" if window.last else ""
            # An id that is no number is a negative one here, and cannot be looked for.
            query = f"select id {self._mine} and id > 0{first}{last}"
            found.update(row[0] for row in self._rows(query, bounds))
        return found

    def owned_by(self, owners: Collection[int]) -> set[int]:
        """The ids of our rows that go with these owners."""
        if not owners or not self.stream.owner:
            return set()
        query = f'select id {self._mine} and "{self.stream.owner.column}" in (:owners)'
        return {row[0] for row in self._rows(query, {"owners": sorted(owners)})}

    def unknown(self, ids: Collection[int]) -> set[int]:
        """Those of these ids that we have no row of."""
        return set(ids) - {row_id for row_id, _ in self._ours(ids)}

    # In Harvest.

    def count(self, window: Window, **filters: object) -> int:
        """How many rows Harvest has in a window."""
        total = self._client.count(self.stream.path, {**window.filters(), **filters}, self._entry.spent)
        if total is None:
            raise BrokenPromise(f"Harvest does not say how many {self.stream.name} there are (total_entries).")
        return total

    def has_changed(self) -> bool:
        """Whether Harvest has not as many rows as we that changed since the load."""
        query = f"select count(*) {self._mine} and updated_at >= :since"
        ours: int = self._rows(query, {"since": self._since_at})[0][0]
        return self.count(self.whole, updated_since=self._since) != ours

    def changed(self) -> dict[int, date | None]:
        """What changed since the load: the ids, and the day of each now."""
        listed = self._listed([Call(self.stream.path, {**self.whole.filters(), "updated_since": self._since}, {})])
        return {row_id: day for of in listed for row_id, day in of.days.items()}

    def ids_in_harvest(self, windows: Sequence[Window]) -> set[int] | None:
        """The ids that Harvest lists in these windows; None where it kept changing while they were read."""
        listed = self._listed([Call(self.stream.path, window.filters(), {}) for window in windows])
        ids = {row_id for of in listed for row_id in of.days}
        # A row that moved from one window to another between them counts once.
        is_whole = sum(of.stated for of in listed) == len(ids) + sum(of.odd for of in listed)
        return ids if is_whole else None

    def _listed(self, calls: Sequence[Call]) -> list[_Listed]:
        pages = Pages(self._client, self.stream, self._entry, {})
        listed: dict[Call, _Listed] = {}
        for step in pages.settled(calls):
            if step is None:
                time.sleep(_A_MOMENT_SECONDS)
                continue
            self.asked_at = step.page.date or self.asked_at
            if step.call not in listed or listed[step.call].is_ended:
                # Read for the first time, or once more because it changed.
                listed[step.call] = _Listed()
            listed[step.call].add(step.page, self.stream.date_field, is_last=step.is_last)
        return [listed[call] for call in calls]

    def _ours(self, ids: Collection[int]) -> list[tuple[int, date | None]]:
        query = f"select id, {self._day} {self._mine} and id in (:ids)"
        return [
            (row[0], row[1])
            for some in chunks(sorted(ids), _IDS_AT_ONCE)
            for row in self._rows(query, {"ids": list(some)})
        ]

    def _rows(self, query: str, values: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        return self._database.rows(query, {"account_id": self._account_id, "first": self.whole.first, **(values or {})})


_A_MOMENT_SECONDS = 0.002


@dataclass
class _Listed:
    """What one reading of a call gave.

    Attributes:
        days: the ids, and the day of each.
        odd: how many records had no id that is a number.
        stated: how many there are by Harvest's word.
        is_ended: whether its last page is here.
    """

    days: dict[int, date | None] = field(default_factory=dict)
    odd: int = 0
    stated: int = 0
    is_ended: bool = False

    def add(self, page: Page, date_field: str | None, *, is_last: bool) -> None:
        """Note a page."""
        for record in page.records:
            row_id = record.get("id")
            if type(row_id) is int:
                self.days[row_id] = day_of(record, date_field)
            else:
                self.odd += 1
        self.stated, self.is_ended = page.total or 0, is_last
