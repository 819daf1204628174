"""Harvest's API protocol as pure functions: errors, paging, links, retry delays. No network, no clock."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson
import simplejson

from ..clocks import http_date
from ..errors import ContractViolation, Forbidden, HarvestError, NotFound, RequestRefused, RetryableError, TokenRejected
from ..settings import HOW_TO_SIGN_IN, Settings
from ..stream import ANY_ARRAY, Limit
from ..words import printable, without_login

# https://help.getharvest.com/api-v2/introduction/overview/general/#rate-limiting
WINDOW_SECONDS: Mapping[Limit, float] = {"general": 15.0, "reports": 900.0}

# Delays after a 429 without Retry-After (seen in real traffic), first and longest: about the length of the window.
_UNTOLD_WAIT_SECONDS: Mapping[Limit, tuple[float, float]] = {"general": (15.0, 15.0), "reports": (60.0, 900.0)}
_LONGEST_WAIT_SECONDS = 900.0
# Longest number of records or pages, in digits, that is taken for one.
_DIGITS = 19


@dataclass(frozen=True)
class Answer:
    """Successful response.

    Attributes:
        body: the body as received.
        date: time of the request, by the server's or the local clock, whichever was earlier. The client sets it so; from
            `read_answer` it is the response's `Date` header, or None.
        what: path of the request, for messages.
    """

    body: bytes = field(repr=False)
    date: datetime | None = None
    what: str = ""


class Paging(NamedTuple):
    """Paging information of a response; None for whatever it omits.

    Attributes:
        total: number of records in the whole list.
        next_url: URL of the next page; None at the end of the list.
        number: number of this page; lists with cursor pagination number only their first page.
        per_page: page size, which may be smaller than the one requested.
        next_page: number of the next page.
        goes_on: whether there is another page.
    """

    total: int | None = None
    next_url: str | None = None
    number: int | None = None
    per_page: int | None = None
    next_page: int | None = None
    goes_on: bool | None = None


NOTHING_SAID = Paging()


@dataclass(frozen=True)
class Page:
    """Page of a list, or a single record.

    Attributes:
        records: parsed records, with decimals as floats. Records of a list lack their nested lists of objects, such as the
            lines of an invoice, which take most of the memory.
        body: the whole response, for exact numbers and nested lists.
        data_key: key of the records in the response; None if the response is the record.
        paging: paging information.
        date: time of the request, as in `Answer`.
        columns: the records as typed Arrow columns, if the fast path applied.
    """

    records: Sequence[dict[str, Any]]
    body: bytes = field(repr=False)
    data_key: str | None = None
    paging: Paging = NOTHING_SAID
    date: datetime | None = None
    columns: Mapping[str, Any] | None = None

    @property
    def total(self) -> int | None:
        """Number of records in the whole list, as Harvest states it."""
        return self.paging.total

    @property
    def next_url(self) -> str | None:
        """URL of the next page, None at the end of the list."""
        return self.paging.next_url


def limit_of(url: str) -> Limit:
    """Rate limit that a request to `url` counts against, of Harvest's two."""
    return "reports" if "/reports/" in urlsplit(url).path else "general"


def read_answer(
    status: int, headers: Mapping[str, str], body: bytes, url: str, now: datetime, settings: Settings
) -> Answer:
    """Return a successful response as an `Answer`, or raise the error for its status.

    Args:
        status: HTTP status.
        headers: response headers, with case-insensitive keys.
        body: complete and decompressed body.
        url: URL of the request, for messages.
        now: local time, to evaluate a `Retry-After` date.
        settings: the account, for messages.

    Raises:
        RetryableError, TokenRejected, Forbidden, NotFound, RequestRefused, ContractViolation: as documented in
            https://help.getharvest.com/api-v2/introduction/overview/general/
    """
    what = printable(urlsplit(url).path)
    if status == 200:
        return Answer(body, http_date(headers.get("Date")), what)
    failure = _failure(status, headers, _said(headers, body), what, now, settings)
    # Error reporters may record local variables, and a response may repeat the token.
    del headers, body
    raise failure


