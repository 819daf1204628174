"""A comparison is quick, and while it waits for Harvest's report limit it is in nobody's way."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from harvest_simulator import Simulator
from harvest_simulator.account.rows import TimeEntry
from harvest_time_tracking import Client
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.load import load
from harvest_warehouse.sync import sync
from harvest_warehouse.verify import VerifyReport, verify
from harvest_warehouse.warehouse import Target
from support.accounts import Account

# Two years before the day that the simulator's clock stands at.
LONG_AGO = date(2024, 3, 16)
WAIT_LINE = re.compile(r"waiting for Harvest's report limit until (\d\d:\d\d:\d\d)")

Account24 = tuple[Account, Target]


def two_years(simulator: Simulator) -> Simulator:
    """The tiny company, which has worked for four months, with one entry two years ago and one between, and no timer running."""
    for entry in [entry for entry in simulator.store.time_entries.values() if entry.timer_started_at is not None]:
        simulator.store.stop_timer(entry.id)
    for day in (LONG_AGO, date(2024, 11, 5)):
        simulator.store.create_time_entry(spent_date=day, hours=Decimal(3))
    # What is counted to the second before a load began is not what changed since.
    simulator.clock.sleep(60)
    return simulator


@pytest.fixture(scope="session")
def two_years_loaded(once: Callable[..., Path]) -> Path:
    def make(warehouse: Target) -> None:
        simulator = two_years(Simulator(size="tiny", enforce_limits=False))
        with simulator.serving() as url:
            client = Account(simulator, url, warehouse.folder).client()
            load(warehouse, client.settings, client=client)

    return once("two-years", make)


@pytest.fixture
def copy(open_account: Callable[..., Account], two_years_loaded: Path, tmp_path: Path) -> Account24:
    account, warehouse = open_account(), Target(tmp_path)
    two_years(account.simulator)
    shutil.copy(two_years_loaded, warehouse.file)
    account.simulator.clock.sleep(60)
    return account, warehouse


def environment(account: Account, **settings: str) -> dict[str, str]:
    prefix = "SOURCES__HARVEST_TIME_TRACKING__"
    wanted = {"ACCESS_TOKEN": account.simulator.access_token, "ACCOUNT_ID": account.simulator.account_id}
    wanted |= {"BASE_URL": account.url, "REQUESTS_PER_15_S": "0", "REPORT_REQUESTS_PER_15_MIN": "0"} | settings
    return os.environ | {"COLUMNS": "200"} | {f"{prefix}{name}": value for name, value in wanted.items()}


def sync_elsewhere(account: Account) -> None:
    """A sync by another process, to its end. Its clock is the real one, so it is not made to wait."""
    account.simulator.enforce_limits = False
    done = subprocess.run(
        [sys.executable, "-m", "harvest_warehouse.cli", "sync", "--no-build"],
        env=environment(account),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    account.simulator.enforce_limits = True
    assert done.returncode == 0, done.stdout + done.stderr


class Meanwhile:
    """Something that happens once, when a client has waited for a minute."""

    def __init__(self, account: Account, act: Callable[[], None]) -> None:
        self._clock = account.simulator.clock
        self._settings = account.client().settings
        self._act = act
        self._slept = 0.0
        self._lock = threading.Lock()
        self.has_happened = False

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._slept += seconds
            if self._slept > 60 and not self.has_happened:
                self.has_happened = True
                self._act()
        self._clock.sleep(seconds)

    def client(self) -> Client:
        """A client on the simulator's clock."""
        return Client(self._settings, sleep=self.sleep, monotonic=self._clock.monotonic, now=self._clock.now)


def with_room_for(client: Client, reports: int) -> Client:
    """The client when it has asked for so many reports that no more of the hundred in 15 minutes are left."""
    for _ in range(100 - reports):
        client.page("reports/project_budget", "results")
    return client


def report_calls(account: Account, path: str = "") -> list[dict[str, str]]:
    return [request.query for request in account.simulator.requests if f"/reports/{path}" in request.path]


def entry_in(account: Account, first: date, last: date, number: int = 0) -> TimeEntry:
    """A stopped entry of these days that no invoice has locked."""
    store = account.simulator.store
    found = [
        entry
        for entry in store.time_entries.values()
        if first <= entry.spent_date <= last and entry.timer_started_at is None and not entry.is_billed
    ]
    return sorted(found, key=lambda entry: entry.id)[number]


