"""Tell how old the data is, how the last runs went, and what to do next; read-only, also while a run writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from harvest_time_tracking import SettingWrong
from harvest_warehouse.database import Database, NotReadable
from harvest_warehouse.database.read_only import reading
from harvest_warehouse.database.runs import RUNS
from harvest_warehouse.messages.text import counted
from harvest_warehouse.notify.journal import journal_file, read_journal
from harvest_warehouse.status import readings
from harvest_warehouse.status.report import AccountStatus, StatusReport
from harvest_warehouse.warehouse import Target

# A run that writes into a DuckDB file closes it while it waits for Harvest.
PATIENCE_SECONDS = 10.0
_SECONDS_BETWEEN_TRIES = 0.5


def status(
    warehouse: Target,
    max_age: timedelta,
    *,
    expected: Sequence[str] = (),
    now: datetime | None = None,
    patience_seconds: float = PATIENCE_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> StatusReport:
    """Look at the tables `harvest_*`, and at the journal of runs on this machine. Sends no request to Harvest.

    Args:
        warehouse: the database.
        max_age: age from which data is old.
        expected: accounts that should be there; one that was never loaded counts as old.
        now: present time (aware); None for the clock's.
        patience_seconds: how long to try while a run has locked the database. After that, the report is made from the
            journal alone, and says so.
        sleep: sleeps for some seconds between tries.
        monotonic: monotonic clock in seconds.

    Raises:
        SettingWrong: nothing was loaded.
        NoDatabase: the database's file is not a DuckDB database.
    """
    now = now or datetime.now(UTC)
    journal = read_journal(journal_file(warehouse)).with_killed()
    found, unread = _patiently(warehouse, now, max_age, expected, patience_seconds, sleep, monotonic)
    last = {run.command: run for run in journal.runs}
    failures = len(journal.failures("sync"))
    report = StatusReport(warehouse.place, now, max_age, found, unread, journal.running, last, failures, next_steps=())
    steps = tuple(dict.fromkeys(_next_steps(report, warehouse)))
    return StatusReport(warehouse.place, now, max_age, found, unread, journal.running, last, failures, steps)


def _patiently(
    warehouse: Target,
    now: datetime,
    max_age: timedelta,
    expected: Sequence[str],
    patience_seconds: float,
    sleep: Callable[[float], None],
    monotonic: Callable[[], float],
) -> tuple[tuple[AccountStatus, ...], str]:
    # By the clock: a server that is down may take long to say so.
    give_up_at = monotonic() + patience_seconds
    while True:
        try:
            with reading(warehouse) as database:
                return _accounts(database, warehouse, now, max_age, expected), ""
        except NotReadable as error:
            if monotonic() >= give_up_at:
                return (), str(error)
            sleep(_SECONDS_BETWEEN_TRIES)


def _accounts(
    database: Database, warehouse: Target, now: datetime, max_age: timedelta, expected: Sequence[str]
) -> tuple[AccountStatus, ...]:
    if not database.columns(RUNS.name):
        raise SettingWrong(
            f"{warehouse.place} has no table {RUNS.name}: no run has ended yet. Run {warehouse.command('sync')} first."
        )
    known = dict.fromkeys((*readings.accounts(database), *expected))
    return tuple(_account(database, account_id, now, max_age) for account_id in known)


def _account(database: Database, account_id: str, now: datetime, max_age: timedelta) -> AccountStatus:
    tables, runs = readings.tables(database, account_id, now, max_age), readings.runs(database, account_id)
    good = next((run for run in runs if not run.has_failed), None)
    failures = runs.index(good) if good else len(runs)
    age = max(now - good.started_at, timedelta(0)) if good else None
    return AccountStatus(
        account_id,
        tables,
        runs,
        good.started_at if good else None,
        age,
        age is None or age > max_age or any(table.is_old for table in tables),
        failures,
        readings.proof(database, account_id),
        readings.reread(database, account_id, now),
    )


def _next_steps(report: StatusReport, warehouse: Target) -> Iterator[str]:
    if report.running:
        yield "A run is under way: wait for its end."
    last = report.last.get("sync")
    if last and last.has_failed:
        words = next((event.words for event in last.events if event.name in ("failed", "not_built")), "")
        said = f" It said: {words}" if words else " It was killed." if last.exit_code is None else ""
        yield f"The last `sync` here failed.{said} Run {warehouse.command('doctor')}, then {warehouse.command('sync')}."
    elif report.failures == 0 and any(account.failures for account in report.accounts):
        yield f"The last run failed: run {warehouse.command('doctor')}, then {warehouse.command('sync')}."
    if report.is_old and not report.running:
        yield f"The data is older than {counted(int(report.max_age.total_seconds() // 3600), 'hour')}: is {warehouse.command('sync')} scheduled, and does it run?"
    for account in report.accounts:
        yield from _of_account(account, warehouse)


def _of_account(account: AccountStatus, warehouse: Target) -> Iterator[str]:
    if not account.runs:
        yield f"Account {account.account_id} was never loaded: run {warehouse.command('sync')}."
        return
    unproven = [table.stream for table in account.tables if table.outcome == "unproven"]
    if unproven:
        yield f"Not proven complete: {', '.join(unproven)}. The next {warehouse.command('sync')} reads them again."
    if account.proof is None:
        yield f"Nothing was compared with Harvest's reports yet: run {warehouse.command('verify')}."
    elif account.proof.not_proven:
        reports = ", ".join(sorted(account.proof.not_proven))
        yield f"Not every figure agrees with Harvest's ({reports}): run {warehouse.command('sync')} with --repair."