def _failure(
    status: int, headers: Mapping[str, str], said: str, what: str, now: datetime, settings: Settings
) -> HarvestError:
    if status == 429:
        wait = _retry_after_seconds(headers, now)
        return RetryableError(
            f"Harvest asked for a pause (429) at {what}.", retry_after_seconds=wait, is_throttled=True
        )
    if status >= 500 or status == 408:
        wait = _retry_after_seconds(headers, now)
        return RetryableError(f"Harvest failed with {status} at {what}.", retry_after_seconds=wait)
    # A path without an id exists in every account.
    is_row = any(part.isdecimal() for part in what.split("/"))
    refused = f"Harvest refused the request ({status} at {what}): {said}"
    meanings: Mapping[int, HarvestError] = {
        400: RequestRefused(refused),
        401: TokenRejected(f"Harvest does not accept the access token (401 at {what}): {said} {HOW_TO_SIGN_IN}"),
        403: Forbidden(f"403 at {what}: {said}"),
        404: NotFound(f"404 at {what}: {said}", "" if is_row else f"Is {settings.account_id} the account's id?"),
        422: RequestRefused(refused),
    }
    unknown = f"Harvest answered {status} at {what}, which its documentation does not know: {said}"
    return meanings.get(status) or ContractViolation(unknown)


def read_document(answer: Answer) -> tuple[dict[str, Any], bytes]:
    """Parse the body of a response; return the document and the body, rewritten if odd values made it unparsable.

    Raises:
        RetryableError: the body is not a JSON object.
    """
    body, document = answer.body, None
    try:
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            body = _without_odd_values(body)
            document = orjson.loads(body)
    except (ValueError, RecursionError):
        body = b""
    if not body:
        # Raised outside of `except`: the original error, chained, would carry the whole response.
        raise RetryableError(f"Harvest's answer at {answer.what} is not the JSON it should be.")
    if not isinstance(document, dict):
        raise RetryableError(f"Harvest's answer at {answer.what} is not a JSON object.")
    return document, body


def read_page(answer: Answer, data_key: str | None, base_url: str) -> Page:
    """Parse the records and the paging information of a response.

    Raises:
        RetryableError: the response is not a JSON object.
        ContractViolation: the list is missing, or the link to the next page leads to another host or follows an empty page.
    """
    document, body = read_document(answer)
    if data_key is None:
        return Page([document], body, None, date=answer.date)
    if data_key == ANY_ARRAY:
        arrays = [key for key, value in document.items() if isinstance(value, list)]
        if len(arrays) != 1:
            raise ContractViolation(
                f"Expected one list at {answer.what}, found {printable(', '.join(arrays)) or 'none'}."
            )
        data_key = arrays[0]
    records = document.get(data_key)
    if not isinstance(records, list) or not all(type(record) is dict for record in records):
        raise ContractViolation(f"The answer at {answer.what} holds no list {data_key!r}.")
    for record in records:
        for name in [name for name, value in record.items() if type(value) is list and dict in map(type, value)]:
            del record[name]
    paging = paging_of(document)
    if paging.next_url is not None:
        check_link(paging.next_url, base_url)
        if not records:
            raise ContractViolation(
                f"A page of {answer.what} is empty, and yet it has a link to a next one: not followed."
            )
    return Page(records, body, data_key, paging, answer.date)


def paging_of(document: Mapping[str, Any]) -> Paging:
    """Parse the paging information of a response.

    Links take precedence over page numbers: `next_page` is null on the middle pages of lists with cursor pagination.
    https://help.getharvest.com/api-v2/introduction/overview/pagination/
    """
    links = document.get("links")
    links = links if isinstance(links, dict) else {}
    total, number, per_page, pages, next_page = (
        _count(document.get(name)) for name in ("total_entries", "page", "per_page", "total_pages", "next_page")
    )
    goes_on: bool | None = None
    if "next" in links:
        goes_on = links["next"] is not None
    elif "next_page" in document:
        goes_on = document["next_page"] is not None
    elif number is not None and pages is not None:
        goes_on = number < pages
        next_page = number + 1 if goes_on else None
    return Paging(total, links.get("next"), number, per_page, next_page, goes_on)


