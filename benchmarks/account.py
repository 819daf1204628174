"""A simulated account in a process of its own, so that its work is not counted as the loader's."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

from harvest_simulator import Clock, Simulator
from harvest_simulator.company import SIZES

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
    seen = 0
    with simulator.serving() as url:
        line.send((url, rows))
        while True:
            match line.recv():
                case ("requests",):
                    asked = simulator.requests[seen:]
                    seen = len(simulator.requests)
                    line.send([(request.path, request.status) for request in asked])
                case ("change", share):
                    _change(simulator, share)
                    line.send(None)
                case ("pass_time", hours):
                    simulator.clock.start += timedelta(hours=hours)
                    line.send(None)
                case ("delete", entries):
                    _delete(simulator, entries)
                    line.send(None)


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


def _delete(simulator: Simulator, entries: int) -> None:
    ids = sorted(simulator.store.time_entries, key=lambda entry_id: simulator.store.time_entries[entry_id].spent_date)
    for position in range(entries):
        simulator.store.delete_time_entry(ids[(2 * position + 1) * len(ids) // (2 * entries)])
