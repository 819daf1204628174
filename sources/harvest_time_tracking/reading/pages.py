"""Request the pages of a stream's calls concurrently, and prove that they show their lists completely."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from math import ceil
from typing import NamedTuple

from ..errors import ContractViolation, NotFound, RequestRefused
from ..http.client import WORKERS, Client, FastReader
from ..http.protocol import Page
from ..outcomes import Entry
from ..sizes import PER_PAGE, ReadSizes
from ..stream import Stream
from .calls import Call
from .completeness import Order, Reading
from .seen import Ask, Ids
from .stream_state import instant

# How often a list that is not shown whole is read, at most: of lists with dates, only the days that matter.
_READINGS = 5
_READINGS_BY_LINK = 3
# So many pages may come before it is asked whether most of them repeat each other.
_MANY_PAGES = 64
# From the second time on, pages repeat so much: more than is deleted while a few of them are read.
_OVERLAP = 64


class Step(NamedTuple):
    """Page with its call, and its place in a reading of that call.

    Attributes:
        call: as it was handed in, also where only some of its days are read again.
        page: the answer.
        is_first: whether a reading of the call begins with it, so that what came of an earlier one may be forgotten.
        is_last: whether the call was read whole with it. Neither is told of lists that are sorted by date.
    """

    call: Call
    page: Page
    is_first: bool = False
    is_last: bool = False


class Pages:
    """Requester of the pages of one stream.

    Args:
        client: asks.
        stream: whose calls they are.
        entry: gets what is spent.
        singles: the records that several streams need, asked for once.
        fast: reads a page that is as documented.

    Attributes:
        unproven: the calls that no reading showed whole, and why, in words.
        not_there: what was asked for by name and does not exist, in words.
        repeated: how many of the records came more than once.
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
        self.unproven: dict[Call, str] = {}
        self.not_there: list[str] = []
        self.repeated = 0

    @property
    def sizes(self) -> ReadSizes:
        """Sizes of reads, as of the client."""
        return self._client.sizes

    def first(self, call: Call) -> Future[Page]:
        """Future of a call's first page, requested now if it was not before."""
        if call not in self._first:
            self._first[call] = self._ask(call)
        return self._first[call]

    def forget(self, call: Call) -> None:
        """Drop the first page of a call."""
        self._first.pop(call, None)

    def settled(self, calls: Sequence[Call]) -> Iterator[Step | None]:
        """Yield each page of each call as it comes in, until all lists were shown completely; None while nothing has come in.

        What changed meanwhile comes with it where a list took several answers: it may have moved from a part that was still
        to be read into one that had been.
        """
        if self._stream.date_field is None:
            yield from self._linked(calls)
            return
        began_at, answers = None, 0
        for step in self._dated(calls):
            if step is not None:
                began_at, answers = earlier(began_at, step.page.date), answers + 1
            yield step
        is_in_windows = answers > 1 and all("updated_since" not in call.params for call in calls)
        if began_at and not self.unproven and (answers > len(calls) or is_in_windows):
            yield from self._news(calls, began_at)

    def _news(self, calls: Sequence[Call], began_at: datetime | None) -> Iterator[Step | None]:
        """Yield the pages of what changed since `began_at`; if that takes several answers, repeat since the first of these."""
        for _ in range(_READINGS):
            if began_at is None:
                return
            params = {**_span(calls), "updated_since": instant(began_at)}
            news, began_at, answers = Call(self._stream.path, params, calls[0].injected), None, 0
            for step in self._dated([news]):
                if step is not None:
                    began_at, answers = earlier(began_at, step.page.date), answers + 1
                yield step
            if answers <= 1 or self.unproven:
                return
        self.unproven[news] = "too much changed while it was read for the changes to be read at once"

    def _dated(self, calls: Sequence[Call]) -> Iterator[Step | None]:
        """Yield the pages of lists that are sorted by date, reading gaps again."""
        date_field, order = self._stream.date_field or "", Order()
        outermost = [Reading(call, date_field, self._client.sizes.per_page, order) for call in calls]
        readings = outermost
        for _ in range(_READINGS):
            yield from self._numbered(readings)
            left: list[Reading] = []
            for root in list(outermost):
                below = root.left(_OVERLAP)
                left += below
                if not below:
                    # Its ids are not kept.
                    outermost.remove(root)
                    self.repeated += root.ids.count - root.ids.distinct
            readings = left
            if not readings:
                return
        for root in outermost:
            self.unproven[root.call] = root.why()
            self.repeated += root.ids.count - root.ids.distinct

    def _numbered(self, readings: Sequence[Reading]) -> Iterator[Step | None]:
        """Yield the pages of readings by number, several at once; readings that have begun are finished first."""
        waiting, asking = deque(readings), deque[Reading]()
        under_way: list[tuple[Reading, Ask, Future[Page]]] = []
        while True:
            while len(under_way) < WORKERS and (asking or waiting):
                if not asking:
                    asking.append(waiting.popleft())
                ask = asking[0].wants()
                if ask:
                    under_way.append((asking[0], ask, self._page(asking[0].call, ask)))
                else:
                    # Until its next answer comes.
                    asking.popleft()
            if not under_way:
                return
            ready = [turn for turn in under_way if turn[2].done()]
            if not ready:
                yield None
            for turn in ready:
                under_way.remove(turn)
                reading, ask, future = turn
                page = future.result()
                reading.take(ask, page)
                if reading not in asking:
                    asking.append(reading)
                yield Step(reading.root, page)

    def _page(self, call: Call, ask: Ask) -> Future[Page]:
        if ask == (1, self._client.sizes.per_page):
            first = self.first(call)
            self.forget(call)
            return first
        return self._ask(call, ask._asdict())

    def _linked(self, calls: Sequence[Call]) -> Iterator[Step | None]:
        """Yield the pages of lists that go on by links, and single records, reading short lists again."""
        left = [_Chain(call) for call in calls]
        for _ in range(_READINGS_BY_LINK):
            yield from self._followed(left)
            self.repeated += sum(chain.ids.count - chain.ids.distinct for chain in left)
            short = [chain for chain in left if chain.is_short]
            if not short:
                return
            self.repeated += sum(chain.ids.distinct for chain in short)
            left = [_Chain(chain.call) for chain in short]
        self.repeated -= sum(chain.ids.distinct for chain in short)
        self.unproven |= {chain.call: chain.why() for chain in short}

    def _followed(self, chains: Sequence[_Chain]) -> Iterator[Step | None]:
        """Follow each list page by page, several lists at once."""
        waiting = deque(chains)
        under_way: list[tuple[_Chain, Future[Page]]] = []
        while waiting or under_way:
            while len(under_way) < WORKERS and waiting:
                chain = waiting.popleft()
                under_way.append((chain, self.first(chain.call)))
                self.forget(chain.call)
            ready = [turn for turn in under_way if turn[1].done()]
            if not ready:
                yield None
            for turn in ready:
                under_way.remove(turn)
                chain, page = turn[0], self._result(turn[1])
                if page is None:
                    continue
                is_first = not chain.ids.count
                chain.see(page)
                # The next page is asked for before the one at hand is worked on.
                if page.paging.goes_on:
                    under_way.append((chain, self._next(chain, page)))
                yield Step(chain.call, page, is_first, not page.paging.goes_on and not chain.is_short)

    def _next(self, chain: _Chain, page: Page) -> Future[Page]:
        place = page.next_url or page.paging.next_page
        name = self._stream.name
        if place is None or not page.records:
            raise ContractViolation(
                f"Harvest says that {name} continues after a page that is empty, or does not say where."
            )
        if place in chain.followed:
            raise ContractViolation(f"Harvest's links to the next page of {name} go round in a circle.")
        if chain.is_endless:
            raise ContractViolation(
                f"Harvest's list of {name} does not end: {chain.why()}, {chain.ids.count:,} with repetitions."
            )
        chain.followed.add(place)
        if page.next_url is None:
            return self._ask(chain.call, {"page": place})
        return self._client.in_background(
            self._client.page_at, page.next_url, self._stream.data_key, self._entry.spent, self._fast
        )

    def _result(self, future: Future[Page]) -> Page | None:
        try:
            return future.result()
        except (NotFound, RequestRefused) as error:
            if not (self._stream.parent or self._stream.argument) or self._stream.is_optional:
                raise
            if self._stream.argument:
                self.not_there.append(str(error))
            else:
                # One parent that is gone, or is another thing by now. Whether its old rows go, the sweep decides.
                self._entry.reason = str(error)
            return None

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


