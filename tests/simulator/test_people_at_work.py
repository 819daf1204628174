"""People at work change time while it is read: so many changes for so many requests, the same for the same seed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import requests

from harvest_simulator import Simulator


def read(sim: Simulator, requests_count: int) -> None:
    with sim.serving() as url, requests.Session() as session:
        for _ in range(requests_count):
            session.get(f"{url}/time_entries", params={"per_page": 1}, headers=sim.headers, timeout=10)


def by_id(records: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {record["id"]: record for record in records}


@pytest.fixture
def sim() -> Simulator:
    """A company of three hundred days, whose clock moves on by 0.15 s with each answer."""
    return Simulator(size="small", entries=4_000, enforce_limits=False, latency=(0.15, 0.15))


@pytest.mark.parametrize(("requests_each", "changes"), [(1.0, 60), (2.5, 24), (0.5, 120), (100 / 15, 9)])
def test_so_many_requests_bring_so_many_changes(sim: Simulator, requests_each: float, changes: int) -> None:
    done = sim.start_work(requests_each)
    read(sim, 60)
    assert len(done) == changes


def test_the_same_seed_makes_the_same_changes_and_another_makes_others() -> None:
    def changes(seed: int) -> list[str]:
        sim = Simulator(size="tiny", enforce_limits=False)
        done = sim.start_work(1, seed)
        read(sim, 30)
        return done

    assert changes(1) == changes(1) != changes(2)


def test_entries_are_edited_made_deleted_and_moved_recent_ones_mostly_and_each_change_is_stamped(
    sim: Simulator,
) -> None:
    before, began = by_id(sim.truth()["time_entries"]), sim.clock.now()
    sim.start_work(0.5)
    read(sim, 200)
    after, ended = by_id(sim.truth()["time_entries"]), sim.clock.now()
    made = [after[key] for key in after.keys() - before.keys()]
    moved = [key for key in before.keys() & after.keys() if before[key]["spent_date"] != after[key]["spent_date"]]
    edited = [key for key in before.keys() & after.keys() if before[key]["hours"] != after[key]["hours"]]
    deleted = before.keys() - after.keys()
    assert min(map(len, (made, moved, edited, deleted))) > 40
    changed = [*made, *(after[key] for key in (*moved, *edited))]
    stamps = {record["updated_at"] for record in changed}
    assert f"{began:%Y-%m-%dT%H:%M:%SZ}" <= min(stamps) < max(stamps) <= f"{ended:%Y-%m-%dT%H:%M:%SZ}"
    assert all(record["created_at"] in stamps for record in made)
    assert len(stamps) > 20, "the clock moves on meanwhile"
    same = [key for key in before.keys() & after.keys() if before[key]["updated_at"] == after[key]["updated_at"]]
    assert all(before[key] == after[key] for key in same)
    recent = str(date(2026, 3, 16) - timedelta(days=13))
    struck = [str(before[key]["spent_date"]) for key in (*moved, *edited, *deleted) if key in before]
    assert 0.5 < sum(day >= recent for day in struck) / len(struck) < 0.9
    far = [key for key in moved if str(before[key]["spent_date"]) < recent and str(after[key]["spent_date"]) < recent]
    assert far, "also between days long past"


def test_nothing_changes_once_work_has_ended(sim: Simulator) -> None:
    done = sim.start_work(1)
    read(sim, 5)
    sim.end_work()
    truth = sim.truth()
    read(sim, 20)
    assert len(done) == 5
    assert sim.truth() == truth
