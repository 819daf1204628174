"""Enforce Harvest's two rate limits, each a sliding window on the simulator's clock.

https://help.getharvest.com/api-v2/introduction/overview/general/#rate-limiting
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from harvest_simulator.clock import Clock
from harvest_simulator.http.responses import throttled


@dataclass(slots=True)
class Limit:
    """Rate limit: at most `requests` admitted in any `window_seconds`; refused requests do not count."""

    requests: int
    window_seconds: float
    admitted_at: deque[float] = field(default_factory=deque)

    def admit(self, clock: Clock) -> None:
        """Admit a request, or raise Refusal 429 with the seconds, rounded up, until the oldest request leaves the window."""
        now = clock.monotonic()
        while self.admitted_at and self.admitted_at[0] <= now - self.window_seconds:
            self.admitted_at.popleft()
        if len(self.admitted_at) >= self.requests:
            raise throttled(max(1, math.ceil(self.admitted_at[0] + self.window_seconds - now)))
        self.admitted_at.append(now)


class Limits:
    """Rate limits of an account: 100 requests in 15 seconds in general, 100 in 15 minutes for reports."""

    def __init__(self) -> None:
        self.general = Limit(100, 15.0)
        self.reports = Limit(100, 900.0)

    def admit(self, path: str, clock: Clock) -> None:
        """Count a request against its rate limit. Raises Refusal 429."""
        (self.reports if path.startswith("/v2/reports/") else self.general).admit(clock)
