"""What happens to a company on every destination: copied, changed in many ways, copied again, compared, built, and so on."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from harvest_simulator import Fault, Simulator
from harvest_simulator.http.request_log import Request
from harvest_warehouse.database import Database, open_database
from harvest_warehouse.marts import BuildReport, build
from harvest_warehouse.marts.settings import MartSettings
from harvest_warehouse.sync import SyncReport
from harvest_warehouse.verify import VerifyReport, verify
from harvest_warehouse.warehouse import Warehouse
from support.accounts import Account, sync_from

SIZE = os.environ.get("DESTINATIONS_SIZE", "tiny")
LONG = "A long note, 12,000 signs of it. " * 364
NOTES = ("", " ", "👩🏽‍🚀 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 漢字 ñ", 'a "quoted", comma\\backslash\ttab', "two\nlines\r\n", "NULL", "\\N", LONG)

# What makes nothing be read twice in one run: which of two answers counts would be luck.
_ODDITIES = (("contacts", Fault.UNKNOWN_FIELD), ("users", Fault.UNKNOWN_FIELD), ("expenses", Fault.ODD_TYPE))

Rows = dict[str, list[dict[str, Any]]]


@dataclass
class Copied(Account):
    """An account whose tables are those of one moment, whatever the destination."""

    tables_then: Rows = field(default_factory=dict)

    def rows(self, table: str) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in row.items() if not name.startswith("_dlt_")}
            for row in self.tables_then.get(table, [])
        ]

    @contextmanager
    def connected(self) -> Iterator[Callable[[str], list[dict[str, Any]]]]:
        yield self.rows


@dataclass(frozen=True)
class Then:
    """What the company was at one moment."""

    known: dict[str, list[dict[str, Any]]]
    account_id: str

    def truth(self) -> dict[str, list[dict[str, Any]]]:
        return self.known


@dataclass
class Story:
    """What came of it.

    Attributes:
        simulator: the company, which goes on.
        account: the company, with the tables as they were after the changes.
        warehouse: where they are; still there.
        first: the first sync.
        second: the one after the changes.
        verified: the comparison with Harvest's reports then.
        built: the marts of then.
        marts: the rows of each.
        third: the sync after dlt's working folder was lost, with fields nobody knows and values of other types.
        late: the tables after that.
    """

    simulator: Simulator
    account: Copied
    warehouse: Warehouse
    first: SyncReport
    second: SyncReport
    verified: VerifyReport
    built: BuildReport
    marts: Rows
    third: SyncReport
    late: Rows


@contextmanager
def told(warehouse: Warehouse) -> Iterator[Story]:
    """The story on one destination; the account answers until the end."""
    folder = warehouse.pipelines_dir
    assert folder is not None
    # Without limits that would make it wait: nothing here is about Harvest's.
    simulator = Simulator(size=SIZE, enforce_limits=False)
    with simulator.serving() as url:
        account = Copied(simulator, url, warehouse.folder)
        first = sync_from(account, warehouse)
        remember_an_earlier_version(warehouse)
        simulator.clock.sleep(3 * 86_400)
        change(simulator)
        # Longer than the overlap: the third sync reads nothing of this again.
        simulator.clock.sleep(4 * 3_600)
        second = sync_from(account, warehouse, accept_deletions=True)
        client = account.client(requests_per_15_s=0, report_requests_per_15_min=0)
        verified = verify(warehouse, client.settings, client=client)
        built = build(warehouse, MartSettings(), as_of=simulator.clock.now().date())
        with open_database(warehouse) as database:
            account.tables_then, marts = snapshot(database)
        truth = simulator.truth()
        simulator.clock.sleep(86_400)
        shutil.rmtree(folder)
        for path, fault in _ODDITIES:
            simulator.faults.at(partial(is_load_of, path), fault)
        store = simulator.store
        store.edit_contact(min(store.contacts), last_name="Read again")
        store.edit_user(min(store.users), telephone="read again")
        store.edit_expense(min(store.expenses), notes="read again")
        store.edit_time_entry(max(store.time_entries), notes="after the loss")
        third = sync_from(account, warehouse, reread_requests=0)
        with open_database(warehouse) as database:
            late = snapshot(database)[0]
        account.simulator = Then(truth, simulator.account_id)  # type: ignore[assignment]
        yield Story(simulator, account, warehouse, first, second, verified, built, marts, third, late)


def remember_an_earlier_version(warehouse: Warehouse) -> None:
    """Let dlt's working folder name the destination by where our code lay before it was in packages."""
    file = Path(str(warehouse.pipelines_dir)) / warehouse.pipeline_name / "state.json"
    state = json.loads(file.read_text(encoding="utf-8"))
    assert state["destination_type"].startswith("dlt.destinations.")
    state["destination_type"] = f"harvest_warehouse.{warehouse.kind.name}.{warehouse.kind.name}"
    file.write_text(json.dumps(state), encoding="utf-8")


def is_load_of(path: str, request: Request) -> bool:
    """Whether a request asks for what changed in a list, and for whole records."""
    return request.path.endswith(f"/{path}") and "updated_since" in request.query and request.query["per_page"] != "1"


def change(simulator: Simulator) -> None:
    """Create, edit, delete, rename, and move between days and projects; notes that some databases get wrong."""
    store = simulator.store
    for entry in simulator.truth()["time_entries"]:
        if entry["is_running"]:
            store.stop_timer(entry["id"])
    simulator.mutate(60, seed=11, deletions=True)
    entries = sorted(store.time_entries)
    for number, note in enumerate(NOTES):
        store.edit_time_entry(entries[-1 - number], notes=note)
    for entry_id in entries[10:13]:
        store.delete_time_entry(entry_id)
    moved = store.time_entries[entries[20]]
    store.move_to_date(entries[20], moved.spent_date + timedelta(days=1))
    project_id = next(row.project_id for row in store.time_entries.values() if row.project_id != moved.project_id)
    store.rename_project(project_id, "Renamed 🚀")
    store.create_time_entry(hours=Decimal("0.01"), notes="")
    user_id = store.create_user("Short", "Stay")
    store.add_billable_rate(user_id, Decimal("90.5"))
    store.delete_invoice(max(store.invoices))


def snapshot(database: Database) -> tuple[Rows, Rows]:
    """Every row of every table: those of the dataset, and those of the marts."""
    tables, marts = Rows(), Rows()
    for name in database.tables():
        if not name.startswith("_dlt"):
            into = marts if name.startswith(("dim_", "fct_", "mart_")) else tables
            prefix = "marts." if into is marts else ""
            into[name] = database.records(f'select * from {prefix}"{name}"')
    return tables, marts