def _count(value: object) -> int | None:
    """Parse a number of pages or records; some gateways write it as text."""
    if type(value) is str and value.isascii() and value.isdecimal() and len(value) < _DIGITS:
        return int(value)
    return value if type(value) is int and value >= 0 else None


def check_link(url: object, base_url: str) -> None:
    """Refuse a link that would send the token to another host.

    Raises:
        ContractViolation: scheme, host or port differ from those of `base_url`.
    """
    origin = _origin(url) if isinstance(url, str) else None
    if origin is None or origin != _origin(base_url):
        shown = origin[1] if origin else repr(without_login(str(url)))
        raise ContractViolation(
            f"Harvest's link to the next page leads to {printable(str(shown))}, not to {urlsplit(base_url).netloc}: not followed, so that "
            "the token stays where it belongs."
        )


def wait_seconds(error: RetryableError, tries: int, limit: Limit) -> float:
    """Seconds to wait before attempt number `tries + 1`.

    `Retry-After`, up to 900 s; else 15 s after a 429 (reports: 60 s, doubled up to 900 s); else 1, 2, 4, ... s, up to 30 s.
    """
    if error.retry_after_seconds is not None:
        return min(error.retry_after_seconds, _LONGEST_WAIT_SECONDS)
    if error.is_throttled:
        first, longest = _UNTOLD_WAIT_SECONDS[limit]
        return float(min(first * 2 ** (tries - 1), longest))
    return float(min(2 ** (tries - 1), 30))


def _without_odd_values(body: bytes) -> bytes:
    """Rewrite valid JSON that orjson refuses: lone surrogates become U+FFFD, numbers beyond a double become strings.

    Raises:
        ValueError: it is not valid JSON.
    """

    def refuse(name: str) -> object:
        raise ValueError(f"{name} is no JSON.")

    document = json.loads(body, parse_float=exact_number, parse_int=exact_number, parse_constant=refuse)
    text = simplejson.dumps(document, ensure_ascii=False, use_decimal=True)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def exact_number(digits: str) -> Decimal | int | str:
    """Parse a JSON number without loss; one beyond the range of a double, or with an impossible exponent, stays text."""
    try:
        if not isfinite(float(digits)):
            return digits
        return int(digits) if digits.lstrip("-").isdecimal() else Decimal(digits)
    except ArithmeticError:
        return digits


def _said(headers: Mapping[str, str], body: bytes) -> str:
    """Harvest's own message for an error, from `message`, `error_description`, `error` or the header `Hint`."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    texts = (
        [document.get(key) for key in ("message", "error_description", "error")] if isinstance(document, dict) else []
    )
    shown = (printable(text) for text in [*texts, headers.get("Hint")] if isinstance(text, str))
    words = next(filter(None, shown), None)
    return f"“{words}”." if words else "it gave no reason."


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    """Origin of a URL (scheme, host, port); None if two parsers could read it differently."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or not {"\\", "@"}.isdisjoint(parts.netloc):
        return None
    return parts.scheme, parts.hostname, port or {"http": 80, "https": 443}.get(parts.scheme)


def _retry_after_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """Parse `Retry-After` (seconds, or a date by the server's clock) to seconds; None if missing or invalid."""
    text = headers.get("Retry-After")
    if not text:
        return None
    try:
        seconds = float(text)
        return max(seconds, 0.0) if isfinite(seconds) else None
    except ValueError:
        until = http_date(text)
        return max((until - (http_date(headers.get("Date")) or now)).total_seconds(), 0.0) if until else None
