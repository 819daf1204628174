"""Filters of lists: query parameters, parsing of their values, and tests on rows. Pure.

Harvest does not document whether `updated_since` is inclusive (see `conventions`). `from` and `to` are inclusive.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from harvest_simulator.account.tables import Tables
from harvest_simulator.http.responses import not_valid

Test = Callable[[Tables, Any, Any], bool]


@dataclass(frozen=True, slots=True)
class Filter:
    """Filter: the parser of its value (from name and text), and the test for rows to keep."""

    read: Callable[[str, str], Any]
    is_match: Test


def read_whole(name: str, text: str) -> int:
    """Parse an integer. Raises Refusal 422."""
    try:
        return int(text)
    except ValueError:
        raise not_valid(f"{name} must be a number") from None


def read_text(_name: str, text: str) -> str:
    """Accept any text."""
    return text


def read_flag(name: str, text: str) -> bool:
    """Parse true or false. Raises Refusal 422."""
    if text.lower() not in ("true", "false"):
        raise not_valid(f"{name} must be true or false")
    return text.lower() == "true"


def read_day(name: str, text: str) -> date:
    """Parse a date, ISO or YYYYMMDD. Raises Refusal 422."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise not_valid(f"{name} must be a date") from None


def read_instant(name: str, text: str) -> int:
    """Parse an ISO timestamp, or a date as its midnight UTC. Raises Refusal 422."""
    try:
        said = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise not_valid(f"{name} must be a date and time") from None
    return int((said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp())


def one_of(*values: str) -> Callable[[str, str], str]:
    """Build a parser that accepts only these values."""

    def read(name: str, text: str) -> str:
        if text not in values:
            raise not_valid(f"{name} must be one of {', '.join(values)}")
        return text

    return read


def _attribute(name: str, read: Callable[[str, str], Any]) -> Filter:
    return Filter(read, lambda _tables, row, value: bool(getattr(row, name) == value))


UPDATED_SINCE = Filter(
    read_instant, lambda tables, row, value: bool(row.updated_at >= value + tables.conventions.is_since_exclusive)
)
IS_ACTIVE = _attribute("is_active", read_flag)
IS_BILLED = _attribute("is_billed", read_flag)
IS_RUNNING = Filter(read_flag, lambda _tables, row, value: (row.timer_started_at is not None) is value)
USER = _attribute("user_id", read_whole)
TASK = _attribute("task_id", read_whole)
PROJECT = _attribute("project_id", read_whole)
CLIENT = _attribute("client_id", read_whole)
CLIENT_OF_PROJECT = Filter(read_whole, lambda tables, row, value: tables.projects[row.project_id].client_id == value)
PROJECT_OF_LINE = Filter(read_whole, lambda _tables, row, value: any(line.project_id == value for line in row.lines))
APPROVAL = _attribute("approval_status", one_of("unsubmitted", "submitted", "approved"))
INVOICE_STATE = _attribute("state", one_of("draft", "open", "paid", "closed"))
ESTIMATE_STATE = _attribute("state", one_of("draft", "sent", "accepted", "declined"))
EXTERNAL_ID = Filter(
    read_text,
    lambda _tables, row, value: row.external_reference is not None and row.external_reference.id == value,
)
SPENT_FROM = Filter(read_day, lambda _tables, row, value: bool(row.spent_date >= value))
SPENT_TO = Filter(read_day, lambda _tables, row, value: bool(row.spent_date <= value))
ISSUED_FROM = Filter(read_day, lambda _tables, row, value: bool(row.issue_date >= value))
ISSUED_TO = Filter(read_day, lambda _tables, row, value: bool(row.issue_date <= value))
