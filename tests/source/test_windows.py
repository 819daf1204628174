"""Long lists: read in windows and portions, several pages at once, changed while they are read, killed and taken up again."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest_simulator import Fault, Simulator
from harvest_time_tracking import Client, Secret, Session, Settings
from harvest_time_tracking.catalogue import STREAMS
from harvest_time_tracking.reading.calls import windows_between
from harvest_time_tracking.sizes import ReadSizes
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.load import LoadFailed, load
from harvest_warehouse.warehouse import Target
from support.accounts import Account, assert_equals_truth

OpenAccount = Callable[..., Account]
# Long enough for five pages of 2,000.
ENTRIES = 9_000


@pytest.fixture
def short_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if two pages were many."""
    monkeypatch.setattr(Account, "sizes", ReadSizes(pages_at_once=2, pages_of_a_window=1))


def quiet(account: Account) -> Account:
    """An account whose newest entries are an hour old: its clock stands still, and tells new from old by the second."""
    for entry in account.simulator.truth()["time_entries"]:
        if entry["is_running"]:
            account.simulator.store.stop_timer(entry["id"])
    account.simulator.clock.sleep(3_600)
    return account


def asked(account: Account) -> list[dict[str, str]]:
    """What was asked of the time entries, paging left out, and the look at what the token sees."""
    requests = [
        request
        for request in account.simulator.requests
        if request.path == "/v2/time_entries" and request.query.get("per_page") != "100"
    ]
    return [{key: value for key, value in request.query.items() if "page" not in key} for request in requests]


