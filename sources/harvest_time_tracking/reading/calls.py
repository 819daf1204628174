"""Build the calls (requests) of one stream from its catalogue entry. Pure."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from ..stream import Stream


@dataclass(frozen=True, eq=False)
class Call:
    """Request for one list or record.

    Attributes:
        path: path below the base URL.
        params: query parameters, except those for paging.
        injected: columns added to each row: the account, the parent's id, the report's window.
    """

    path: str
    params: Mapping[str, object]
    injected: Mapping[str, Any]


def list_calls(stream: Stream, account_id: str, since: str | None, start_date: date | None) -> list[Call]:
    """Calls for a whole list; with `since`, for its changes and for records that change without a new `updated_at`."""
    account = {"account_id": account_id}
    first = {"from": start_date.isoformat()} if stream.date_field and start_date else {}
    if since is None:
        return [Call(stream.path, first, account)]
    changed = Call(stream.path, {**first, "updated_since": since}, account)
    return [changed, Call(stream.path, {**first, **stream.live}, account)] if stream.live else [changed]


def calls_of_owners(stream: Stream, account_id: str, owners: Iterable[int], start_date: date | None) -> list[Call]:
    """Calls for all rows of these owners."""
    if stream.owner is None:
        return []
    first = {"from": start_date.isoformat()} if stream.date_field and start_date else {}
    return [Call(stream.path, {**first, stream.owner.filter: owner}, {"account_id": account_id}) for owner in owners]


def calls_for(stream: Stream, values: Iterable[object], account_id: str) -> list[Call]:
    """Calls for each value of the placeholder in the stream's path: parents' ids, or ids given by name."""
    key = stream.parent.key if stream.parent else None
    return [
        Call(
            re.sub(r"\{[a-z_]+\}", str(value), stream.path),
            {},
            {"account_id": account_id, **({key: value} if key else {})},
        )
        for value in values
    ]


def month_calls(stream: Stream, months: Sequence[date], account_id: str) -> list[Call]:
    """Calls for whole calendar months, from the first day to the last, inclusive.

    Harvest allows at most 365 days: https://help.getharvest.com/api-v2/reports-api/reports/time-reports/
    """
    calls = []
    for first in months:
        last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
        calls.append(
            Call(
                stream.path,
                {"from": compact(first), "to": compact(last)},
                {"account_id": account_id, "from_date": first, "to_date": last},
            )
        )
    return calls


def compact(day: date) -> str:
    """Format a day as documented for reports: `20240131`, with a four-digit year."""
    return day.isoformat().replace("-", "")


def windows_between(oldest: date, newest: date, pages: int, pages_each: int) -> list[tuple[date | None, date | None]]:
    """Split a range of days into windows of whole months, newest first, of about `pages_each` pages each.

    The newest window has no last day and the oldest no first day, so that they include everything outside the range.
    """
    months = months_between(oldest, newest)
    count = max(1, min(pages // pages_each, len(months)))
    firsts = [months[len(months) * number // count] for number in range(1, count)]
    bounds = list(zip([None, *firsts], [*(first - timedelta(days=1) for first in firsts), None], strict=True))
    return bounds[::-1]


def window_call(stream: Stream, account_id: str, first: str | None, last: str | None) -> Call:
    """Call for all rows of a stream from one day to another (`2024-01-31`), both inclusive; None for no bound."""
    bounds = {"from": first, "to": last}
    return Call(stream.path, {name: day for name, day in bounds.items() if day}, {"account_id": account_id})


def months_between(first_day: date, last_day: date) -> list[date]:
    """First days of the calendar months from one day to another."""
    months = []
    month = first_day.replace(day=1)
    while month <= last_day:
        months.append(month)
        month = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    return months
