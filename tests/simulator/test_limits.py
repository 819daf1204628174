"""Both rate limits, the latency and the date run on the virtual clock."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from harvest_simulator import Clock, Simulator

TODAY = date(2026, 3, 16)


@pytest.fixture(scope="module")
def sim() -> Simulator:
    return Simulator(size="tiny", enforce_limits=False)


@pytest.fixture(scope="module")
def url(sim: Simulator) -> Iterator[str]:
    with sim.serving() as url:
        yield url


@pytest.fixture
def own() -> Simulator:
    """A simulator of the test's own, to change as it likes."""
    return Simulator(size="tiny")


def get(sim: Simulator, address: str, **query: Any) -> requests.Response:
    return requests.get(address, params=query, headers=sim.headers, timeout=10)


def test_the_hundred_and_first_request_in_15_seconds_is_told_how_long_to_wait(own: Simulator) -> None:
    with own.serving() as url:
        statuses = []
        for _ in range(100):
            statuses.append(get(own, f"{url}/users/me").status_code)
            own.clock.sleep(0.125)
        assert set(statuses) == {200}
        refused = get(own, f"{url}/users/me")
        assert refused.status_code == 429
        # 12.5 s are gone since the first: it leaves the window after 2.5 more.
        assert refused.headers["Retry-After"] == "3"
        own.clock.sleep(3)
        assert get(own, f"{url}/users/me").status_code == 200


def test_reports_have_a_limit_of_their_own_of_100_in_15_minutes(own: Simulator) -> None:
    with own.serving() as url:
        for _ in range(100):
            assert get(own, f"{url}/reports/project_budget").status_code == 200
            own.clock.sleep(1)
        refused = get(own, f"{url}/reports/project_budget")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "800")
        assert get(own, f"{url}/users/me").status_code == 200


def test_a_refused_request_does_not_lengthen_the_wait(own: Simulator) -> None:
    with own.serving() as url:
        for _ in range(130):
            get(own, f"{url}/users/me")
        own.clock.sleep(15)
        assert get(own, f"{url}/users/me").status_code == 200


def test_the_date_header_is_the_virtual_clock(own: Simulator) -> None:
    own.clock.sleep(3_600)
    with own.serving() as url:
        answer = get(own, f"{url}/company")
    assert parsedate_to_datetime(answer.headers["Date"]) == datetime(2026, 3, 16, 10, tzinfo=UTC)


def test_latency_is_waited_on_the_clock_by_the_size_of_the_answer() -> None:
    sim = Simulator(size="tiny", latency=(1.5, 0.2))
    with sim.serving() as url:
        get(sim, f"{url}/company")
        small = sim.clock.monotonic()
        rows = len(get(sim, f"{url}/time_entries").json()["time_entries"])
    assert 0.2 <= small < 0.21
    assert sim.clock.monotonic() - small == pytest.approx(0.2 + 1.3 * rows / 2_000)


def test_a_frozen_clock_moves_only_by_sleep_and_a_ticking_one_by_itself() -> None:
    start = datetime(2026, 3, 16, 9, tzinfo=UTC)
    frozen, ticking = Clock(start), Clock(start, is_ticking=True)
    assert frozen.now() == start
    frozen.sleep(90)
    assert frozen.now() == datetime(2026, 3, 16, 9, 1, 30, tzinfo=UTC)
    assert frozen.monotonic() == 90
    ticking.sleep(0.01)
    assert ticking.monotonic() >= 0.01
    assert ticking.now() > start
