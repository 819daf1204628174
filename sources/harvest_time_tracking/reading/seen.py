"""Summarise the pages of a list sorted by date, to tell whether consecutive ones overlap. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ..http.protocol import Page
from .stream_state import instant

Version = tuple[object, object, object]
"""Version of a record: its id, when it changed, and the day by which it is sorted."""

Days = tuple[date | None, date | None]
"""First and last day of a range; None for no bound, or an unknown one."""

UNKNOWN: Days = (None, None)


class Ask(NamedTuple):
    """Page to request, by number and page size."""

    page: int
    per_page: int

    @property
    def end(self) -> int:
        """Position of the page's end in the list, in records."""
        return self.page * self.per_page


@dataclass(frozen=True)
class Seen:
    """Summary of one page.

    Attributes:
        rows: number of its records.
        end: position of its end in the list, in records.
        total: length of the list that it states; None if it states none.
        is_last: whether the list ends with it.
        flaw: how it contradicts itself or the request; else empty.
        days: first and last day of its records, if each has one and they are sorted latest first.
        head: versions of its first records, dropped once compared.
        tail: versions of its last records, dropped once compared.
    """

    rows: int
    end: int
    total: int | None
    is_last: bool
    flaw: str
    days: Days
    head: Sequence[Version]
    tail: Sequence[Version]


def look_at(ask: Ask, page: Page, date_field: str, kept: int, known: int) -> Seen:
    """Summarise a page, and check it for contradictions.

    Args:
        ask: the page requested; the page size that the response states takes precedence.
        page: the response.
        date_field: the date that the list is sorted by.
        kept: how many records of either end to keep.
        known: how far other pages reach into the list, in records.
    """
    paging, rows = page.paging, len(page.records)
    per_page = paging.per_page or ask.per_page
    before = (ask.page - 1) * per_page
    end = before + rows
    flaw = ""
    if paging.number not in (None, ask.page):
        flaw = f"page {ask.page:,} was requested, and Harvest sent page {paging.number:,}"
    elif rows > per_page:
        flaw = f"Harvest said {per_page:,} records a page, and page {ask.page:,} held {rows:,}"
    elif paging.total is not None and rows != (due := max(0, min(per_page, paging.total - before))):
        flaw = (
            f"Harvest said {paging.total:,} records, {per_page:,} a page: page {ask.page:,} should have held {due:,}, "
            f"and held {rows:,}"
        )
    elif paging.total is not None and paging.goes_on and end >= paging.total:
        flaw = f"Harvest said {paging.total:,} records, and that more follow page {ask.page:,}, which ended with the last of them"
    elif not rows and paging.goes_on and paging.total is None:
        flaw = f"Harvest said that page {ask.page:,} is not the last, and it held nothing"
    if paging.total is not None:
        is_last = end >= paging.total
    elif paging.goes_on is not None:
        is_last = not paging.goes_on
    else:
        # Harvest states neither: the list has ended if this page adds nothing new.
        is_last = end <= known
    head = versions(page, date_field, 0, min(rows, kept))
    tail = versions(page, date_field, max(0, rows - kept), rows)
    return Seen(rows, end, paging.total, is_last, flaw, days_of(page, date_field), head, tail)


def shared(tail: Sequence[Version], head: Sequence[Version]) -> bool | None:
    """True if the records shared by one page's end and the next one's start are in the same order; None if none are shared."""
    both = set(tail).intersection(head)
    return [one for one in tail if one in both] == [one for one in head if one in both] if both else None


def versions(page: Page, date_field: str, start: int, stop: int) -> list[Version]:
    """Versions of a range of a page's records; they differ between records, and between states of one record."""
    names = ("id", "updated_at", date_field)
    if page.columns is not None and all(name in page.columns for name in names):
        ids, moments, days = (page.columns[name].slice(start, stop - start).to_pylist() for name in names)
        return [
            (row_id, moment and instant(moment), day and day.isoformat())
            for row_id, moment, day in zip(ids, moments, days, strict=True)
        ]
    return [
        # A record without a valid id equals no other.
        (
            record["id"] if is_id(record.get("id")) else object(),
            _text(record.get("updated_at")),
            _text(record.get(date_field)),
        )
        for record in page.records[start:stop]
    ]


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def days_of(page: Page, date_field: str) -> Days:
    """First and last day of a page sorted latest first; unknown if it is not sorted, or a record has no day."""
    if page.columns is not None and date_field in page.columns:
        column = page.columns[date_field]
        is_sorted = not column.null_count and pc.all(pc.greater_equal(column[:-1], column[1:])).as_py() is not False
        return (column[-1].as_py(), column[0].as_py()) if len(column) and is_sorted else UNKNOWN
    days = [day_of(record, date_field) for record in page.records]
    known = [day for day in days if day]
    is_sorted = len(known) == len(days) and all(newer >= older for newer, older in pairwise(known))
    return (known[-1], known[0]) if known and is_sorted else UNKNOWN


def day_of(record: Mapping[str, object], date_field: str | None) -> date | None:
    """Date that a record is sorted by; None if it is missing or invalid."""
    try:
        return date.fromisoformat(str(record.get(date_field or "")))
    except ValueError:
        return None


def are_sorted(answers: Sequence[Seen]) -> bool:
    """True if the days of consecutive pages are all known, and come latest first."""
    days = [seen.days for seen in answers if seen.rows]
    return all(first and last for first, last in days) and all(
        newer and older and newer >= older
        for one, other in pairwise(days)
        for newer, older in zip(one, other, strict=True)
    )


class Ids:
    """Counter of records and distinct ids.

    Attributes:
        count: number of records, including repeats.
    """

    def __init__(self) -> None:
        self._arrays: list[pa.Array] = []
        self._distinct: int | None = 0
        self.count = 0

    def add(self, page: Page) -> None:
        """Add the ids of a page."""
        if not page.records:
            return
        self.count += len(page.records)
        self._distinct = None
        if page.columns is not None and "id" in page.columns:
            self._arrays.append(page.columns["id"])
        else:
            ids = [record.get("id") for record in page.records]
            self._arrays.append(pa.array([number for number in ids if is_id(number)], pa.int64()))

    @property
    def distinct(self) -> int:
        """Number of distinct records; each one without a valid id counts as distinct."""
        if self._distinct is None:
            ids = pa.chunked_array(self._arrays, pa.int64())
            self._distinct = int(pc.count_distinct(ids).as_py()) + self.count - len(ids)
        return self._distinct


def is_id(value: object) -> bool:
    """True if a value can be an id: a 64-bit integer."""
    return type(value) is int and -(2**63) <= value < 2**63
