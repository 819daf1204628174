"""Compare the server's clock with the local one; either may be wrong. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

MOST_DIFFERENCE = timedelta(minutes=5)
"""Largest clock difference that is tolerated."""


def http_date(text: str | None) -> datetime | None:
    """Parse an HTTP date; None if it is invalid, or before 1970."""
    try:
        found = parsedate_to_datetime(text) if text else None
    except (ValueError, OverflowError):
        return None
    # "-0000" is UTC, too. https://www.rfc-editor.org/rfc/rfc5322#section-3.3
    found = found.replace(tzinfo=UTC) if found and not found.tzinfo else found
    return found if found and found.year >= 1970 else None


def asked_at(ours: datetime, theirs: datetime | None, took: timedelta) -> datetime:
    """Earliest possible time of a request by either clock: its response includes every change before that.

    Args:
        ours: local time when the request was sent.
        theirs: `Date` of the response. It may be the time when the response was ready, not when its data was read.
        took: time from sending the request to the last byte of the response.
    """
    return min(ours, theirs - took) if theirs else ours


def clock_difference(ours: datetime, theirs: datetime | None, took: timedelta) -> timedelta:
    """Smallest possible lead of the server's clock over the local one (negative: lag); arguments as in `asked_at`."""
    if theirs is None:
        return timedelta()
    return max(theirs - (ours + took), timedelta()) if theirs > ours else theirs - ours


def said_of_clocks(difference: timedelta) -> str:
    """Warning about a clock difference; empty if it is tolerable."""
    if abs(difference) <= MOST_DIFFERENCE:
        return ""
    minutes = abs(difference) // timedelta(minutes=1)
    days, hours = minutes // 1440, minutes // 60
    long = f"{days} days" if days > 1 else f"{hours} hours" if hours > 1 else f"{minutes} minutes"
    return (
        f"Harvest's clock is {long} {'ahead of' if difference > timedelta() else 'behind'} this machine's (or that of a proxy in "
        "between is). The earlier of the two is used, so nothing is missed, but some rows are read more than once: correct this "
        "machine's clock."
    )
