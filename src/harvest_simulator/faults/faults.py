"""Faults of network and service: their kinds, and their schedule.

A fault is planned for certain requests (`at`), or hits any request with some probability (`random`, a storm). `between_pages`
changes the account while a list is being read.
"""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random
from typing import Any

from harvest_simulator.http.request_log import Request


class Fault(enum.Enum):
    """Kind of fault; the value says what the client sees."""

    RATE_LIMITED = "429 with Retry-After: 2"
    RATE_LIMITED_DATE = "429 with Retry-After as an HTTP date"
    RATE_LIMITED_BARE = "429 with an empty text/html body and no Retry-After, as captured in 2020"
    SERVER_ERROR = "500 with a web page"
    BAD_GATEWAY = "502 with a web page"
    UNAVAILABLE = "503 with Retry-After"
    RESET = "the connection is reset without an answer"
    SHORT_BODY = "Content-Length says more than the body holds, then the connection closes"
    TRUNCATED_JSON = "a body of the announced length that ends in the middle of its JSON"
    HTML_200 = "200 with a web page"
    SLOW = "a right answer after 30 seconds on the simulator's clock"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    FOREIGN_LINK = "links.next points to another host"
    LOOPING_LINK = "links.next points to the page it is on"
    UNKNOWN_FIELD = "every record carries a new scalar and a new nested field"
    ODD_TYPE = "one number is text, one date is no date, one object is a list"
    # Hostile or broken responses, never seen from Harvest.
    TELLTALE = "400 in words that repeat the token, among control characters"
    TRICKLE = "a body that comes a byte a second of the clock, for 400 seconds, and no further"
    TRICKLING_HEAD = "the same from the first byte on"
    GZIP_BOMB = "half a gigabyte of blanks, packed into half a megabyte"
    CLOCK_AHEAD = "a right answer, dated tomorrow"
    CLOCK_BEHIND = "a right answer, dated yesterday"
    ODD_DATE = "a right answer, dated at the end of the year 9999"
    UNREADABLE_DATE = "a right answer, dated 9999"
    DATE_OF_YEAR_202 = "a right answer, dated in the year 202"
    ODD_YEARS = "each date is of the year 202, and each change of the year 99"
    ENDLESS_LINK = "no rows, and links.next to a page that was never seen"
    ENDLESS_ROWS = "the same rows each time, and links.next to a page that was never seen"
    HUGE_TOTAL = "total_entries is a hundred thousand million"
    HUGE_NUMBER = "a number of 400 digits, and one with 400 zeros behind the point and more"
    STRANGE_NAMES = "fields named by nothing, blanks, punctuation, statements, or 10,000 letters"
    MANY_FIELDS = "2,000 new fields in every record"
    NAMES_ALIKE = (
        "beside fields of every depth others that differ from them in spelling alone, and some named like a copy's own"
    )


# Faults that a client with retries must survive: the default kinds of a storm.
PASSING = (
    Fault.RATE_LIMITED,
    Fault.RATE_LIMITED_BARE,
    Fault.SERVER_ERROR,
    Fault.BAD_GATEWAY,
    Fault.UNAVAILABLE,
    Fault.RESET,
    Fault.SHORT_BODY,
    Fault.TRUNCATED_JSON,
    Fault.HTML_200,
)

Matcher = Callable[[Request], bool] | Mapping[str, Any]


@dataclass(slots=True)
class _Planned:
    is_match: Callable[[Request], bool]
    kind: Fault
    times: int
    # Number of the first matching request to hit, from 1.
    nth: int = 1
    seen: int = 0


@dataclass(slots=True)
class _Storm:
    rate: float
    rng: Random
    kinds: Sequence[Fault]


@dataclass(slots=True)
class _Interruption:
    path: str
    act: Callable[[], object]


class Faults:
    """Schedule of faults. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[_Planned] = []
        self._interruptions: list[_Interruption] = []
        self._storm: _Storm | None = None

    def at(self, matcher: Matcher, kind: Fault, times: int = 1) -> None:
        """Hit the next `times` requests that match.

        The matcher is a function of the request (with status 0), or a dict with `path` (a glob, with or without /v2),
        `query` (required parameters) and `nth` (skip the matching requests before the nth).
        """
        if callable(matcher):
            planned = _Planned(matcher, kind, times)
        else:
            known = {"path", "query", "nth"}
            if set(matcher) - known:
                raise ValueError(f"a matcher knows {sorted(known)}, not {sorted(set(matcher) - known)}")
            planned = _Planned(_matching(matcher), kind, times, nth=int(matcher.get("nth", 1)))
        with self._lock:
            self._planned.append(planned)

    def random(self, rate: float, seed: int, kinds: Sequence[Fault] = PASSING) -> None:
        """Hit each request from now on with probability `rate`; the same seed hits the same requests in order."""
        with self._lock:
            self._storm = _Storm(rate, Random(seed), tuple(kinds))

    def between_pages(self, path: str, act: Callable[[], object]) -> None:
        """Call `act` once, after the first page of the list at `path` was rendered and before it is sent."""
        with self._lock:
            self._interruptions.append(_Interruption(_with_version(path), act))

    def clear(self) -> None:
        """Remove all planned faults, random faults and interruptions."""
        with self._lock:
            self._planned.clear()
            self._interruptions.clear()
            self._storm = None

    def take(self, request: Request) -> Fault | None:
        """Take the fault for this request off the schedule; None if there is none."""
        for planned in list(self._planned):
            # Outside of the lock: a matcher may wait for another request.
            is_match = planned.times > 0 and planned.is_match(request)
            with self._lock:
                if is_match and planned.times > 0:
                    planned.seen += 1
                    if planned.seen >= planned.nth:
                        planned.times -= 1
                        return planned.kind
        with self._lock:
            if self._storm is not None and self._storm.rng.random() < self._storm.rate:
                return self._storm.rng.choice(self._storm.kinds)
        return None

    def take_interruptions(self, request: Request) -> list[Callable[[], object]]:
        """Take the actions to call once this page was rendered; only first pages of a list count."""
        if "cursor" in request.query or request.query.get("page", "1") != "1":
            return []
        with self._lock:
            due = [i for i in self._interruptions if i.path == request.path]
            self._interruptions = [i for i in self._interruptions if i.path != request.path]
        return [interruption.act for interruption in due]


def _with_version(path: str) -> str:
    return path if path.startswith("/v2/") else "/v2/" + path.lstrip("/")


def _matching(matcher: Mapping[str, Any]) -> Callable[[Request], bool]:
    path = _with_version(str(matcher["path"])) if "path" in matcher else None
    wanted = {str(name): str(value) for name, value in dict(matcher.get("query", {})).items()}

    def is_match(request: Request) -> bool:
        if path is not None and not fnmatchcase(request.path, path):
            return False
        return all(request.query.get(name) == value for name, value in wanted.items())

    return is_match
