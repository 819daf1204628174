"""The rotating re-read: what changed without a trace is healed within the runs that were stated, at the price that was."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from harvest_simulator import Simulator
from harvest_time_tracking import STREAMS
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.database.reread_filters import RereadFilters
from harvest_warehouse.database.run import Run
from harvest_warehouse.load import load
from harvest_warehouse.load.reread_rotation import REST, RereadUnit, Rotation, rotate, rotation
from harvest_warehouse.warehouse import Target
from support.accounts import Account, assert_equals_truth

OpenAccount = Callable[..., Account]
NOW = datetime(2025, 6, 1, 3, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=100)
SOME = ("clients", "task_assignments", "time_entries", "expenses")


def load_from(
    account: Account,
    warehouse: Target,
    again: RereadFilters | None = None,
    streams: Sequence[str] = SOME,
    **settings: Any,
) -> int:
    """Loads, and gives the number of requests that it took."""
    account.simulator.enforce_limits = False
    client = account.client(requests_per_15_s=0, report_requests_per_15_min=0, **settings)
    before = len(account.simulator.requests)
    load(warehouse, client.settings, streams, again=again, client=client)
    account.pipeline = open_pipeline(warehouse)
    return len(account.simulator.requests) - before


@pytest.fixture
def read(open_account: OpenAccount, tmp_path: Path, once: Callable[..., Path]) -> tuple[Account, Target]:
    """An account of which some streams were just read."""

    def make(made: Target) -> None:
        simulator = Simulator(size="tiny")
        with simulator.serving() as url:
            load_from(Account(simulator, url, made.folder), made)

    account, warehouse = open_account(), Target(tmp_path)
    shutil.copy(once("rotation", make), warehouse.file)
    account.pipeline = open_pipeline(warehouse)
    return account, warehouse


def turn_of(account: Account, warehouse: Target, requests: int, hours: float = 13.0, **settings: Any) -> Rotation:
    """What is due so many hours from now: the machine's clock dates the runs."""
    at = datetime.now(UTC) + timedelta(hours=hours)
    return rotation(Run(warehouse), account.client(**settings).settings, requests, now=at)


def month(number: int, rows: int = 100, stream: str = "time_entries", read_at: datetime = LONG_AGO) -> RereadUnit:
    return RereadUnit(stream, date(2024, number, 1), rows, read_at)


@pytest.mark.nightly
@pytest.mark.parametrize("change", ["rounding", "rate"])
def test_what_changed_without_a_trace_is_healed_within_the_stated_runs(
    open_account: OpenAccount, tmp_path: Path, change: str
) -> None:
    account, warehouse = open_account(seed=3), Target(tmp_path)
    load_from(account, warehouse)
    first = turn_of(account, warehouse, requests=1)
    assert first.within_runs > 2, "else this test shows nothing"
    if change == "rounding":
        account.simulator.set_rounding("up", 30)
    else:
        paid = [row for row in account.simulator.truth()["time_entries"] if row["billable_rate"]]
        entry = min(paid, key=lambda row: row["spent_date"])
        day = date.fromisoformat(entry["spent_date"])
        account.simulator.store.restate_rate(entry["user"]["id"], Decimal("77.25"), day, day)
    account.simulator.clock.sleep(86_400)
    load_from(account, warehouse)
    with pytest.raises(AssertionError):
        assert_equals_truth(account, ["time_entries"])
    chosen: list[RereadUnit] = []
    for run in range(first.within_runs):
        turn = turn_of(account, warehouse, requests=1, hours=13 * (run + 1))
        chosen += turn.chosen
        load_from(account, warehouse, turn.again)
    assert_equals_truth(account, list(SOME))
    # The last of these runs had room left, and began the next round.
    assert len({(window.stream, window.month) for window in chosen[: first.windows]}) == first.windows


def test_every_month_and_every_list_with_rows_is_a_window(open_account: OpenAccount, tmp_path: Path) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    load_from(account, warehouse, streams=())
    turn = turn_of(account, warehouse, requests=10_000)
    truth = account.simulator.truth()
    expected: Counter[tuple[str, str | None]] = Counter()
    for name, stream in STREAMS.items():
        if stream.has_updated_since and stream.is_default:
            for row in truth[name]:
                expected[name, row[stream.date_field][:7] if stream.date_field else None] += 1
    assert {
        (window.stream, f"{window.month:%Y-%m}" if window.month else None): window.rows for window in turn.chosen
    } == expected
    assert turn.within_runs == 1


def test_the_requests_are_no_more_than_was_set(open_account: OpenAccount, tmp_path: Path) -> None:
    account, warehouse = open_account(size="small"), Target(tmp_path)
    streams = ("time_entries", "expenses")
    load_from(account, warehouse, streams=streams)
    without = load_from(account, warehouse, streams=streams)
    turn = turn_of(account, warehouse, requests=3)
    spent = load_from(account, warehouse, turn.again, streams)
    assert 0 < spent - without <= 3


def test_with_none_set_nothing_is_read_again(read: tuple[Account, Target]) -> None:
    account, warehouse = read
    turn = turn_of(account, warehouse, requests=0)
    assert (turn.again, turn.chosen, turn.within_runs) == ({}, (), 0)
    assert turn.windows > 0


def test_what_was_just_read_is_left_alone(read: tuple[Account, Target]) -> None:
    account, warehouse = read
    assert turn_of(account, warehouse, requests=10, hours=11).again == {}
    due = turn_of(account, warehouse, requests=2)
    load_from(account, warehouse, due.again)
    later = turn_of(account, warehouse, requests=2)
    assert due.chosen
    assert later.chosen
    assert not set(map(str, due.chosen)) & set(map(str, later.chosen))


