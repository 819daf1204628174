"""Load a simulated account into a warehouse, build its marts, and read them: for tests of the marts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

from harvest_simulator import Simulator
from harvest_time_tracking import Client, Secret, Settings
from harvest_warehouse.database import open_database
from harvest_warehouse.load import load
from harvest_warehouse.marts import BuildReport, build
from harvest_warehouse.marts.settings import MartSettings
from harvest_warehouse.verify import verify
from harvest_warehouse.warehouse import Target
from mart_truth import Table, differences

# Streams that the marts use, directly or through copies: the others cost a request per person and document.
STREAMS = (
    "company",
    "users_me",
    "clients",
    "users",
    "projects",
    "tasks",
    "user_assignments",
    "task_assignments",
    "time_entries",
    "expenses",
    "expense_categories",
    "invoices",
    "invoice_payments",
    "estimates",
    "user_billable_rates",
    "user_cost_rates",
)


class Shop:
    """Simulated account with its warehouse and marts."""

    def __init__(self, folder: Path, **arguments: Any) -> None:
        self.simulator = Simulator(**{"size": "tiny", "enforce_limits": False, **arguments})
        self.warehouse = Target(folder, pipelines_dir=folder / "pipelines")
        self.as_of = self.simulator.clock.now().date()

    def load(self, *streams: str) -> None:
        with self.connected() as client:
            load(self.warehouse, client.settings, streams or STREAMS, client=client)

    def verify(self) -> None:
        """Compare with the account's reports."""
        with self.connected() as client:
            verify(self.warehouse, client.settings, client=client)

    @contextmanager
    def connected(self) -> Iterator[Client]:
        """Client on the simulator's clock."""
        clock = self.simulator.clock
        with self.simulator.serving() as url:
            settings = Settings(
                Secret(self.simulator.access_token),
                self.simulator.account_id,
                url,
                requests_per_15_s=0,
                report_requests_per_15_min=0,
            )
            yield Client(settings, sleep=clock.sleep, monotonic=clock.monotonic, now=clock.now)

    def copy(self, folder: Path) -> Shop:
        """Copy with the same account and a database of its own."""
        other = copy(self)
        other.warehouse = Target(folder, pipelines_dir=folder / "pipelines")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.warehouse.file, folder)
        return other

    def build(self, settings: MartSettings | None = None) -> BuildReport:
        return build(self.warehouse, settings or MartSettings(), as_of=self.as_of)

    def run(self, *statements: str) -> None:
        with open_database(self.warehouse) as database:
            database.run(statements)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with open_database(self.warehouse, "reading") as database:
            return database.rows(query)

    def found(self) -> dict[str, int]:
        """Number of rows found by each check in the last build, without those that found none."""
        return dict(self.rows("select finding, row_count from marts.mart_data_quality where row_count > 0"))


def assert_same_table(shop: Shop, name: str, want: Table) -> None:
    assert want, f"{name}: nothing to compare with"
    with open_database(shop.warehouse) as database:
        have = database.records(f"select * from marts.{name}")
    differing = differences(name, have, want)
    assert not differing, (name, len(differing), differing[:5])
