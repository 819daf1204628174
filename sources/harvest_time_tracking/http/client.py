"""HTTP client of one Harvest account, with rate limits, retries and a pool of workers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import urlencode

from dlt.common import logger

from ..clocks import asked_at, clock_difference, said_of_clocks
from ..errors import RetryableError, TokenRejected
from ..settings import Settings
from ..sizes import USUAL, ReadSizes
from ..stream import Limit
from .network import ANSWER_SECONDS, Connection
from .protocol import (
    WINDOW_SECONDS,
    Answer,
    Page,
    check_link,
    limit_of,
    paging_of,
    read_answer,
    read_document,
    read_page,
    wait_seconds,
)
from .rate_limit import RateLimiter, Stopped

MAX_TRIES = 8
WORKERS = 12

_T = TypeVar("_T")

FastReader = Callable[[Answer], Page | None]


@dataclass
class Spent:
    """Counter of requests sent (every attempt counts), and how many of them were retries."""

    requests: int = 0
    retries: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, *, is_retry: bool) -> None:
        """Count one request."""
        with self._lock:
            self.requests += 1
            self.retries += is_retry


class Client:
    """HTTP client for one Harvest account.

    All clients of an account in this process share its two rate limiters, so a 429 is rare. Use it as a context manager, or
    call `close()`, which stops waiting workers.

    Args:
        settings: the account, its token and rate limits.
        sleep: sleeps for some seconds. Default: a real sleep that ends early when the client is closed.
        monotonic: monotonic clock in seconds, for the rate limits.
        now: wall clock (aware); no cursor is ever later than it.
        tries: maximum number of attempts per request.
        answer_seconds: time limit for one response; beyond it the request is retried.
        answer_clock: clock for that limit; it must run in real time even if `monotonic` is virtual.
        sizes: page and batch sizes.

    Attributes:
        now: as given.
        sizes: as given.
        said_of_clocks: warning that Harvest's clock and the local one differ by more than a few minutes; else empty.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        sleep: Callable[[float], object] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        tries: int = MAX_TRIES,
        answer_seconds: float = ANSWER_SECONDS,
        answer_clock: Callable[[], float] = time.monotonic,
        sizes: ReadSizes = USUAL,
    ) -> None:
        self.settings = settings
        self.sizes = sizes
        self._closing = threading.Event()
        self._sleep = sleep
        self._monotonic = monotonic
        self.now = now
        self._tries = tries
        self._answer_seconds = answer_seconds
        self._answer_clock = answer_clock
        if sleep is None and monotonic is time.monotonic:
            self._budgets = _shared_budgets(settings)
        else:
            self._budgets = _budgets(settings, sleep or _nap, monotonic)
        self._local = threading.local()
        self._pool: ThreadPoolExecutor | None = None
        self._reading = _readers()
        self._lock = threading.Lock()
        self.said_of_clocks = ""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the workers, including those that wait for the rate limit; later requests start new ones."""
        self._closing.set()
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._reading.shutdown(wait=False)
        self._closing, self._pool, self._local = threading.Event(), None, threading.local()
        self._reading = _readers()

    def url(self, path: str, params: Mapping[str, object] | None = None) -> str:
        """Build the URL of `path` below the base URL, with query parameters."""
        query = urlencode(params or {})
        joint = "&" if "?" in path else "?"
        return f"{self.settings.base_url.rstrip('/')}/{path}{joint + query if query else ''}"

    def get(self, url: str, read: Callable[[Answer], _T], spent: Spent | None = None) -> _T:
        """Request `url` and parse the response with `read`; retry on errors that may be temporary.

        Waits between attempts as `protocol.wait_seconds` says: Harvest's `Retry-After`, else exponential backoff.

        Raises:
            HarvestError: one of the classes in `errors`.
        """
        check_link(url, self.settings.base_url)
        limit = limit_of(url)
        # Bound before waiting: `close` replaces both, and a waiting worker must notice that it was closed.
        closing, reading = self._closing, self._reading
        budget = self._budgets[limit]
        for tries in range(1, self._tries + 1):
            ticket = budget.take(closing.is_set)
            if spent:
                spent.add(is_retry=tries > 1)
            try:
                return reading.submit(read, self._ask_signed_in(url, spent)).result()
            except RetryableError as error:
                if tries >= min(self._tries, error.most_tries or self._tries):
                    raise type(error)(f"{error} Given up after {tries} tries: run again later.") from None
                seconds = wait_seconds(error, tries, limit)
                if error.is_throttled:
                    budget.pause(seconds)
                else:
                    (self._sleep or closing.wait)(seconds)
            finally:
                budget.answered(ticket)
        raise AssertionError("unreachable")

    def page(
        self,
        path: str,
        data_key: str | None,
        params: Mapping[str, object] | None = None,
        spent: Spent | None = None,
        fast: FastReader | None = None,
    ) -> Page:
        """Request the first page of a list, or a single record (`data_key` None)."""
        paged = params or {} if data_key is None else {"per_page": self.sizes.per_page, **(params or {})}
        return self.page_at(self.url(path, paged), data_key, spent, fast)

    def page_at(
        self, url: str, data_key: str | None, spent: Spent | None = None, fast: FastReader | None = None
    ) -> Page:
        """Request the page at a link from Harvest; the parser `fast` is tried first, and returns None if it does not apply."""

        def read(answer: Answer) -> Page:
            page = fast(answer) if fast else None
            if page is None:
                return read_page(answer, data_key, self.settings.base_url)
            if page.next_url is not None:
                check_link(page.next_url, self.settings.base_url)
            return page

        return self.get(url, read, spent)

    def count(self, path: str, params: Mapping[str, object] | None = None, spent: Spent | None = None) -> int | None:
        """Count the records of a list with one small request; None if Harvest does not say."""
        url = self.url(path, {**(params or {}), "per_page": 1})
        return self.get(url, lambda answer: paging_of(read_document(answer)[0]).total, spent)

    def free_in_seconds(self, limit: Limit, requests: int = 1) -> float:
        """Seconds until the rate limit allows this many requests at once. Sends no request."""
        return self._budgets[limit].free_in_seconds(requests)

    def wait_until_free(self, limit: Limit, requests: int = 1) -> None:
        """Wait until the rate limit allows this many requests at once. Sends no request.

        Raises:
            Stopped: the client was closed meanwhile.
        """
        closing = self._closing
        while (seconds := self.free_in_seconds(limit, requests)) > 0:
            if closing.is_set():
                raise Stopped("The run has ended.")
            (self._sleep or closing.wait)(seconds)

    def in_background(self, work: Callable[..., _T], *args: object) -> Future[_T]:
        """Run `work` on a worker thread. Call this from one thread only."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="harvest")
        return self._pool.submit(work, *args)

    def _ask_signed_in(self, url: str, spent: Spent | None) -> Answer:
        """Request `url`, and once more with a new token if the token has expired and can be renewed."""
        token = self.settings.access_token
        generation = token.generation
        try:
            return self._ask(url)
        except TokenRejected:
            if not token.renew(generation):
                raise
        if spent:
            spent.add(is_retry=True)
        return self._ask(url)

    def _ask(self, url: str) -> Answer:
        now, began = self.now(), self._monotonic()
        received = self._connection().get(url)
        took = timedelta(seconds=self._monotonic() - began)
        answer = read_answer(received.status, received.headers, received.body, url, self.now(), self.settings)
        self._note_clocks(clock_difference(now, answer.date, took))
        return replace(answer, date=asked_at(now, answer.date, took))

    def _note_clocks(self, difference: timedelta) -> None:
        """Warn once if the clocks differ."""
        words = said_of_clocks(difference)
        with self._lock:
            is_news = words and not self.said_of_clocks
            self.said_of_clocks = self.said_of_clocks or words
        if is_news:
            logger.warning(words)

    def _connection(self) -> Connection:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = Connection(self.settings, monotonic=self._answer_clock, answer_seconds=self._answer_seconds)
            self._local.connection = connection
        return connection