def test_a_clock_that_was_ahead_keeps_nothing_from_its_turn(read: tuple[Account, Target]) -> None:
    account, warehouse = read
    with open_pipeline(warehouse).sql_client() as client:
        client.execute_sql("update harvest_runs set started_at = started_at + interval 1 year")
    first = turn_of(account, warehouse, requests=3, hours=0)
    chosen: set[str] = set()
    for run in range(first.within_runs):
        turn = turn_of(account, warehouse, requests=3, hours=13 * run)
        chosen |= {*map(str, turn.chosen)}
        load_from(account, warehouse, turn.again)
    assert len(chosen) == first.windows


def test_another_account_in_the_same_tables_has_a_rotation_of_its_own(
    open_account: OpenAccount, tmp_path: Path
) -> None:
    one, warehouse = open_account("one"), Target(tmp_path)
    other = open_account("other", account_id="777", seed=8)
    load_from(one, warehouse)
    before = turn_of(one, warehouse, requests=4)
    load_from(other, warehouse)
    load_from(other, warehouse, turn_of(other, warehouse, requests=4).again)
    assert turn_of(one, warehouse, requests=4) == before


def test_a_stream_that_cannot_be_read_now_keeps_no_other_from_its_turn(read: tuple[Account, Target]) -> None:
    account, warehouse = read
    account.simulator.set_feature("expense_feature", False)
    load_from(account, warehouse)
    streams = {window.stream for window in turn_of(account, warehouse, requests=1_000).chosen}
    assert "time_entries" in streams
    assert not {"expenses", "expense_categories"} & streams
    account.simulator.set_feature("expense_feature", True)
    load_from(account, warehouse)
    assert "expenses" in {window.stream for window in turn_of(account, warehouse, requests=1_000).chosen}


def test_a_row_that_is_gone_from_harvest_does_not_hold_its_month_in_front(read: tuple[Account, Target]) -> None:
    account, warehouse = read
    turn = turn_of(account, warehouse, requests=3)
    window = next(window for window in turn.chosen if window.month)
    gone = next(
        row for row in account.simulator.truth()[window.stream]
        if row[STREAMS[window.stream].date_field].startswith(f"{window.month:%Y-%m}")
    )  # fmt: skip
    delete = {"time_entries": "delete_time_entry", "expenses": "delete_expense"}[window.stream]
    getattr(account.simulator.store, delete)(gone["id"])
    load_from(account, warehouse, turn.again)
    assert gone["id"] in {row["id"] for row in account.rows(window.stream)}, "nobody sweeps here"
    assert str(window) not in {str(chosen) for chosen in turn_of(account, warehouse, requests=3).chosen}


def test_rows_without_a_date_are_read_with_their_whole_list_after_its_months(read: tuple[Account, Target]) -> None:
    account, warehouse = read
    with open_pipeline(warehouse).sql_client() as client:
        client.execute_sql("update expenses set spent_date = null where id = (select min(id) from expenses)")
    turn = turn_of(account, warehouse, requests=1_000)
    undated = next(window for window in turn.chosen if window.stream == "expenses" and window.month is None)
    assert undated.rows == len(account.simulator.truth()["expenses"])
    assert turn.again["expenses"] == [{}]
    load_from(account, warehouse, turn.again)
    assert_equals_truth(account, ["expenses"])


def test_days_before_the_first_that_is_read_stay_unread(read: tuple[Account, Target]) -> None:
    account, warehouse = read
    days = sorted({date.fromisoformat(row["spent_date"]) for row in account.simulator.truth()["time_entries"]})
    start = next(day for day in days[len(days) // 2 :] if day.day > 1)
    turn = turn_of(account, warehouse, requests=1_000, start_date=start)
    assert turn.again["time_entries"][0]["from"] == start.isoformat()
    load_from(account, warehouse, turn.again, start_date=start)
    assert not turn_of(account, warehouse, requests=1_000, hours=11, start_date=start).chosen, (
        "that month counts as read"
    )


def test_months_that_follow_each_other_are_one_filter() -> None:
    turn = rotate([month(1), month(2), month(4), month(5, read_at=NOW)], 10, NOW)
    # Nothing of ours lies in March, so nothing is lost by asking for it, too.
    assert turn.again == {"time_entries": [{"from": "2024-01-01", "to": "2024-04-30"}]}
    turn = rotate([month(1), month(2, rows=5_000, read_at=NOW), month(3), month(4)], 2, NOW)
    assert turn.again == {
        "time_entries": [{"from": "2024-01-01", "to": "2024-01-31"}, {"from": "2024-03-01", "to": "2024-04-30"}]
    }
    assert turn.within_runs == 2


def test_the_longest_unread_comes_first_and_a_window_that_takes_more_than_was_set_comes_alone() -> None:
    small, big = month(1, rows=1_000), month(2, rows=30_000, read_at=LONG_AGO - timedelta(days=1))
    other = month(3, rows=1_000)
    turn = rotate([small, big, other], 10, NOW)
    assert turn.chosen == (big,)
    assert turn.longest_unread == big
    assert turn.within_runs == 2
    assert rotate([small, other], 10, NOW).chosen == (small, other)


def test_the_rest_begins_when_a_window_was_read() -> None:
    assert rotate([month(1, read_at=NOW - REST)], 10, NOW).chosen
    assert not rotate([month(1, read_at=NOW - REST + timedelta(seconds=1))], 10, NOW).chosen
