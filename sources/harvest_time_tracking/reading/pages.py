"""Request the pages of a stream's calls concurrently, and prove that each list was read completely."""

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

# Maximum number of reads of a list whose completeness is not proven; of lists with dates, only the gaps are read again.
_READINGS = 5
_READINGS_BY_LINK = 3
# Number of pages from which a list is checked for mostly repeating itself.
_MANY_PAGES = 64
# Overlap of pages, in records, from the second read on: more than is deleted while a few pages are read.
_OVERLAP = 64


class Step(NamedTuple):
    """Page with its call, and its position in a read of that call.

    Attributes:
        call: the call as passed in, even if only some of its days are read again.
        page: the response.
        is_first: whether a read of the call begins with it, so that rows of an earlier read may be dropped. Always False
            for lists sorted by date.
        is_last: whether it completes the call. Always False for lists sorted by date.
    """

    call: Call
    page: Page
    is_first: bool = False
    is_last: bool = False


class Pages:
    """Requester of the pages of one stream.

    Args:
        client: HTTP client.
        stream: the stream of the calls.
        entry: counts the requests and retries.
        singles: cache of single records that several streams need.
        fast: parser for pages that are as documented.

    Attributes:
        unproven: calls whose completeness no read could prove, with the reason as text.
        not_there: messages about records that were requested by id and do not exist.
        repeated: number of repeated records.
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
        """Page and batch sizes of the client."""
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
        """Yield each page of each call as it arrives, until every list is proven complete; None while waiting.

        If a list took several responses, its changes since then are read too: a record may have moved from a part still to
        be read into one already read.
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
        """Yield the pages of changes since `began_at`; if they take several responses, repeat from the first of these."""
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
                    # Frees the memory of its ids.
                    outermost.remove(root)
                    self.repeated += root.ids.count - root.ids.distinct
            readings = left
            if not readings:
                return
        for root in outermost:
            self.unproven[root.call] = root.why()
            self.repeated += root.ids.count - root.ids.distinct

    def _numbered(self, readings: Sequence[Reading]) -> Iterator[Step | None]:
        """Yield the pages of readings by number, concurrently; readings in progress are finished first."""
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
                    # Nothing to request before its next response.
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
        """Yield the pages of lists paged by links, and single records; incomplete lists are read again."""
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
        """Follow each list page by page, several lists concurrently."""
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
                # Request the next page before this one is processed.
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
                # The parent was deleted, or can no longer have children. The sweep decides about its old rows.
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
            # Several streams share this response.
            self._singles[call.path] = page
        return page


class _Chain:
    """Read of a list with cursor pagination (links): records created or deleted meanwhile do not shift others.

    Attributes:
        call: the request for the list.
        ids: ids of the records received.
        followed: links followed so far.
    """

    def __init__(self, call: Call) -> None:
        self.call = call
        self.ids = Ids()
        self.followed: set[object] = set()
        self._totals: set[int] = set()
        self._is_open = False
        self._cut = ""

    def see(self, page: Page) -> None:
        """Add a page."""
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

        With totals: if fewer distinct records came than the smallest total that Harvest stated. Without: if Harvest did not
        say whether the list goes on, or a page that is not the last was not full.
        """
        return self.ids.distinct < min(self._totals) if self._totals else self._is_open or bool(self._cut)

    @property
    def is_endless(self) -> bool:
        """True if far more records came than Harvest ever stated; without a stated total, if most of them are repeats."""
        if self._totals:
            return self.ids.count > 2 * max(self._totals) + PER_PAGE
        pages = len(self.followed)
        # Checked only at powers of two, as it counts all records.
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
    """Earlier of two times, ignoring None; responses may arrive out of order."""
    return min(filter(None, (one, other)), default=None)


def page_count(total: int | None, per_page: int = PER_PAGE) -> int:
    """Number of pages of a list of `total` records: one, if it is empty."""
    return max(1, ceil((total or 0) / per_page))


def _span(calls: Sequence[Call]) -> dict[str, object]:
    """Query parameters for the range of days that covers all these calls."""
    firsts, lasts = ([call.params.get(bound) for call in calls] for bound in ("from", "to"))
    span: dict[str, object] = {}
    if all(firsts):
        span["from"] = min(map(str, firsts))
    if all(lasts):
        span["to"] = max(map(str, lasts))
    return span
