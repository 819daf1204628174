"""A simulated account in a process of its own, so that its work is not counted as the loader's."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import duckdb

from harvest_simulator import Clock, Simulator
from harvest_simulator.changes.people_at_work import PeopleAtWork
from harvest_simulator.company.company import SIZES

TOKEN, ACCOUNT = "simulated-token", "123456"


@dataclass
class Account:
    """A running account, and the line to its process."""

    url: str
    rows: dict[str, int]
    _line: Connection

    def requests(self) -> list[tuple[str, int]]:
        """Path and status of each request since the last call."""
        return self._asked("requests")

    def change(self, share: float) -> None:
        """That share of the time entries, expenses, invoices, estimates, people and the rest was edited."""
        self._asked("change", share)

    def pass_time(self, hours: float) -> None:
        """So many hours go by at once. An account that began in the past may not be moved beyond now."""
        self._asked("pass_time", hours)

    def start_work(self) -> None:
        """From now on people change a time entry for each 100/15 requests: at Harvest's limit, one a second."""
        self._asked("start_work")

    def end_work(self) -> int:
        """Nobody changes anything any more; how many changes there were."""
        return int(self._asked("end_work"))

    def work(self, changes: int) -> None:
        """People made so many changes, of the same kinds."""
        self._asked("work", changes)

    def differences(self, database: Path) -> int:
        """How many time entries are in the account or in a DuckDB file, and not in both with the same values."""
        return int(self._asked("differences", database))

    def delete(self, entries: int) -> None:
        """So many time entries were deleted, from all over the account's history."""
        self._asked("delete", entries)

    def _asked(self, *question: object) -> Any:
        self._line.send(question)
        return self._line.recv()


@contextmanager
def running(**arguments: Any) -> Iterator[Account]:
    """An account made with the simulator's `arguments`, on a clock that runs.

    Besides: `days_at_rest` since anybody worked, `days_behind` by which its clock is, and `clients`, how many there are.
    """
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, arguments), daemon=True)
    process.start()
    try:
        url, rows = ours.recv()
        yield Account(url, rows, ours)
    finally:
        process.terminate()
        process.join()


def _serve(line: Connection, arguments: dict[str, Any]) -> None:
    now = datetime.now(UTC) - timedelta(days=arguments.pop("days_behind", 0))
    if clients := arguments.pop("clients", 0):
        SIZES[arguments["size"]] = replace(SIZES[arguments["size"]], clients=clients)
    # Work that ended days ago: nobody is editing while we look.
    today = now.date() - timedelta(days=arguments.pop("days_at_rest", 0))
    simulator = Simulator(today=today, clock=Clock(now, is_ticking=True), **arguments)
    truth = simulator.truth()
    rows = {name: len(records) for name, records in truth.items()}
    company = _Company(simulator)
    with simulator.serving() as url:
        line.send((url, rows))
        while True:
            name, *values = line.recv()
            line.send(getattr(company, name)(*values))


class _Company:
    """What an account can be told, by the names in which it is."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._seen = 0
        self._done: list[str] = []

    def requests(self) -> list[tuple[str, int]]:
        asked = self._simulator.requests[self._seen :]
        self._seen += len(asked)
        return [(request.path, request.status) for request in asked]

    def change(self, share: float) -> None:
        _change(self._simulator, share)

    def pass_time(self, hours: float) -> None:
        self._simulator.clock.start += timedelta(hours=hours)

    def delete(self, entries: int) -> None:
        _delete(self._simulator, entries)

    def start_work(self) -> None:
        self._done = self._simulator.start_work()

    def end_work(self) -> int:
        self._simulator.end_work()
        done, self._done = self._done, []
        return len(done)

    def work(self, changes: int) -> None:
        people = PeopleAtWork(self._simulator.store, 1, seed=changes)
        for _ in range(changes):
            people.answered()

    def differences(self, database: Path) -> int:
        return _differences(self._simulator, database)


def _change(simulator: Simulator, share: float) -> None:
    store, truth = simulator.store, simulator.truth()

    def some(name: str) -> list[int]:
        ids = [record["id"] for record in truth[name] if not record.get("is_locked")]
        return ids[:: max(1, round(1 / share))]

    for entry in some("time_entries"):
        store.edit_time_entry(entry, notes="edited")
    for expense in some("expenses"):
        store.edit_expense(expense, notes="edited")
    for invoice in some("invoices"):
        store.edit_invoice(invoice, notes="edited")
    for estimate in some("estimates"):
        store.edit_estimate(estimate, notes="edited")
    for user in some("users"):
        store.edit_user(user, telephone="555")
    for client in some("clients"):
        store.rename_client(client, f"Renamed {client}")


def _differences(simulator: Simulator, database: Path) -> int:
    there = {
        (row.id, row.spent_date, row.hours_hundredths, row.notes, row.updated_at)
        for row in simulator.store.time_entries.values()
        # The hours of a timer are those of the moment in which they are read.
        if row.timer_started_at is None
    }
    with duckdb.connect(str(database), read_only=True) as connection:
        values = "id, spent_date, (hours * 100)::int, notes, epoch(updated_at)::bigint"
        query = f"select {values} from time_entries where not is_running"
        connection.execute("use harvest_time_tracking_data")
        here = set(connection.execute(query).fetchall())
    return len(here ^ there)


def _delete(simulator: Simulator, entries: int) -> None:
    ids = sorted(simulator.store.time_entries, key=lambda entry_id: simulator.store.time_entries[entry_id].spent_date)
    for position in range(entries):
        simulator.store.delete_time_entry(ids[(2 * position + 1) * len(ids) // (2 * entries)])
