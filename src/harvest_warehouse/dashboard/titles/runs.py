"""Titles of the page Runs."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from harvest_warehouse.dashboard.formatting import count
from harvest_warehouse.dashboard.reader import Row


def runs_ended(rows: Sequence[Row]) -> str:
    """How many of the runs failed, and whether the last one did. Rows: `has_failed`, oldest first."""
    if not rows:
        return "No run is on record"
    failed = sum(row["has_failed"] for row in rows)
    if len(rows) == 1:
        return "The one run on record failed" if failed else "The one run on record ended well"
    if not failed:
        return f"All of the last {len(rows):,} runs ended well"
    if failed == len(rows):
        return f"All of the last {len(rows):,} runs failed"
    last = "the last one too" if rows[-1]["has_failed"] else "the last one did not"
    return f"{count(failed, 'run')} of the last {len(rows):,} failed; {last}"


def run_durations(rows: Sequence[Row]) -> str:
    """How long runs take, and the last one. Rows: `seconds`, oldest first."""
    if not rows:
        return "No run is on record"
    usual, last = median(row["seconds"] for row in rows), rows[-1]["seconds"]
    if len(rows) == 1:
        return f"The one run on record took {duration(last)}"
    return f"Half of the runs took {duration(usual)} or less; the last one {duration(last)}"


def run_requests(rows: Sequence[Row]) -> str:
    """How many requests runs send, and the last one. Rows: `requests` and `retries`, oldest first."""
    if not rows:
        return "No run is on record"
    last = rows[-1]
    again = f", {last['retries']:,} of them tries again" if last["retries"] else ""
    return f"The last run sent {count(last['requests'], 'request')}{again}; together they sent {sum(row['requests'] for row in rows):,}"


def duration(seconds: float) -> str:
    """Duration for people: `42 s`, `12 min`, `2 h 5 min`."""
    if seconds < 120:
        return f"{seconds:,.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60:,} h {minutes % 60} min"
