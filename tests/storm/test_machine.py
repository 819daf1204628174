"""Storms explored by Hypothesis: any days in any order, shrunk to the fewest that violate an invariant."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from harvest_simulator import Fault
from harvest_time_tracking.sizes import ReadSizes
from storm.driver import Driver, Setup, underway
from storm.events import LONG_LISTS, ODDITIES, PATHS, STAYING, WRONG_CLOCKS, Day, FullDisk, Kill

# A busy machine may need long for one.
pytestmark = [pytest.mark.timeout(900), pytest.mark.nightly]

SEEDS = st.integers(0, 1 << 16)
CHANGES = st.integers(0, 12)
HOURS = st.sampled_from([0.0, 0.5, 24.0])


class Storm(RuleBasedStateMachine):
    """State machine of a storm: each rule is a day with one fault, followed by the invariants; recovery comes at the end."""

    voyage: Driver

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()

    @initialize(is_loaded=st.booleans(), per_page=st.sampled_from([2_000, 20]), portion=st.sampled_from([150, 2]))
    def sets_out(self, is_loaded: bool, per_page: int, portion: int) -> None:
        outset = Setup(1, ReadSizes(per_page=per_page, portion=portion), is_loaded)
        self.voyage = self._stack.enter_context(underway(outset))

    @rule(seed=SEEDS, changes=CHANGES, hours=HOURS, late_seconds=st.sampled_from([0, 3_600]))
    def a_plain_day(self, seed: int, changes: int, hours: float, late_seconds: int) -> None:
        self.voyage.live(Day(seed, hours, changes, late_seconds))

    @rule(seed=SEEDS, changes=CHANGES, rate=st.sampled_from([0.1, 0.3]))
    def requests_fail_and_are_sent_again(self, seed: int, changes: int, rate: float) -> None:
        self.voyage.live(Day(seed, changes=changes, rate=rate))

    @rule(seed=SEEDS, changes=CHANGES, path=st.sampled_from(PATHS), kind=st.sampled_from(sorted(set(STAYING), key=str)))
    def a_path_fails_for_a_whole_run(self, seed: int, changes: int, path: str, kind: Fault) -> None:
        self.voyage.live(Day(seed, changes=changes, spell=(path, kind)))

    @rule(seed=SEEDS, path=st.sampled_from(PATHS), kind=st.sampled_from(ODDITIES), times=st.sampled_from([1, 1 << 30]))
    def what_never_came_comes(self, seed: int, path: str, kind: Fault, times: int) -> None:
        self.voyage.live(Day(seed, changes=5, odd=(path, kind, times)))

    @rule(seed=SEEDS, wrong=st.sampled_from(WRONG_CLOCKS))
    def a_clock_is_wrong(self, seed: int, wrong: dict[str, Any]) -> None:
        self.voyage.live(Day(seed, changes=5, **wrong))

    @rule(seed=SEEDS, path=st.sampled_from(LONG_LISTS))
    def a_list_changes_between_two_pages(self, seed: int, path: str) -> None:
        self.voyage.live(Day(seed, changes=5, between=(path,)))

    @rule(seed=SEEDS, number=st.integers(1, 80))
    def the_token_is_revoked(self, seed: int, number: int) -> None:
        self.voyage.live(Day(seed, changes=5, token_lost_at=number))

    @rule(seed=SEEDS, role=st.sampled_from(["manager", "member"]), number=st.integers(1, 40))
    def permission_is_withdrawn(self, seed: int, role: str, number: int) -> None:
        self.voyage.live(Day(seed, changes=5, role=role, role_at=number))

    @rule(seed=SEEDS, at_event=st.integers(30, 3_000), is_folder_lost=st.booleans())
    def the_run_is_killed(self, seed: int, at_event: int, is_folder_lost: bool) -> None:
        self.voyage.live(Day(seed, changes=5, kill=Kill(at_event)))
        if is_folder_lost:
            self.voyage.live(Day(seed, is_folder_lost=True))

    @rule(seed=SEEDS, at_event=st.integers(30, 3_000))
    def the_disk_is_full(self, seed: int, at_event: int) -> None:
        self.voyage.live(Day(seed, changes=5, disk=FullDisk(at_event=at_event)))

    @rule(seed=SEEDS)
    def two_runs_are_started(self, seed: int) -> None:
        self.voyage.live(Day(seed, changes=5, is_twice=True))

    @rule(seed=SEEDS, is_kept=st.booleans(), is_restored=st.booleans())
    def the_database_is_copied_or_restored(self, seed: int, is_kept: bool, is_restored: bool) -> None:
        self.voyage.live(Day(seed, changes=5, is_copy_kept=is_kept, is_copy_restored=is_restored))

    def teardown(self) -> None:
        with self._stack:
            if hasattr(self, "voyage"):
                self.voyage.reach_calm()


# Few and short: `make storm` goes by seeds, `make explore` by new ones.
TestStorm = Storm.TestCase
TestStorm.settings = settings(
    max_examples=2,
    stateful_step_count=3,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
