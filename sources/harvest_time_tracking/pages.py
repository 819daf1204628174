"""The pages of a stream's calls as they come in, several at once, and whether they show one state of their lists."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from datetime import date, datetime
from math import ceil
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from .calls import Call
from .client import WORKERS, Client, FastReader
from .errors import BrokenPromise, NotThere, RequestRefused
from .ledger import Entry
from .memory import instant
from .protocol import PER_PAGE, Page
from .stream import Stream

# A list sorted by a date that can change shifts while it is read: read again where that may have happened.
READINGS = 3


class Step(NamedTuple):
    """A page, the call it belongs to, and whether it is the last of it to come in."""

    call: Call
    page: Page
    is_last: bool


class Pages:
    """Asks for the pages of one stream.

    Args:
        client: asks.
        stream: whose calls they are.
        entry: gets what is spent.
        singles: the records that several streams need, asked for once.
        fast: reads a page that is as documented.

    Attributes:
        unsettled: the calls that changed in each of their readings.
        not_there: what was asked for by name and does not exist, in words.
    """

    def __init__(
        self,
        client: Client,
        stream: Stream,
        entry: Entry,
        singles: dict[str, Future[Page]],
        fast: FastReader | None = None,
    ) -> None:
        self._client = client
        self._stream = stream
        self._entry = entry
        self._singles = singles
        self._fast = fast
        self._first: dict[Call, Future[Page]] = {}
        self.unsettled: list[Call] = []
        self.not_there: list[str] = []

    def first(self, call: Call) -> Future[Page]:
        """The first page of a call, asked for now if it was not before."""
        if call not in self._first:
            self._first[call] = self._ask(call)
        return self._first[call]

    def forget(self, call: Call) -> None:
        """The first page of a call is not wanted any more."""
        self._first.pop(call, None)

    def settled(self, calls: Sequence[Call]) -> Iterator[Step | None]:
        """Each page as `read` gives it; those of lists that changed while they were read once more.

        A list that brings as many different records as it says, before and after, may still have lost one and won another
        between two pages. What was won is new: one more request tells.
        """
        left = list(calls)
        for _ in range(READINGS):
            tally = Tally()
            for step in self.read(left):
                if step is not None:
                    tally.see(step.call, step.page)
                yield step
            if self._stream.date_field is None:
                return
            again = set(tally.unsettled())
            if (shifting := tally.shifting()) and tally.began_at:
                params = {**_span(left), "updated_since": instant(tally.began_at)}
                news = Call(self._stream.path, params, left[0].injected)
                for step in self.read([news]):
                    for record in step.page.records if step else ():
                        again.update(call for call in shifting if self._may_be_new(record, call, tally.began_at))
                    yield step
            left = [call for call in left if call in again]
            if not left:
                return
        self.unsettled += left

    def _may_be_new(self, record: Mapping[str, object], call: Call, began_at: datetime) -> bool:
        """Whether a record that changed since then may have come into a call's list: made, or moved into its window."""
        day = day_of(record, self._stream.date_field)
        if day is not None and not covers(call, day):
            return False
        is_made = str(record.get("created_at")) >= instant(began_at)
        is_edited = str(record.get("updated_at")) > instant(began_at)
        # The clock of a running timer may move it from read to read.
        is_live = any(str(record.get(name)).lower() == value for name, value in self._stream.live.items())
        return is_made or (is_edited and not is_live and not {"from", "to"}.isdisjoint(call.params))

    def read(self, calls: Sequence[Call]) -> Iterator[Step | None]:
        """Each page of each call as it comes in. None where nothing has come in yet."""
        waiting = deque(calls)
        # Pages of lists that are under way come before those of others: what was begun is ended first.
        wanted: deque[tuple[_List, int]] = deque()
        under_way: list[tuple[_List, Future[Page]]] = []
        while True:
            while len(under_way) < WORKERS and (wanted or waiting):
                under_way.append(self._numbered(*wanted.popleft()) if wanted else self._begun(waiting.popleft()))
            if not under_way:
                return
            ready = [turn for turn in under_way if turn[1].done()]
            if not ready:
                yield None
            for turn in ready:
                under_way.remove(turn)
                of, page = turn[0], self._result(turn[1])
                if page is None:
                    continue
                if self._is_numbered(page):
                    wanted.extend((of, number) for number in of.numbers_after(page))
                elif page.next_url is not None:
                    of.left += 1
                    under_way.append(self._followed(of, page.next_url))
                of.left -= 1
                yield Step(of.call, page, of.left == 0)

    def _result(self, future: Future[Page]) -> Page | None:
        try:
            return future.result()
        except (NotThere, RequestRefused) as error:
            if not (self._stream.parent or self._stream.argument) or self._stream.is_optional:
                raise
            if self._stream.argument:
                self.not_there.append(str(error))
            else:
                # One parent that is gone, or is another thing by now. Whether its old rows go, the sweep decides.
                self._entry.reason = str(error)
            return None

    def _is_numbered(self, page: Page) -> bool:
        """Whether the other pages can be asked for at once, by number: Harvest counts the pages of lists with dates.

        https://help.getharvest.com/api-v2/introduction/overview/pagination/
        """
        return self._stream.date_field is not None and page.total is not None

    def _begun(self, call: Call) -> tuple[_List, Future[Page]]:
        first = self.first(call)
        self.forget(call)
        return _List(call), first

    def _numbered(self, of: _List, number: int) -> tuple[_List, Future[Page]]:
        return of, self._ask(of.call, {"page": number})

    def _followed(self, of: _List, url: str) -> tuple[_List, Future[Page]]:
        """The next page is asked for before the one at hand is worked on."""
        if url in of.followed:
            raise BrokenPromise(f"Harvest's links to the next page of {self._stream.name} go round in a circle.")
        of.followed.add(url)
        return of, self._client.in_background(
            self._client.page_at, url, self._stream.data_key, self._entry.spent, self._fast
        )

    def _ask(self, call: Call, paging: Mapping[str, object] | None = None) -> Future[Page]:
        stream = self._stream
        is_single = stream.data_key is None and not stream.parent and not stream.argument
        if is_single and call.path in self._singles:
            return self._singles[call.path]
        params = {**call.params, **(paging or {})}
        page = self._client.in_background(
            self._client.page, call.path, stream.data_key, params, self._entry.spent, self._fast
        )
        if is_single:
            # Whoever needs it first asks; the other reads the same answer.
            self._singles[call.path] = page
        return page