class _Chain:
    """Reading of a list that goes on by links (cursor): a record that comes or goes shifts no other.

    Attributes:
        call: what is asked.
        ids: of the records that came.
        followed: the links that were followed.
    """

    def __init__(self, call: Call) -> None:
        self.call = call
        self.ids = Ids()
        self.followed: set[object] = set()
        self._totals: set[int] = set()
        self._is_open = False
        self._cut = ""

    def see(self, page: Page) -> None:
        """Take in a page."""
        self.ids.add(page)
        paging, rows = page.paging, len(page.records)
        self._is_open = page.data_key is not None and paging.goes_on is None and rows > 0
        if paging.goes_on and paging.per_page and rows < paging.per_page:
            self._cut = f"Harvest said {paging.per_page:,} records a page, and one that is not the last held {rows:,}"
        if page.total is not None:
            self._totals.add(page.total)

    @property
    def is_short(self) -> bool:
        """True if records may be missing although no page said that the list goes on.

        That is where fewer different records came than Harvest ever said; and where it does not say how many there are, if it
        does not say either whether they go on, or a page was not what it says.
        """
        return self.ids.distinct < min(self._totals) if self._totals else self._is_open or bool(self._cut)

    @property
    def is_endless(self) -> bool:
        """True if far more records came than Harvest ever stated; or, where it states nothing, if most of them are repeats."""
        if self._totals:
            return self.ids.count > 2 * max(self._totals) + PER_PAGE
        pages = len(self.followed)
        # Asked rarely: it means to count all records.
        return pages >= _MANY_PAGES and pages.bit_count() == 1 and self.ids.distinct * 2 < self.ids.count

    def why(self) -> str:
        """Reason why completeness is not proven, as text."""
        if not self._totals:
            said = "Harvest says neither how many there are nor whether they go on" if self._is_open else self._cut
            came = f"{self.ids.distinct:,} different records came"
            return f"{said}; {came}" if said else came
        least, most = min(self._totals), max(self._totals)
        said = f"{least:,}" if least == most else f"{least:,} to {most:,}"
        return f"Harvest said {said} records, and {self.ids.distinct:,} different ones came"


def earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """Earlier of two moments, either of which may be None; answers may come out of order."""
    return min(filter(None, (one, other)), default=None)


def page_count(total: int | None, per_page: int = PER_PAGE) -> int:
    """Number of pages of a list of `total` records: one, if it is empty."""
    return max(1, ceil((total or 0) / per_page))


def _span(calls: Sequence[Call]) -> dict[str, object]:
    """Range of days that covers all these calls."""
    firsts, lasts = ([call.params.get(bound) for call in calls] for bound in ("from", "to"))
    span: dict[str, object] = {}
    if all(firsts):
        span["from"] = min(map(str, firsts))
    if all(lasts):
        span["to"] = max(map(str, lasts))
    return span
