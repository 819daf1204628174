"""Pagination by cursor and by page number, both as in Harvest, and the envelope of a page. Pure.

https://help.getharvest.com/api-v2/introduction/overview/pagination/
With cursor pagination, page numbers are on the first page only, and `links.next` has an opaque cursor.
"""

from __future__ import annotations

import base64
import binascii
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from harvest_simulator.http.responses import not_valid

MOST_ROWS_PER_PAGE = 2_000
PAGING_PARAMETERS = frozenset({"page", "per_page", "cursor", "ref", "access_token", "account_id"})
SortKey = Callable[[Any], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Manners:
    """Deviations from documented pagination, by a server or a gateway in front of it.

    `most_rows` is the largest page size, whatever `per_page` requests: 100 was seen until 2020 or later. `unsaid` are the keys
    of the envelope that are left out ("may include", says the documentation), such as `total_entries`, or null.
    """

    most_rows: int = MOST_ROWS_PER_PAGE
    unsaid: frozenset[str] = frozenset()
    is_null: bool = False

    def envelope(self, said: dict[str, Any]) -> dict[str, Any]:
        """Envelope without the keys in `unsaid`, or with null for them."""
        if self.is_null:
            return {name: None if name in self.unsaid else value for name, value in said.items()}
        return {name: value for name, value in said.items() if name not in self.unsaid}


@dataclass(frozen=True, slots=True)
class Asked:
    """Paging parameters of a request, with its full URL (without query) and its query."""

    url: str
    query: dict[str, str]
    per_page: int
    page: int
    cursor: str | None

    def link(self, **paging: str | int) -> str:
        """Build the list's URL with other paging parameters and the same filters, sorted by name as in captured records."""
        kept = {name: value for name, value in self.query.items() if name not in PAGING_PARAMETERS}
        return f"{self.url}?{urlencode(sorted({**kept, 'per_page': self.per_page, **paging}.items()))}"


def read_paging(url: str, query: dict[str, str], most_rows: int = MOST_ROWS_PER_PAGE) -> Asked:
    """Parse paging parameters. Raises Refusal 422 for a per_page outside 1..2000 or a page that is not a positive number."""
    per_page = _whole(query, "per_page", MOST_ROWS_PER_PAGE)
    if not 1 <= per_page <= MOST_ROWS_PER_PAGE:
        raise not_valid(f"Per page must be between 1 and {MOST_ROWS_PER_PAGE}")
    page = _whole(query, "page", 1)
    if page < 1:
        raise not_valid("Page must be greater than 0")
    return Asked(url, query, min(per_page, most_rows), page, query.get("cursor") or None)


def _whole(query: dict[str, str], name: str, otherwise: int) -> int:
    try:
        return int(query.get(name, otherwise))
    except ValueError:
        raise not_valid(f"{name} is not a number") from None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one page, and the envelope without them."""

    rows: Sequence[Any]
    envelope: dict[str, Any]


def page_of(asked: Asked, rows: Sequence[Any], cursor_key: SortKey | None) -> Page:
    """Cut the requested page out of all filtered rows; `cursor_key` is None for lists without cursor pagination."""
    total = len(rows)
    total_pages = max(1, -(-total // asked.per_page))
    if cursor_key is not None and asked.cursor is not None:
        start, end = _place_of(asked, rows, cursor_key)
        numbers: tuple[int | None, int | None, int | None] = (None, None, None)
    else:
        start = (asked.page - 1) * asked.per_page
        end = min(total, start + asked.per_page)
        following = asked.page + 1 if end < total else None
        numbers = (following, asked.page - 1 if asked.page > 1 else None, asked.page)
    shown = rows[start:end]
    if cursor_key is None or not shown:
        next_link = None if numbers[0] is None else asked.link(page=numbers[0], ref="next")
        previous_link = None if numbers[1] is None else asked.link(page=numbers[1], ref="previous")
    else:
        next_link = previous_link = None
        if end < total:
            next_link = asked.link(cursor=_cursor("after", cursor_key(shown[-1])), ref="next_cursor")
        if start > 0:
            previous_link = asked.link(cursor=_cursor("before", cursor_key(shown[0])), ref="previous_cursor")
    envelope = {
        "per_page": asked.per_page,
        "total_pages": total_pages,
        "total_entries": total,
        "next_page": numbers[0],
        "previous_page": numbers[1],
        "page": numbers[2],
        "links": {
            "first": asked.link(page=1, ref="first"),
            "next": next_link,
            "previous": previous_link,
            "last": asked.link(page=total_pages, ref="last"),
        },
    }
    return Page(shown, envelope)


def _cursor(direction: str, key: tuple[int, ...]) -> str:
    return base64.b64encode(json.dumps({direction: {"key": key}}, separators=(",", ":")).encode()).decode()


def _place_of(asked: Asked, rows: Sequence[Any], cursor_key: SortKey) -> tuple[int, int]:
    """Range of the page at a cursor, found by sort key: rows created or deleted before it neither repeat nor hide others."""
    try:
        said = json.loads(base64.b64decode(asked.cursor or "", validate=True))
        direction = "after" if "after" in said else "before"
        key = tuple(int(part) for part in said[direction]["key"])
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise not_valid("Cursor is invalid") from None
    if direction == "after":
        start = bisect_right(rows, key, key=cursor_key)
        return start, min(len(rows), start + asked.per_page)
    end = bisect_left(rows, key, key=cursor_key)
    return max(0, end - asked.per_page), end
