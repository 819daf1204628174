"""Age of the figures: a schedule that fails in silence must not look like a quiet week."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from harvest_warehouse.messages.text import counted


def age_of(account: Mapping[str, Any], now: datetime) -> timedelta:
    """Time since the last load, or since the end of the day of the figures if that is longer.

    Args:
        account: row of dim_account: `loaded_at` (aware), `as_of_date` and `time_zone`.
        now: present time (aware).
    """
    midnight = datetime.combine(account["as_of_date"] + timedelta(1), time(), _zone(account["time_zone"]))
    loaded_at: datetime = account["loaded_at"]
    return max(now - (loaded_at if loaded_at.tzinfo else loaded_at.replace(tzinfo=UTC)), now - midnight, timedelta(0))


def age_words(age: timedelta) -> str:
    """Age in words: `5 hours`, `3 days`."""
    hours = int(age.total_seconds() // 3600)
    if not hours:
        return "less than an hour"
    return counted(hours, "hour") if hours < 48 else counted(hours // 24, "day")


def old_words(age: timedelta, as_of: date, loaded_at: datetime) -> str:
    """Warning that the figures are old."""
    return (
        f"The data is {age_words(age)} old: figures are as of {as_of.day} {as_of:%b %Y}, loaded "
        f"{loaded_at.day} {loaded_at:%b %Y %H:%M} UTC"
    )


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