def kept(warehouse: Target, query: str) -> list[tuple[Any, ...]]:
    with open_pipeline(warehouse).sql_client() as client, client.execute_query(query) as cursor:
        return list(cursor.fetchall())


def test_two_years_are_compared_with_25_reports_within_a_minute(copy: Account24) -> None:
    account, warehouse = copy
    began = account.simulator.clock.monotonic()
    said: list[str] = []
    report = verify(warehouse, account.client().settings, client=account.client(), on_step=said.append)
    assert report.is_proven
    assert report.first == date(2024, 3, 1)
    assert len(report_calls(account)) == report.calls <= 25
    assert account.simulator.clock.monotonic() - began < 60
    assert not any("waiting" in line for line in said)
    # The newest year first, and told as soon as it is known.
    lasts = [query["to"] for query in report_calls(account, "time/team")]
    assert lasts == sorted(lasts, reverse=True)
    progress = [line for line in said if line.startswith("writing what")]
    assert progress[0].startswith(f"writing what 8 of {report.calls} reports said: ")
    assert progress[-1].startswith(f"writing what {report.calls} of {report.calls} reports said: ")


@pytest.mark.nightly
def test_what_a_sync_brings_while_reports_are_waited_for_is_compared_again(copy: Account24) -> None:
    account, warehouse = copy
    store = account.simulator.store
    newest = entry_in(account, date(2026, 3, 1), date(2026, 3, 10))

    def change_and_sync() -> None:
        account.simulator.clock.sleep(5)
        # One that was compared, and one that is still to be.
        store.edit_time_entry(newest.id, hours="7.77")
        store.create_time_entry(spent_date=date(2024, 5, 6), hours=Decimal("2.5"))
        sync_elsewhere(account)

    said: list[str] = []
    began_at = account.simulator.clock.now()
    meanwhile = Meanwhile(account, change_and_sync)
    client = with_room_for(meanwhile.client(), 20)
    report = verify(warehouse, client.settings, client=client, is_by_month=True, on_step=said.append)
    assert meanwhile.has_happened
    assert report.is_proven, report.differing[:5]
    march, may = ({"from": f"{month}01", "to": f"{month}{last}"} for month, last in (("202603", 16), ("202405", 31)))
    asked = [{name: query[name] for name in ("from", "to")} for query in report_calls(account, "time/team")]
    assert (asked.count(march), asked.count(may)) == (2, 1)
    for first, last in ((date(2026, 3, 1), date(2026, 3, 16)), (date(2024, 5, 1), date(2024, 5, 31))):
        rows = account.simulator.report_truth("report_time_team", first, last)
        query = f"""
            select sum(ours), sum(theirs) from harvest_reconciliation
            where report = 'time/team' and measure = 'total_hours' and from_date = '{first}' and to_date = '{last}'
        """
        stated = sum(Decimal(str(row["total_hours"])) for row in rows)
        assert kept(warehouse, query) == [(stated, stated)]
    # A hundred went in no time by this clock; the others a quarter of an hour later.
    [until] = [found[1] for line in said if (found := WAIT_LINE.search(line))]
    assert until == f"{(began_at + timedelta(minutes=15)).astimezone():%H:%M:%S}"


@pytest.mark.nightly
def test_what_differs_beside_what_was_synced_meanwhile_is_a_difference_and_no_excuse(copy: Account24) -> None:
    account, warehouse = copy
    store = account.simulator.store
    together: dict[tuple[object, ...], list[TimeEntry]] = {}
    for entry in store.time_entries.values():
        if date(2025, 12, 1) <= entry.spent_date < date(2026, 3, 1) and not entry.is_billed:
            place = entry.project_id, entry.user_id, entry.spent_date.replace(day=1)
            together.setdefault(place, []).append(entry)
    edited, silent, *_ = next(entries for entries in together.values() if len(entries) > 1)
    month = edited.spent_date.replace(day=1)
    # Whatever was touched in this project, by this person and in this task would be excused.
    silent.task_id = edited.task_id
    with store.lock:
        store.version += 1
        silent.hours_hundredths += 100

    def change_and_sync() -> None:
        account.simulator.clock.sleep(5)
        store.edit_time_entry(edited.id, hours="7.77")
        account.simulator.clock.sleep(5)
        sync_elsewhere(account)

    meanwhile = Meanwhile(account, change_and_sync)
    client = with_room_for(meanwhile.client(), 12)
    report = verify(warehouse, client.settings, client=client, since=month)
    assert meanwhile.has_happened
    assert {one.verdict for one in report.differing} == {"mismatch"}
    assert {one.figure.first for one in report.differing if one.figure.report == "time/team"} == {month}


