"""Log of the requests to the simulator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Request:
    """Logged request, with the status of its response (0 if there was none), and header names as sent."""

    at: datetime
    method: str
    path: str
    query: dict[str, str]
    status: int
    headers: dict[str, str]
