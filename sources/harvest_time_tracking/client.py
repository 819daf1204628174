"""The client: one request at a time for whoever asks, paced, retried and bounded. The only module with a network."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import urlencode

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from .budget import RateBudget, Stopped
from .errors import WillRetry
from .protocol import (
    PER_PAGE,
    WINDOW_SECONDS,
    Answer,
    Page,
    check_link,
    limit_of,
    read_answer,
    read_document,
    read_page,
    wait_seconds,
)
from .settings import Secret, Settings
from .stream import Limit

MAX_TRIES = 8
WORKERS = 12
_TIMEOUT_SECONDS = (10.0, 120.0)
_CHUNK_BYTES = 1 << 24

_T = TypeVar("_T")

FastReader = Callable[[Answer], Page | None]


@dataclass
class Spent:
    """What a piece of work cost: requests sent (each try counts) and how many of them were tries again."""

    requests: int = 0
    retries: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, *, is_retry: bool) -> None:
        """Count one request."""
        with self._lock:
            self.requests += 1
            self.retries += is_retry


class Client:
    """Asks one Harvest account.

    Every worker of an account in this process shares its two rate budgets, so a 429 is the exception. Use as a context
    manager, or `close()`: that ends waiting workers.

    Args:
        settings: the account and how to ask it.
        sleep: waits that many seconds. Default: for real, ending early when the client is closed.
        monotonic: a clock in seconds, for the pace.
        now: the wall clock (aware), against which a `Retry-After` date is held.
        tries: how often one request is sent at most.
        per_page: how many records to ask for in one page at most.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        sleep: Callable[[float], object] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        tries: int = MAX_TRIES,
        per_page: int = PER_PAGE,
    ) -> None:
        self.settings = settings
        self.per_page = per_page
        self._closing = threading.Event()
        self._sleep = sleep
        self._monotonic = monotonic
        self._now = now
        self._tries = tries
        if sleep is None and monotonic is time.monotonic:
            self._budgets = _shared_budgets(settings)
        else:
            self._budgets = _budgets(settings, sleep or _nap, monotonic)
        self._local = threading.local()
        self._pool: ThreadPoolExecutor | None = None
        self._reading = _readers()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the workers go, also those that wait for their turn. What is asked later gets new ones."""
        self._closing.set()
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._reading.shutdown(wait=False)
        self._closing, self._pool, self._local = threading.Event(), None, threading.local()
        self._reading = _readers()

    def url(self, path: str, params: Mapping[str, object] | None = None) -> str:
        """The address of `path` below the base, with `params`."""
        query = urlencode(params or {})
        joint = "&" if "?" in path else "?"
        return f"{self.settings.base_url.rstrip('/')}/{path}{joint + query if query else ''}"

    def get(self, url: str, read: Callable[[Answer], _T], spent: Spent | None = None) -> _T:
        """What `read` makes of the answer at `url`, asked again where that can help.

        Waits between tries: Harvest's `Retry-After`, or by the rules of `protocol.wait_seconds`.

        Raises:
            HarvestError: by what happens next; see `errors`.
        """
        check_link(url, self.settings.base_url)
        limit = limit_of(url)
        # These, whatever comes after a close: who waits must not outlive it.
        closing, reading = self._closing, self._reading
        budget = self._budgets[limit]
        for tries in range(1, self._tries + 1):
            ticket = budget.take(closing.is_set)
            if spent:
                spent.add(is_retry=tries > 1)
            try:
                return reading.submit(read, self._ask(url)).result()
            except WillRetry as error:
                if tries == self._tries:
                    raise WillRetry(f"{error} Given up after {tries} tries: run again later.") from None
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
        """The first page of a list, or the record of a single (`data_key` None)."""
        paged = params or {} if data_key is None else {"per_page": self.per_page, **(params or {})}
        return self.page_at(self.url(path, paged), data_key, spent, fast)

    def page_at(
        self, url: str, data_key: str | None, spent: Spent | None = None, fast: FastReader | None = None
    ) -> Page:
        """The page at a link that Harvest gave; `fast` is tried first, and gives None where it is not made for it."""

        def read(answer: Answer) -> Page:
            page = fast(answer) if fast else None
            if page is None:
                return read_page(answer, data_key, self.settings.base_url)
            if page.next_url is not None:
                check_link(page.next_url, self.settings.base_url)
            return page

        return self.get(url, read, spent)

    def count(self, path: str, params: Mapping[str, object] | None = None, spent: Spent | None = None) -> int | None:
        """How many records a list has, for one small request; None where Harvest does not say."""
        url = self.url(path, {**(params or {}), "per_page": 1})
        total = self.get(url, lambda answer: read_document(answer)[0].get("total_entries"), spent)
        return total if type(total) is int else None

    def now(self) -> datetime:
        """The instant by this machine's clock, or by the one that the client was given."""
        return self._now()

    def free_in_seconds(self, limit: Limit, requests: int = 1) -> float:
        """How long it will be until so many requests of this kind may be sent at once. Asks nothing."""
        return self._budgets[limit].free_in_seconds(requests)

    def wait_until_free(self, limit: Limit, requests: int = 1) -> None:
        """Wait until so many requests of this kind may be sent at once. Asks nothing.

        Raises:
            Stopped: when the client is closed meanwhile.
        """
        closing = self._closing
        while (seconds := self.free_in_seconds(limit, requests)) > 0:
            if closing.is_set():
                raise Stopped("The run has ended.")
            (self._sleep or closing.wait)(seconds)

    def in_background(self, work: Callable[..., _T], *args: object) -> Future[_T]:
        """Have a worker do it. To be called from one thread."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="harvest")
        return self._pool.submit(work, *args)

    def _ask(self, url: str) -> Answer:
        failure, began = None, self._monotonic()
        try:
            # In one piece: by default, requests puts a page together from hundreds.
            response = self._session().get(url, timeout=_TIMEOUT_SECONDS, allow_redirects=False, stream=True)
            body = b"".join(response.iter_content(_CHUNK_BYTES))
        except requests.RequestException as error:
            failure = type(error).__name__
        if failure:
            # Raised out here, where that error is gone: it holds the request, and with it the token.
            raise WillRetry(f"No good answer from {self.settings.base_url} ({failure}).")
        answer = read_answer(response.status_code, response.headers, body, url, self._now(), self.settings)
        # Harvest may date an answer when it is ready, and have looked when it was asked.
        took = timedelta(seconds=self._monotonic() - began)
        return replace(answer, date=answer.date - took) if answer.date else answer

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.auth = _Token(self.settings.access_token)
            session.headers.update(
                {
                    "Harvest-Account-Id": self.settings.account_id,
                    "User-Agent": self.settings.user_agent,
                    "Accept": "application/json",
                }
            )
            adapter = HTTPAdapter(pool_connections=1, pool_maxsize=1)
            session.mount("http://", adapter)
            session.mount("https://", adapter)
            self._local.session = session
        return session


class _Token(AuthBase):
    """Puts the token on a request. As `auth`, not as a header of the session: a .netrc would replace that."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return request


def _budgets(
    settings: Settings, sleep: Callable[[float], object], monotonic: Callable[[], float]
) -> dict[Limit, RateBudget]:
    paces: dict[Limit, int] = {
        "general": settings.requests_per_15_s,
        "reports": settings.report_requests_per_15_min,
    }
    return {
        limit: RateBudget(pace, WINDOW_SECONDS[limit], sleep=sleep, monotonic=monotonic)
        for limit, pace in paces.items()
    }


_shared: dict[tuple[str, str, int, int], dict[Limit, RateBudget]] = {}
_shared_lock = threading.Lock()


def _shared_budgets(settings: Settings) -> dict[Limit, RateBudget]:
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
    # Few: each thread keeps the memory that a page took, and two keep two cores busy.
    return ThreadPoolExecutor(2, thread_name_prefix="harvest-reader")


def _nap(seconds: float) -> None:
    # Short naps, so that a closed client's workers notice within half a second, however long the pause.
    time.sleep(min(seconds, 0.5))