class _List:
    """A call under way: how many of its pages are still to come in, and the links followed so far."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.left = 1
        self.followed: set[str] = set()
        self._is_counted = False

    def numbers_after(self, page: Page) -> range:
        """The numbers of the other pages, told once: with the first page."""
        if self._is_counted:
            return range(0)
        self._is_counted = True
        last = page_count(page.total)
        self.left = last
        return range(2, last + 1)


def page_count(total: int | None) -> int:
    """How many pages a list of `total` records has: one, if it is empty."""
    return max(1, ceil((total or 0) / PER_PAGE))


class Tally:
    """Counts one reading of some calls.

    A list sorted by a date that can change shifts while it is read: a record may be missed, another come twice.

    Attributes:
        began_at: the server's clock at the first answer.
    """

    def __init__(self) -> None:
        self.began_at: datetime | None = None
        self._stated: dict[Call, set[int | None]] = {}
        self._pages: dict[Call, int] = {}
        self._ids: dict[Call, Ids] = {}

    def see(self, call: Call, page: Page) -> None:
        """Count a page."""
        self.began_at = self.began_at or page.date
        self._stated.setdefault(call, set()).add(page.total)
        self._pages[call] = self._pages.get(call, 0) + 1
        self._ids.setdefault(call, Ids()).add(page)

    def unsettled(self) -> list[Call]:
        """The calls that did not bring as many different records as Harvest said, before and after."""
        return [
            call for call, stated in self._stated.items() if stated != {None} and stated != {self._ids[call].distinct}
        ]

    def shifting(self) -> list[Call]:
        """The calls of more than one page: what came in meanwhile may have made up for what went."""
        return [call for call, pages in self._pages.items() if pages > 1]


class Ids:
    """The ids of the records that were seen."""

    def __init__(self) -> None:
        self._arrays: list[pa.Array] = []
        self._count = 0

    def add(self, page: Page) -> None:
        """Note the ids of a page."""
        self._count += len(page.records)
        if page.columns is not None and "id" in page.columns:
            self._arrays.append(page.columns["id"])
        else:
            ids = [record.get("id") for record in page.records]
            self._arrays.append(pa.array([number for number in ids if _is_id(number)], pa.int64()))

    @property
    def distinct(self) -> int:
        """How many different records there were; what has no id that is one counts as different."""
        ids = pa.chunked_array(self._arrays, pa.int64())
        return int(pc.count_distinct(ids).as_py()) + self._count - len(ids)


def _is_id(value: object) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def day_of(record: Mapping[str, object], date_field: str | None) -> date | None:
    """The date by which a record is sorted; None where it has none that is one."""
    try:
        return date.fromisoformat(str(record.get(date_field or "")))
    except ValueError:
        return None


def _span(calls: Sequence[Call]) -> dict[str, object]:
    """The days that all these calls together are about."""
    firsts, lasts = ([call.params.get(bound) for call in calls] for bound in ("from", "to"))
    span: dict[str, object] = {}
    if all(firsts):
        span["from"] = min(map(str, firsts))
    if all(lasts):
        span["to"] = max(map(str, lasts))
    return span


def covers(call: Call, day: date) -> bool:
    """Whether a record of that day belongs to the call, as far as its window tells."""
    first, last = call.params.get("from"), call.params.get("to")
    return (first is None or str(first) <= day.isoformat()) and (last is None or day.isoformat() <= str(last))
