"""Rate limiter for Harvest's two rate limits, shared by every worker of an account."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..errors import HarvestError

# Harvest counts a request when it arrives: after it is sent, and before its response. One with a quick response is assumed
# to have arrived within half a second; any other may have arrived as late as its response.
_SOON_SECONDS = 5.0
_ARRIVAL_SECONDS = 0.5
_MARGIN_SECONDS = 0.05


class Stopped(HarvestError):
    """The run ended while a worker waited for the rate limit."""


class Ticket:
    """Slot of a request in the window: taken until its response arrives, and then for as long as Harvest counts it."""

    __slots__ = ("frees_at", "sent_at")

    def __init__(self, sent_at: float) -> None:
        self.sent_at = sent_at
        self.frees_at = float("inf")


class RateLimiter:
    """Sliding-window rate limiter: at most `requests` in any `window_seconds`, counted so that Harvest's limit is never exceeded.

    Args:
        requests: maximum number of requests per window; 0 disables the limit.
        window_seconds: length of the window.
        sleep: sleeps for some seconds; may return early.
        monotonic: monotonic clock in seconds.
    """

    def __init__(
        self, requests: int, window_seconds: float, *, sleep: Callable[[float], object], monotonic: Callable[[], float]
    ) -> None:
        self._requests = requests
        self._window_seconds = window_seconds
        self._sleep = sleep
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._tickets: list[Ticket] = []
        self._paused_until = float("-inf")

    def take(self, is_stopped: Callable[[], bool]) -> Ticket:
        """Wait for a free slot in the window, and take it.

        Raises:
            Stopped: `is_stopped` became true while waiting.
        """
        while True:
            if is_stopped():
                raise Stopped("The run has ended.")
            with self._lock:
                now = self._monotonic()
                wait = self._wait_seconds(now)
                if wait <= 0:
                    ticket = Ticket(now)
                    self._tickets.append(ticket)
                    return ticket
            self._sleep(wait)

    def answered(self, ticket: Ticket) -> None:
        """Record that the response for `ticket` has arrived, and with it the request at Harvest."""
        with self._lock:
            now = self._monotonic()
            is_soon = now - ticket.sent_at < _SOON_SECONDS
            arrived_at = min(now, ticket.sent_at + _ARRIVAL_SECONDS) if is_soon else now
            ticket.frees_at = arrived_at + self._window_seconds + _MARGIN_SECONDS

    def pause(self, seconds: float) -> None:
        """Pause all workers for some seconds, after a 429."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._monotonic() + seconds)

    def free_in_seconds(self, requests: int) -> float:
        """Seconds until this many requests may be sent at once; 0 if they may be sent now. Takes no slot."""
        with self._lock:
            now = self._monotonic()
            pause = max(0.0, self._paused_until - now)
            # Without a response, the arrival time of a request is unknown.
            frees_at = (min(ticket.frees_at, now + self._window_seconds) for ticket in self._tickets)
            taken = sorted(at for at in frees_at if at > now)
            short = len(taken) + min(requests, self._requests) - self._requests
            is_free = short <= 0 or not self._requests
            return pause if is_free else max(pause, taken[short - 1] - now)

    def _wait_seconds(self, now: float) -> float:
        if now < self._paused_until:
            return self._paused_until - now
        if not self._requests:
            return 0.0
        self._tickets = [ticket for ticket in self._tickets if ticket.frees_at > now]
        if len(self._tickets) < self._requests:
            return 0.0
        first = min(ticket.frees_at for ticket in self._tickets)
        return min(first - now, _SOON_SECONDS)