@pytest.mark.nightly
def test_a_sync_can_run_while_a_sync_with_repair_waits(copy: Account24) -> None:
    account, warehouse = copy
    meanwhile = Meanwhile(account, lambda: sync_elsewhere(account))
    client = with_room_for(meanwhile.client(), 10)
    report = sync(warehouse, client.settings, repair=True, build_marts=False, client=client)
    assert meanwhile.has_happened
    assert report.verify is not None
    assert report.verify.is_proven, report.verify.differing[:5]


@contextmanager
def waiting_process(account: Account, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A `verify` of its own, on the real clock and without a terminal, that waits for its limit of eight reports."""
    process = subprocess.Popen(
        [sys.executable, "-m", "harvest_warehouse.cli", "verify", *arguments],
        env=environment(account, REPORT_REQUESTS_PER_15_MIN="8"),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr
    said = []
    # One that waits without a word does so for a quarter of an hour.
    bound = threading.Timer(180, process.kill)
    bound.start()
    try:
        for line in process.stderr:
            said.append(line.rstrip("\n"))
            if WAIT_LINE.search(line):
                break
        yield process, said
    finally:
        bound.cancel()
        process.kill()
        process.communicate()


@pytest.mark.nightly
def test_a_comparison_that_is_killed_while_it_waits_is_gone_on_with(copy: Account24) -> None:
    account, warehouse = copy
    account.simulator.enforce_limits = False
    asked_at = datetime.now().astimezone()
    with waiting_process(account) as (process, said):
        assert sum(bool(WAIT_LINE.search(line)) for line in said) == 1, said
        until = WAIT_LINE.search(said[-1])
        assert until
        # Within a quarter of an hour from when the first report was asked, by this machine's clock.
        waits = [asked_at + timedelta(seconds=second) for second in range(60 * 20)]
        assert until[1] in {f"{at:%H:%M:%S}" for at in waits}
        assert "`dlt-harvest sync` can run meanwhile" in said[-1]
        sync_elsewhere(account)
        account.simulator.enforce_limits = False
        process.kill()
        process.wait()
    windows = "select count(*) from harvest_reconciliation_windows where not is_finished"
    assert kept(warehouse, windows) == [(8,)]
    asked = len(report_calls(account))
    client = account.client(requests_per_15_s=0, report_requests_per_15_min=0)
    report = verify(warehouse, client.settings, client=client)
    assert report.is_proven
    # The budgets and what is left of fees anew, the other year and a month, and the year before.
    assert len(report_calls(account)) - asked == report.calls == 1 + 1 + 7 + 7 + 2
    assert kept(warehouse, windows) == [(0,)]


def test_until_when_harvest_itself_makes_it_wait_is_said_too(copy: Account24) -> None:
    """Another program has used the limit up: then no pace of ours knows of it."""
    account, warehouse = copy
    other = account.client(report_requests_per_15_min=0)
    for _ in range(100):
        other.page("reports/project_budget", "results")
    clock, is_told = account.simulator.clock, threading.Event()

    def sleep(seconds: float) -> None:
        # The simulator's time stands still until it was said.
        is_told.wait(30)
        clock.sleep(seconds)

    said: list[str] = []

    def hear(line: str) -> None:
        said.append(line)
        if WAIT_LINE.search(line):
            is_told.set()

    began_at = clock.now()
    client = Client(account.client().settings, sleep=sleep, monotonic=clock.monotonic, now=clock.now)
    report: VerifyReport = verify(warehouse, client.settings, client=client, on_step=hear)
    assert report.is_proven, (report.differing[:5], report.refused, report.left_out, said)
    [until] = [found[1] for line in said if (found := WAIT_LINE.search(line))]
    assert until == f"{(began_at + timedelta(minutes=15)).astimezone():%H:%M:%S}"
