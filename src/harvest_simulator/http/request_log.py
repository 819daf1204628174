"""Log of the requests to the simulator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Request:
    """Logged request, with the status of its answer (0: not answered at all). Header names as they were sent."""

    at: datetime
    method: str
    path: str
    query: dict[str, str]
    status: int
    headers: dict[str, str]