def _budgets(
    settings: Settings, sleep: Callable[[float], object], monotonic: Callable[[], float]
) -> dict[Limit, RateLimiter]:
    paces: dict[Limit, int] = {
        "general": settings.requests_per_15_s,
        "reports": settings.report_requests_per_15_min,
    }
    return {
        limit: RateLimiter(pace, WINDOW_SECONDS[limit], sleep=sleep, monotonic=monotonic)
        for limit, pace in paces.items()
    }


_shared: dict[tuple[str, str, int, int], dict[Limit, RateLimiter]] = {}
_shared_lock = threading.Lock()


def _shared_budgets(settings: Settings) -> dict[Limit, RateLimiter]:
    key = (
        settings.base_url,
        settings.account_id,
        settings.requests_per_15_s,
        settings.report_requests_per_15_min,
    )
    with _shared_lock:
        if key not in _shared:
            _shared[key] = _budgets(settings, _nap, time.monotonic)
        return _shared[key]


def _readers() -> ThreadPoolExecutor:
    # Few, since each thread holds on to the memory of a page.
    return ThreadPoolExecutor(2, thread_name_prefix="harvest-reader")


def _nap(seconds: float) -> None:
    # At most half a second at a time, so that workers soon notice that their client was closed.
    time.sleep(min(seconds, 0.5))
