"""The pace: never more requests in a window than Harvest counts, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harvest_time_tracking.http.rate_limit import RateLimiter, Stopped, Ticket


@dataclass(frozen=True)
class Asked:
    """A request to come: after how long, how long until its answer, and how far on the way it arrives (0 to 1)."""

    gap: float
    latency: float
    way: float


class World:
    """A clock of its own, and requests that are answered while it runs."""

    def __init__(self, requests: int, window: float) -> None:
        self.now = 0.0
        self.budget = RateLimiter(requests, window, sleep=self.sleep, monotonic=lambda: self.now)
        self.under_way: list[tuple[float, Ticket]] = []
        self.sent: list[float] = []
        self.arrived: list[float] = []

    def sleep(self, seconds: float) -> None:
        until = self.now + max(seconds, 0.0)
        for answered_at, ticket in sorted(self.under_way, key=lambda pair: pair[0]):
            if answered_at <= until:
                self.under_way.remove((answered_at, ticket))
                self.now = max(self.now, answered_at)
                self.budget.answered(ticket)
        self.now = until

    def ask(self, asked: Asked) -> None:
        self.sleep(asked.gap)
        ticket = self.budget.take(lambda: False)
        self.sent.append(self.now)
        answered_at = self.now + asked.latency
        # The stated assumption: what is answered within five seconds arrived within half a second. By the clock, as that is
        # all that anybody sees: 11.557457880778857 and five seconds later are 4.999999999999998 seconds apart on it.
        took = answered_at - self.now
        self.arrived.append(self.now + asked.way * (min(took, 0.5) if took < 5 else took))
        self.under_way.append((answered_at, ticket))


def most_in_a_window(arrived: list[float], window: float) -> int:
    """The largest count of arrivals in any half-open window: the one that begins with an arrival holds the most."""
    return max((sum(start <= at < start + window for at in arrived) for start in arrived), default=0)


LATENCIES = st.one_of(st.floats(0, 1), st.floats(4.5, 5.5), st.floats(0, 60))
ASKED = st.builds(Asked, st.one_of(st.just(0.0), st.floats(0, 20)), LATENCIES, st.floats(0, 1))


@settings(max_examples=300, deadline=None)
@example(requests=1, window=1.0, asked=[Asked(11.557457880778857, 5.0, 1.0), Asked(0.0, 0.0, 0.0)])
@given(st.integers(1, 5), st.sampled_from([1.0, 15.0, 900.0]), st.lists(ASKED, max_size=40))
def test_no_window_ever_holds_more_arrivals_than_the_limit(requests: int, window: float, asked: list[Asked]) -> None:
    world = World(requests, window)
    for one in asked:
        world.ask(one)
    assert most_in_a_window(world.arrived, window) <= requests


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 5),
    st.lists(st.one_of(ASKED, st.floats(0, 1000).map(lambda seconds: ("pause", seconds))), max_size=30),
)
def test_a_pause_stops_everybody_until_it_is_over(requests: int, steps: list[Asked | tuple[str, float]]) -> None:
    world = World(requests, 15.0)
    paused_until = 0.0
    for step in steps:
        if isinstance(step, Asked):
            world.ask(step)
            assert world.sent[-1] >= paused_until
        else:
            world.budget.pause(step[1])
            paused_until = max(paused_until, world.now + step[1])


@settings(max_examples=50, deadline=None)
@given(st.lists(ASKED, max_size=60))
def test_zero_takes_the_pacing_off(asked: list[Asked]) -> None:
    world = World(0, 15.0)
    for one in asked:
        before = world.now
        world.ask(one)
        assert world.sent[-1] == before + one.gap


def test_a_full_window_is_used_at_once_and_the_next_place_comes_when_the_first_is_forgotten() -> None:
    world = World(100, 15.0)
    for _ in range(201):
        world.ask(Asked(0.0, 0.0, 0.0))
    assert world.sent[:100] == [0.0] * 100
    # 15 s after the first hundred, plus a margin that nobody would notice.
    assert all(15.0 <= at <= 15.6 for at in world.sent[100:200])
    assert 30.0 <= world.sent[200] <= 31.2


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.lists(ASKED, max_size=20), st.floats(0, 30))
def test_when_there_is_room_for_so_many_is_known_before_and_they_go_then_without_a_wait(
    requests: int, wanted: int, asked: list[Asked], pause: float
) -> None:
    world = World(requests, 15.0)
    for one in asked:
        world.ask(one)
    if pause > 20:
        world.budget.pause(pause)
    began, wanted = world.now, min(wanted, requests)
    while (seconds := world.budget.free_in_seconds(wanted)) > 0:
        world.sleep(seconds)
    # What is under way has come back by then, but for answers that take longer than the window.
    assert world.now - began <= max(60.0, pause) + 15.1
    free_at = world.now
    for _ in range(wanted):
        world.ask(Asked(0.0, 100.0, 0.0))
    assert world.now == free_at


def test_without_a_pace_only_a_pause_is_waited_for() -> None:
    world = World(0, 15.0)
    for _ in range(200):
        world.ask(Asked(0.0, 0.0, 0.0))
    assert world.budget.free_in_seconds(100) == 0
    world.budget.pause(7)
    assert world.budget.free_in_seconds(1) == 7


def test_how_long_it_takes_until_there_is_room_for_more_is_told_to_the_second() -> None:
    world = World(3, 15.0)
    for gap in (0.0, 2.0, 3.0):
        world.ask(Asked(gap, 0.0, 0.0))
    world.sleep(1.0)
    # Asked at 0, 2 and 5 s, it is 6 s now, and a place is free again 15.05 s after it was taken.
    assert [round(world.budget.free_in_seconds(count), 2) for count in (1, 2, 3, 9)] == [9.05, 11.05, 14.05, 14.05]


def test_a_request_without_an_answer_keeps_its_place() -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)

    budget = RateLimiter(1, 15.0, sleep=sleep, monotonic=lambda: sum(slept))
    budget.take(lambda: False)
    with pytest.raises(Stopped):
        budget.take(stops_after(100, slept))
    assert sum(slept) > 15


def test_nobody_waits_after_the_end() -> None:
    budget = RateLimiter(1, 15.0, sleep=lambda seconds: pytest.fail("waited"), monotonic=lambda: 0.0)
    with pytest.raises(Stopped):
        budget.take(lambda: True)


def stops_after(count: int, slept: list[float]) -> Callable[[], bool]:
    return lambda: len(slept) >= count
