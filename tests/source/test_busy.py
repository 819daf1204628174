"""Lists that change while they are read cost what they cost at rest, and nothing that was there is missed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from harvest_time_tracking import Session
from harvest_time_tracking.catalogue import STREAMS
from harvest_time_tracking.reading.stream_state import cursors
from harvest_time_tracking.sizes import ReadSizes
from harvest_warehouse.warehouse import Target
from support.accounts import Account, assert_equals_truth, sync_from

OpenAccount = Callable[..., Account]
ENTRIES = 9_000


def position(account: Account, stream: str) -> datetime | None:
    """Since when the stream has every change."""
    return cursors(next(iter(account.pipeline.state["sources"].values())), account.simulator.account_id).get(stream)


def entries(account: Account) -> dict[int, Any]:
    return {entry["id"]: entry for entry in account.simulator.truth()["time_entries"]}


def stored(account: Account) -> set[tuple[int, datetime]]:
    return {(row["id"], row["updated_at"]) for row in account.rows("time_entries")}


def at_rest(account: Account) -> Account:
    """No timer runs, and the last change is an hour ago."""
    for entry in entries(account).values():
        if entry["is_running"]:
            account.simulator.store.stop_timer(entry["id"])
    account.simulator.clock.sleep(3_600)
    return account


def asked(account: Account) -> int:
    """How many requests there were for time entries since the last look."""
    count = sum(request.path == "/v2/time_entries" for request in account.simulator.requests)
    account.simulator.requests.clear()
    return count


@pytest.mark.parametrize("windows", [False, True], ids=["at once", "in windows"])
@pytest.mark.parametrize("totals", [True, False], ids=["with totals", "without totals"])
@pytest.mark.by_day(1)
def test_a_change_for_each_other_request_hardly_costs_more_than_none(
    open_account: OpenAccount, monkeypatch: pytest.MonkeyPatch, windows: bool, totals: bool
) -> None:
    if windows:
        monkeypatch.setattr(Account, "sizes", ReadSizes(pages_at_once=40, pages_of_a_window=25))
    else:
        monkeypatch.setattr(Account, "sizes", ReadSizes(pages_at_once=1_000))
    counts = []
    for is_busy in (False, True):
        account = open_account(f"busy{is_busy}", entries=ENTRIES, enforce_limits=False, latency=(0.15, 0.15))
        account.simulator.set_paging(most_rows=100, unsaid=() if totals else ("total_entries",))
        before = entries(at_rest(account))
        changes = account.simulator.start_work(2.0) if is_busy else []
        account.load("time_entries")
        account.simulator.end_work()
        counts.append(asked(account))
        assert account.outcomes()["time_entries"].outcome == "complete", account.outcomes()["time_entries"].reason
        assert len(changes) > 40 or not is_busy
        began = position(account, "time_entries")
        assert began is not None
        assert began > datetime(2026, 3, 16, 9, 30, tzinfo=UTC)
        after = entries(account)
        unchanged = [entry for key, entry in before.items() if after.get(key) == entry]
        here = stored(account)
        assert all((entry["id"], datetime.fromisoformat(entry["updated_at"])) in here for entry in unchanged)
        account.simulator.clock.sleep(10)
        account.load("time_entries")
        there = {(key, datetime.fromisoformat(entry["updated_at"])) for key, entry in entries(account).items()}
        assert there <= stored(account), "what is there is here; what went, the sweep takes away"
    rest, busy = counts
    assert rest <= 90 * 1.15 + 10
    assert busy <= rest * 1.15


def test_a_day_longer_than_a_page_that_keeps_changing_is_shown_whole(open_account: OpenAccount) -> None:
    account = open_account(entries=200, enforce_limits=False, latency=(0.15, 0.15))
    store = account.simulator.store
    for _ in range(300):
        store.create_time_entry(spent_date=date(2026, 3, 13))
    account.simulator.set_paging(most_rows=50)
    at_rest(account)
    before = entries(account)
    victims = [key for key, entry in before.items() if entry["spent_date"] == "2026-03-13"]

    def one_goes_and_one_comes(query: dict[str, str]) -> None:
        """The total stays: nothing but the records themselves tells."""
        if victims and "page" in query:
            store.delete_time_entry(victims.pop())
            store.create_time_entry(spent_date=date(2026, 3, 13))

    after_each_answer(account, one_goes_and_one_comes)
    account.load("time_entries")
    outcome = account.outcomes()["time_entries"]
    assert outcome.outcome == "complete", outcome.reason
    after = entries(account)
    here = {key for key, _ in stored(account)}
    assert {key for key, entry in before.items() if after.get(key) == entry} <= here


@pytest.mark.nightly
def test_each_sync_of_a_busy_day_moves_on_and_one_at_rest_makes_all_equal(
    open_account: OpenAccount, tmp_path: Path
) -> None:
    account, warehouse = open_account(entries=1_500, enforce_limits=False, latency=(0.15, 0.15)), Target(tmp_path)
    account.simulator.set_paging(most_rows=100)
    reached = datetime.min.replace(tzinfo=UTC)
    for _ in range(3):
        account.simulator.clock.sleep(8 * 3_600)
        account.simulator.start_work(3.0)
        report = sync_from(account, warehouse)
        account.simulator.end_work()
        assert report.load is not None
        assert report.load.unproven == ()
        now = position(account, "time_entries")
        assert now is not None
        assert now > reached
        reached = now
    at_rest(account)
    assert sync_from(account, warehouse).is_equal
    assert_equals_truth(account)


def test_a_row_that_moves_while_what_changed_is_read_is_not_lost(open_account: OpenAccount) -> None:
    """Out of the part that is still to be read, into the one that was: while the list is read, and again while the news are."""
    account = open_account(entries=1_000, enforce_limits=False, latency=(0.15, 0.15))
    account.simulator.set_paging(most_rows=50)
    account.simulator.clock.sleep(3_600)
    store = account.simulator.store
    oldest = min(entries(account).values(), key=lambda entry: (entry["spent_date"], entry["id"]))
    others = [key for key in entries(account) if key != oldest["id"]][:120]
    seen = []

    def move(query: dict[str, str]) -> None:
        seen.append(query)
        if len(seen) == 2:
            # So much that it takes several pages to say what changed.
            for key in others:
                store.edit_time_entry(key, notes="meanwhile")
            store.move_to_date(oldest["id"], date(2020, 1, 1))
        if "updated_since" in query and len(seen) > 3 and oldest["id"] not in moved:
            moved.append(oldest["id"])
            store.move_to_date(oldest["id"], date(2026, 3, 16))

    moved: list[int] = []
    after_each_answer(account, move)
    account.load("time_entries")
    assert moved
    assert account.outcomes()["time_entries"].outcome == "complete"
    assert oldest["id"] in {key for key, _ in stored(account)}


def after_each_answer(account: Account, act: Callable[[dict[str, str]], None]) -> None:
    """Tell `act` what was asked of the time entries, once it is answered and before the answer is sent."""
    answer = account.simulator._answer

    def answered(asked: Any) -> Any:
        said = answer(asked)
        if asked.path == "/v2/time_entries":
            act(dict(asked.query))
        return said

    account.simulator._answer = answered  # type: ignore[method-assign]


LISTS = [name for name, stream in STREAMS.items() if stream.is_default and not stream.parent and stream.data_key]


@pytest.mark.parametrize("unsaid", [(), ("total_entries",), ("total_entries", "total_pages")], ids=str)
@pytest.mark.by_day(1)
def test_pages_shorter_than_those_asked_for_bring_every_row_first_and_later(
    open_account: OpenAccount, unsaid: tuple[str, ...]
) -> None:
    account = at_rest(open_account(entries=800, enforce_limits=False))
    # Shorter than any list but that of the roles.
    account.simulator.set_paging(most_rows=11, unsaid=unsaid)
    account.load(*LISTS)
    assert {outcome.outcome for outcome in account.outcomes().values()} == {"complete"}
    assert_equals_truth(account, LISTS)
    for entry_id in [key for key in entries(account) if key % 3 == 0]:
        account.simulator.store.edit_time_entry(entry_id, notes="edited")
    account.simulator.clock.sleep(3_600)
    account.simulator.requests.clear()
    account.load(*LISTS)
    assert {outcome.outcome for outcome in account.outcomes().values()} == {"complete"}
    assert_equals_truth(account, LISTS, after_changes=True)
    changed = [request.query for request in account.simulator.requests if request.path == "/v2/time_entries"]
    assert sum("updated_since" in query for query in changed) > 20


@pytest.mark.nightly
def test_a_list_of_short_pages_is_read_in_windows_as_any_other(
    open_account: OpenAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Account, "sizes", ReadSizes(pages_at_once=20, pages_of_a_window=10))
    account = at_rest(open_account(entries=3_000, enforce_limits=False))
    account.simulator.set_paging(most_rows=50)
    session = Session(STREAMS)
    extracts = 0
    while not extracts or account.outcomes()["time_entries"].outcome == "begun":
        account.load("time_entries", portion=10, session=session)
        extracts += 1
    assert extracts > 3
    assert_equals_truth(account, ["time_entries"])
    rows = len(account.rows("time_entries"))
    assert asked(account) <= -(-rows // 50) * 1.25 + 10
    assert account.outcomes()["time_entries"].rows == rows, "each record counts once"


def test_a_window_that_is_not_proven_is_read_once_more_by_the_next_run_and_by_no_later_portion(
    open_account: OpenAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Account, "sizes", ReadSizes(pages_at_once=2, pages_of_a_window=1))
    account = at_rest(open_account(entries=ENTRIES, enforce_limits=False))
    answer = account.simulator._answer
    is_spoilt = True

    def one_too_many_where_there_is_a_last_day(asked: Any) -> Any:
        said = answer(asked)
        if is_spoilt and asked.path == "/v2/time_entries" and "to" in asked.query:
            said.data["total_entries"] += 1
        return said

    account.simulator._answer = one_too_many_where_there_is_a_last_day  # type: ignore[method-assign]
    session = Session(STREAMS)
    extracts = 0
    while not extracts or account.outcomes()["time_entries"].outcome == "begun":
        account.load("time_entries", portion=1, session=session)
        extracts += 1
        assert extracts < 10
    assert account.outcomes()["time_entries"].outcome == "unproven"
    assert position(account, "time_entries") is None
    newest = max(date.fromisoformat(query["from"]) for query in firsts(account))
    is_spoilt = False
    account.simulator.requests.clear()
    account.load("time_entries", session=Session(STREAMS))
    assert account.outcomes()["time_entries"].outcome == "complete"
    # All windows but the newest, which has no last day: that was proven.
    assert max(date.fromisoformat(query["from"]) for query in firsts(account)) < newest
    assert_equals_truth(account, ["time_entries"])


def firsts(account: Account) -> list[dict[str, str]]:
    """The windows that were asked for."""
    queries = [request.query for request in account.simulator.requests if request.path == "/v2/time_entries"]
    return [query for query in queries if "from" in query and query.keys().isdisjoint({"page", "updated_since"})]
