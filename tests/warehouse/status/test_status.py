"""`dlt-harvest status`: how old, how it went, what is proven; from any state, and without changing anything."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from harvest_simulator import Fault
from harvest_warehouse.notify import Event, Outcome
from harvest_warehouse.notify.journal import Journal, Running, changing, journal_file
from harvest_warehouse.status import StatusReport, status
from harvest_warehouse.warehouse import Target
from support.accounts import Account, sync_from
from support.consoles import run
from support.receivers import hook

DAY_AND_A_HALF = timedelta(hours=36)
HOLDING = """
import sys
import duckdb
with duckdb.connect(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def read_at(warehouse: Target) -> datetime:
    """When the last run began, by the database."""
    query = "select max(started_at) from harvest_time_tracking_data.harvest_runs"
    with duckdb.connect(str(warehouse.file), read_only=True) as database:
        [(at,)] = database.execute(query).fetchall()
    return at.astimezone(UTC)  # type: ignore[no-any-return]


def after(warehouse: Target, hours: float, max_age: timedelta = DAY_AND_A_HALF) -> StatusReport:
    """The status so long after the last run."""
    return status(warehouse, max_age, now=read_at(warehouse) + timedelta(hours=hours))


@contextmanager
def being_written(warehouse: Target) -> Iterator[None]:
    """Another process has the file open for writing."""
    command = [sys.executable, "-c", HOLDING, str(warehouse.file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holding:
        assert holding.stdout is not None
        assert holding.stdout.readline().strip() == b"held"
        try:
            yield
        finally:
            holding.communicate()


@contextmanager
def journal(warehouse: Target) -> Iterator[Callable[..., None]]:
    """Something that adds a run to the journal, so many hours ago."""

    def add(hours: float, exit_code: int | None, *events: Event, command: str = "sync") -> None:
        at = datetime.now(UTC) - timedelta(hours=hours)
        with changing(journal_file(warehouse)) as holder:
            holder[0] = holder[0].ended(Outcome(command, "0" * 32, at, at, exit_code, events), {})

    yield add


@pytest.mark.parametrize(("hours", "is_old"), [(0, False), (35.9, False), (36.1, True)])
def test_data_is_old_when_the_last_run_is(synced: tuple[Account, Target], hours: float, is_old: bool) -> None:
    report = after(synced[1], hours)
    [account] = report.accounts
    assert (report.is_old, account.is_old) == (is_old, is_old)
    assert account.age == timedelta(hours=hours)
    assert {table.outcome for table in account.tables} == {"complete"}
    assert all(table.is_old == is_old for table in account.tables)
    assert any("is older than 36 hours" in step for step in report.next_steps) == is_old


def test_one_list_that_no_run_reads_any_more_is_old(synced: tuple[Account, Target]) -> None:
    _, warehouse = synced
    with duckdb.connect(str(warehouse.file)) as database:
        database.execute(
            "update harvest_time_tracking_data.harvest_runs set started_at = started_at - interval 3 day where stream = 'clients'"
        )
    report = after(warehouse, 1)
    [account] = report.accounts
    assert [table.stream for table in account.tables if table.is_old] == ["clients"]
    assert report.is_old


def test_a_list_that_may_not_be_read_is_not_old(open_account: Callable[..., Account], tmp_path: Path) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    account.simulator.set_feature("expense_feature", False)
    sync_from(account, warehouse)
    report = after(warehouse, 1)
    skipped = {table.stream: table for table in report.accounts[0].tables if table.outcome == "skipped"}
    assert "expenses" in skipped
    assert skipped["expenses"].age is None
    assert not report.is_old


def test_runs_are_counted_with_their_rows_and_failures(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    [first] = after(warehouse, 1).accounts[0].runs
    expected = "select sum(rows), sum(requests) from harvest_time_tracking_data.harvest_runs"
    with duckdb.connect(str(warehouse.file), read_only=True) as database:
        assert database.execute(expected).fetchall() == [(first.rows, first.requests)]
    account.simulator.faults.at(lambda request: request.path.endswith("/invoices"), Fault.NOT_FOUND, times=99)
    with pytest.raises(Exception, match="404"):
        sync_from(account, warehouse)
    [found] = status(warehouse, DAY_AND_A_HALF).accounts
    assert [one.has_failed for one in found.runs] == [True, False]
    assert found.failures == 1
    assert found.loaded_at == first.started_at


def test_what_is_compared_and_not_proven_is_said(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    assert after(warehouse, 1).accounts[0].proof is None
    account.simulator.set_rounding("up", 30)
    from harvest_warehouse.verify import verify  # noqa: PLC0415

    client = account.client(requests_per_15_s=0, report_requests_per_15_min=0)
    compared = verify(warehouse, client.settings, client=client)
    report = after(warehouse, 1)
    proof = report.accounts[0].proof
    assert proof is not None
    assert proof.verdicts == compared.counts
    assert sum(proof.not_proven.values()) == len(compared.differing) > 0
    assert any("--repair" in step for step in report.next_steps)


def test_what_was_read_again_lately_is_a_share_of_the_rows(synced: tuple[Account, Target]) -> None:
    _, warehouse = synced
    soon, late = after(warehouse, 1).accounts[0].reread, after(warehouse, 24 * 31).accounts[0].reread
    assert soon is not None
    assert late is not None
    assert (soon.share, late.share) == (1.0, 0.0)
    # One month of time entries is read again at the end of these days.
    at = read_at(warehouse) + timedelta(days=31)
    with duckdb.connect(str(warehouse.file)) as database:
        dated = {
            "time_entries": "spent_date",
            "expenses": "spent_date",
            "invoices": "issue_date",
            "estimates": "issue_date",
        }
        total = sum(
            database.execute(f'select count("{day}") from harvest_time_tracking_data."{name}"').fetchall()[0][0]
            for name, day in dated.items()
        )
        [(month, rows)] = database.execute(
            "select date_trunc('month', spent_date), count(*) from harvest_time_tracking_data.time_entries "
            "group by 1 order by 1 limit 1"
        ).fetchall()
        database.execute(
            "create table if not exists harvest_time_tracking_data.harvest_rereads "
            "(account_id varchar, stream varchar, month date, read_at timestamptz)"
        )
        database.execute(
            "insert into harvest_time_tracking_data.harvest_rereads (account_id, stream, month, read_at) values (?, ?, ?, ?)",
            ["123456", "time_entries", month, at],
        )
    again = after(warehouse, 24 * 31).accounts[0].reread
    assert again is not None
    assert again.share == pytest.approx(rows / total, abs=0.0001)


def test_nothing_is_changed_and_harvest_is_not_asked(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    asked = len(account.simulator.requests)

    def digests() -> dict[str, str]:
        files = [file for file in warehouse.folder.rglob("*") if file.is_file() and "dlt" not in file.parts]
        return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    before = digests()
    run("status")
    assert digests() == before
    assert len(account.simulator.requests) == asked


def test_while_the_file_is_locked_the_journal_tells(synced: tuple[Account, Target]) -> None:
    _, warehouse = synced
    with journal(warehouse) as add:
        add(1, 0)
    began = datetime.now(UTC)
    with changing(journal_file(warehouse)) as holder:
        running = Running("sync", "1" * 32, began, os.getpid(), os.uname().nodename)
        holder[0] = replace(holder[0], running=(running,))
    with being_written(warehouse):
        report = status(warehouse, DAY_AND_A_HALF, patience_seconds=0)
        old = status(warehouse, timedelta(minutes=30), patience_seconds=0)
    assert report.accounts == ()
    assert "is being written, or open in another program" in report.unread
    assert [one.command for one in report.running] == ["sync"]
    assert (report.is_old, old.is_old) == (False, True)
    assert any("under way" in step for step in report.next_steps)


def test_a_lock_that_is_short_is_waited_for(synced: tuple[Account, Target]) -> None:
    _, warehouse = synced
    held = being_written(warehouse)
    held.__enter__()
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            held.__exit__(None, None, None)

    report = status(warehouse, DAY_AND_A_HALF, sleep=sleep)
    assert len(waits) == 2
    assert report.accounts


def test_a_database_that_never_opens_is_given_up_by_the_clock(synced: tuple[Account, Target]) -> None:
    """Each try may take long by itself, as with a server that is down."""
    _, warehouse = synced
    ticks = iter(range(0, 1000, 6))
    with being_written(warehouse):
        report = status(warehouse, DAY_AND_A_HALF, sleep=lambda _: None, monotonic=lambda: float(next(ticks)))
    assert report.accounts == ()
    assert next(ticks) == 18, "the beginning, and two tries"


def test_runs_that_never_reached_the_database_count_as_failures(synced: tuple[Account, Target]) -> None:
    _, warehouse = synced
    with journal(warehouse) as add:
        add(9, 0)
        add(6, None)
        add(3, 1, Event("failed", "Harvest failed with 503 at /v2/users/me."))
    report = after(warehouse, 1)
    assert report.failures == 2
    assert "Harvest failed with 503" in report.next_steps[0]
    printed = run("status").out.decode()
    assert "2 failures of sync in a row." in printed


def test_a_run_that_was_killed_is_not_under_way(synced: tuple[Account, Target]) -> None:
    _, warehouse = synced
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    with changing(journal_file(warehouse)) as holder:
        running = Running("sync", "1" * 32, datetime.now(UTC), gone.pid, os.uname().nodename)
        holder[0] = Journal(running=(running,))
    report = after(warehouse, 1)
    assert report.running == ()
    assert (report.failures, report.last["sync"].exit_code) == (1, None)


def test_the_command_ends_with_3_where_data_is_old_and_says_all_as_json(synced: tuple[Account, Target]) -> None:
    assert run("status").code == 0
    printed = run("status", "--json", "--max-age-hours", "0")
    assert printed.code == 3
    document: dict[str, Any] = json.loads(printed.out)
    assert document["is_old"] is True
    assert document["max_age_seconds"] == 0
    [account] = document["accounts"]
    assert account["account_id"] == "123456"
    assert {table["stream"] for table in account["tables"]} >= {"clients", "time_entries"}
    assert account["age_seconds"] > 0
    assert account["runs"][0]["has_failed"] is False


def test_the_age_that_is_allowed_is_that_of_the_alerts(
    synced: tuple[Account, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARVEST_ALERTS__MAX_AGE_HOURS", "0")
    assert run("status").code == 3


def test_where_nothing_was_loaded_it_says_what_to_run(tmp_path: Path) -> None:
    printed = run("status")
    assert printed.code == 2
    assert b"dlt-harvest sync" in printed.err
    assert list(tmp_path.iterdir()) == []


def test_old_data_is_told_once_until_it_is_fresh(
    synced: tuple[Account, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, fresh = ("--max-age-hours", "0"), ("--max-age-hours", "36")
    with hook() as received:
        monkeypatch.setenv("HARVEST_NOTIFY__WEBHOOK_URL", received.url)
        assert [run("status", "--notify", *age).code for age in (old, old, fresh, fresh, old)] == [3, 3, 0, 0, 3]
    told = [[event["name"] for event in json.loads(body)["events"]] for body in received.bodies]
    assert told == [["stale"], ["recovered"], ["stale"]]
    assert run("status", *old).code == 3
    assert len(received.bodies) == 3
