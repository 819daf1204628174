"""Virtual clock of the simulator: frozen unless asked to tick, so that no test ever waits."""

from __future__ import annotations

import threading
import time
from datetime import UTC, date, datetime, timedelta


class Clock:
    """Clock that is either frozen, and advances only by `sleep`, or ticking in real time.

    `start` is an aware datetime. A ticking clock starts there, runs at the speed of real time, and really sleeps.
    """

    def __init__(self, start: datetime, is_ticking: bool = False) -> None:
        if start.tzinfo is None:
            raise ValueError("the clock's start needs a time zone")
        self.start = start.astimezone(UTC)
        self.is_ticking = is_ticking
        self._slept_seconds = 0.0
        self._born_at_seconds = time.monotonic()
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        """Seconds since the start."""
        if self.is_ticking:
            return time.monotonic() - self._born_at_seconds
        with self._lock:
            return self._slept_seconds

    def now(self) -> datetime:
        """Current time, aware, in UTC."""
        return self.start + timedelta(seconds=self.monotonic())

    def now_seconds(self) -> int:
        """Current time in integer seconds since 1970, as rows store their timestamps."""
        return int(self.now().timestamp())

    def today(self) -> date:
        """Current day, UTC."""
        return self.now().date()

    def sleep(self, seconds: float) -> None:
        """Advance a frozen clock at once; wait for real on a ticking one."""
        if seconds <= 0:
            return
        if self.is_ticking:
            time.sleep(seconds)
            return
        with self._lock:
            self._slept_seconds += seconds