@given(st.dates(date(2000, 1, 1), date(2030, 1, 1)), st.integers(0, 5_000), st.integers(1, 500), st.integers(1, 60))
def test_windows_hold_each_day_once_and_the_outermost_have_no_end(
    oldest: date, days: int, pages: int, pages_each: int
) -> None:
    newest = oldest + timedelta(days=days)
    windows = windows_between(oldest, newest, pages, pages_each)
    assert len(windows) <= max(1, pages // pages_each)
    assert windows[0][1] is None
    assert windows[-1][0] is None
    for newer, older in pairwise(windows):
        assert newer[0] is not None
        assert older[1] is not None
        assert newer[0] - older[1] == timedelta(days=1)
        assert newer[0].day == 1
        assert oldest < newer[0] <= newest


@pytest.mark.usefixtures("short_windows")
def test_a_long_list_is_read_in_windows_and_few_requests_more_than_it_has_pages(open_account: OpenAccount) -> None:
    account = quiet(open_account(entries=ENTRIES))
    account.load("time_entries")
    assert_equals_truth(account, ["time_entries"])
    windows = {(query.get("from"), query.get("to")) for query in asked(account)} - {(None, None)}
    assert len(windows) >= 4
    pages = -(-len(account.rows("time_entries")) // 2000)
    assert len(asked(account)) <= pages + len(windows) + 3, "the first page, the oldest day, and what came in meanwhile"


@pytest.mark.nightly
@pytest.mark.parametrize("portion", [1, 2])
@pytest.mark.usefixtures("short_windows")
@pytest.mark.by_day(1)
def test_in_portions_each_window_is_read_once_and_children_once(open_account: OpenAccount, portion: int) -> None:
    account = quiet(open_account(entries=ENTRIES))
    streams = ["time_entries", "invoices", "invoice_payments"]
    session = Session(STREAMS)
    extracts = 0
    while not extracts or "begun" in {outcome.outcome for outcome in account.outcomes().values()}:
        account.load(*streams, portion=portion, session=session)
        extracts += 1
        # No row that is there is wrong, from the first portion on.
        stored = {row["id"] for row in account.rows("time_entries")}
        assert stored <= {entry["id"] for entry in account.simulator.truth()["time_entries"]}
    assert extracts > 3
    assert_equals_truth(account, streams)
    children = [request.path for request in account.simulator.requests if request.path.endswith("/payments")]
    assert len(children) == len(set(children))
    firsts = [request.query for request in account.simulator.requests if request.path == "/v2/time_entries"]
    firsts = [query for query in firsts if "from" in query and query.keys().isdisjoint({"page", "updated_since"})]
    windows = [(query["from"], query.get("to")) for query in firsts]
    assert len(windows) == len(set(windows))


@pytest.mark.usefixtures("short_windows")
def test_what_changed_between_portions_is_brought_by_the_last(open_account: OpenAccount) -> None:
    account = quiet(open_account(entries=ENTRIES))
    session = Session(STREAMS)
    account.load("time_entries", portion=1, session=session)
    # From the oldest window, which is still to be read, into the newest, which is not read again.
    oldest = min(account.simulator.truth()["time_entries"], key=lambda entry: (entry["spent_date"], entry["id"]))
    account.simulator.clock.sleep(60)
    account.simulator.store.move_to_date(oldest["id"], date(2026, 3, 16))
    account.simulator.clock.sleep(60)
    while account.outcomes()["time_entries"].outcome == "begun":
        account.load("time_entries", portion=1, session=session)
    assert_equals_truth(account, ["time_entries"], after_changes=True)


@pytest.mark.parametrize("pages_at_once", [2, 40], ids=["windows", "one window"])
def test_what_lies_before_the_start_date_stays_out_also_where_it_changes_meanwhile(
    open_account: OpenAccount, monkeypatch: pytest.MonkeyPatch, pages_at_once: int
) -> None:
    monkeypatch.setattr(Account, "sizes", ReadSizes(pages_at_once=pages_at_once, pages_of_a_window=1))
    account = quiet(open_account(entries=ENTRIES))
    dates = sorted(entry["spent_date"] for entry in account.simulator.truth()["time_entries"])
    start = dates[len(dates) // 4]
    before = min(account.simulator.truth()["time_entries"], key=lambda entry: entry["spent_date"])
    changed = []

    def change(query: dict[str, str]) -> None:
        if not changed:
            account.simulator.clock.sleep(5)
            changed.append(account.simulator.store.edit_time_entry(before["id"], notes="changed meanwhile"))

    after_each_answer(account.simulator, change)
    account.load("time_entries", start_date=start)
    assert changed
    stored = sorted(row["spent_date"].isoformat() for row in account.rows("time_entries"))
    assert stored == [day for day in dates if day >= start]


@pytest.mark.parametrize("how", ["made", "made in a window", "moved into a window"])
def test_a_row_hidden_by_a_deletion_and_an_arrival_between_two_pages_is_found(
    open_account: OpenAccount, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if "window" in how:
        monkeypatch.setattr(Account, "sizes", ReadSizes(pages_at_once=2, pages_of_a_window=2))
    account = quiet(open_account(entries=ENTRIES))
    store = account.simulator.store
    entries = sorted(account.simulator.truth()["time_entries"], key=lambda entry: (entry["spent_date"], entry["id"]))
    newest, oldest = entries[-1], entries[0]
    shifted = []

    def shift(query: dict[str, str]) -> None:
        """As many records as before, none of them twice: only the one that slid onto the first page, read already, hides."""
        if shifted or "page" in query or "updated_since" in query or ("window" in how) != ("from" in query):
            return
        shifted.append(query)
        account.simulator.clock.sleep(5)
        last_day = date.fromisoformat(query.get("from", oldest["spent_date"]))
        store.delete_time_entry(newest["id"])
        if how == "moved into a window":
            store.move_to_date(oldest["id"], last_day)
        else:
            ids = (newest["user"]["id"], newest["project"]["id"], newest["task"]["id"])
            store.create_time_entry(*ids, spent_date=last_day)

    after_each_answer(account.simulator, shift)
    account.load("time_entries")
    assert shifted
    have = {row["id"] for row in account.rows("time_entries")}
    want = {entry["id"] for entry in account.simulator.truth()["time_entries"]}
    assert want <= have, "what is there is here; what went, the sweep takes away"
    assert have - want == {newest["id"]}


def after_each_answer(simulator: Simulator, act: Callable[[dict[str, str]], None]) -> None:
    """Tell `act` what was asked of the time entries, once it is answered and before the answer is sent."""
    answer = simulator._answer

    def answered(asked: Any) -> Any:
        said = answer(asked)
        if asked.path == "/v2/time_entries":
            act(dict(asked.query))
        return said

    simulator._answer = answered  # type: ignore[method-assign]


def load_in_pieces(account: Account, folder: Path, kill_after: int | None = None, then_seconds: float = 0.0) -> None:
    """What `dlt-harvest load` does, with portions of one page and three parents, in a process of its own."""

    def run() -> None:
        settings = Settings(
            Secret(account.simulator.access_token), account.simulator.account_id, account.url, requests_per_15_s=0
        )
        sizes = ReadSizes(pages_at_once=2, pages_of_a_window=1, portion=3)
        with Client(settings, sizes=sizes) as client:
            load(Target(folder), settings, KILLED, client=client)

    process = get_context("fork").Process(target=run)
    process.start()
    if kill_after is not None:
        while len(account.simulator.requests) < kill_after and process.is_alive():
            time.sleep(0.002)
        time.sleep(then_seconds)
        process.kill()
    process.join(120)
    assert process.exitcode == (0 if kill_after is None else -signal.SIGKILL)


KILLED = ["time_entries", "clients", "invoices", "invoice_payments", "invoice_messages"]


@pytest.mark.by_day(1)
# After so many requests, while Harvest is read; and so much later, while a portion is normalised, staged, merged.
@pytest.mark.parametrize(
    ("kill_after", "then_seconds"),
    [(3, 0.0), (8, 0.0), (12, 0.0), (17, 0.0), (25, 0.0), (32, 0.0), (8, 0.2), (8, 0.4), (8, 0.6), (8, 0.8), (8, 1.1)],
)
def test_a_load_killed_at_any_moment_goes_on_and_ends_equal(
    open_account: OpenAccount, tmp_path: Path, kill_after: int, then_seconds: float
) -> None:
    account = quiet(open_account(entries=ENTRIES, enforce_limits=False))
    load_in_pieces(account, tmp_path, kill_after=kill_after, then_seconds=then_seconds)
    load_in_pieces(account, tmp_path)
    account.pipeline = open_pipeline(Target(tmp_path))
    assert_equals_truth(account, KILLED)


def test_after_an_interruption_only_what_was_not_written_is_asked_again(
    open_account: OpenAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = quiet(open_account(entries=ENTRIES, enforce_limits=False))
    account.sizes = ReadSizes(pages_at_once=2, pages_of_a_window=1, portion=1)
    client = account.client(requests_per_15_s=0)
    warehouse = Target(tmp_path)
    readings = []

    def at_the_third(step: str) -> None:
        readings.append(step)
        if readings.count("reading Harvest") == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(warehouse, client.settings, ["time_entries"], client=client, on_step=at_the_third)
    first = {tuple(sorted(query.items())) for query in asked(account) if "updated_since" not in query}
    account.simulator.requests.clear()
    load(warehouse, client.settings, ["time_entries"], client=account.client(requests_per_15_s=0))
    second = {tuple(sorted(query.items())) for query in asked(account) if "updated_since" not in query}
    assert len(first) == 3, "the whole list, and two windows"
    assert not first & second
    account.pipeline = open_pipeline(warehouse)
    assert_equals_truth(account, ["time_entries"])


def test_lists_are_there_before_the_first_child_is_asked_for(open_account: OpenAccount, tmp_path: Path) -> None:
    account = open_account(enforce_limits=False)
    account.simulator.faults.at(lambda request: request.path.endswith("/messages"), Fault.UNAUTHORIZED, times=10_000)
    client = account.client(requests_per_15_s=0)
    with pytest.raises(LoadFailed):
        load(Target(tmp_path), client.settings, client=client)
    account.pipeline = open_pipeline(Target(tmp_path))
    lists = [name for name, stream in STREAMS.items() if stream.is_default and not stream.parent]
    assert_equals_truth(account, lists)


def test_pages_of_a_list_by_date_are_asked_for_several_at_once(open_account: OpenAccount) -> None:
    account = open_account(entries=ENTRIES)
    most = _most_at_once(account.simulator, lambda: account.load("time_entries"))
    assert most >= 3


def _most_at_once(simulator: Simulator, act: Callable[[], object]) -> int:
    """How many requests were under way at the same time."""
    under_way, most = 0, 0
    answer = simulator._answer

    def counted(asked: Any) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        time.sleep(0.05)
        try:
            return answer(asked)
        finally:
            under_way -= 1

    simulator._answer = counted  # type: ignore[method-assign]
    act()
    return most


def test_a_load_taken_up_again_asks_its_share_of_those_that_it_had_asked_before(
    open_account: OpenAccount, tmp_path: Path
) -> None:
    account = quiet(open_account(enforce_limits=False))
    account.sizes = ReadSizes(portion=2)
    warehouse = Target(tmp_path)
    streams = ["users", "user_billable_rates", "user_project_assignments", "user_assignments"]
    readings = []

    def at_the_third(step: str) -> None:
        readings.append(step)
        if readings.count("reading Harvest") == 3:  # (the lists, the first portion of people)
            raise KeyboardInterrupt

    client = account.client(requests_per_15_s=0)
    with pytest.raises(KeyboardInterrupt):
        load(warehouse, client.settings, streams, client=client, on_step=at_the_third)
    account.simulator.clock.sleep(3_600)
    first, *_ = sorted(row["id"] for row in account.simulator.truth()["users"])
    # That moves nobody's `updated_at`; the first portion held them.
    account.simulator.store.add_billable_rate(first, Decimal(111))
    client = account.client(requests_per_15_s=0)
    load(warehouse, client.settings, streams, client=client)
    account.pipeline = open_pipeline(warehouse)
    assert_equals_truth(account, streams)
