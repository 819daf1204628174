"""A simulated account, a pipeline that copies it, and comparison with the truth: the basis of most tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import dlt
import duckdb

from harvest_simulator import Simulator
from harvest_time_tracking import STREAMS, Client, Ledger, Secret, Settings, harvest_time_tracking_source, tables
from harvest_time_tracking.sizes import ReadSizes
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.sync import SyncReport, sync
from harvest_warehouse.warehouse import Target


@dataclass
class Account:
    """Simulated account with a pipeline that copies it."""

    simulator: Simulator
    url: str
    folder: Path
    name: str = "account"

    sizes = ReadSizes()

    def __post_init__(self) -> None:
        self.ledger = Ledger()
        self.pipeline = self.new_pipeline()

    def new_pipeline(self, folder: str = "pipelines") -> dlt.Pipeline:
        return dlt.pipeline(
            self.name,
            destination=dlt.destinations.duckdb(str(self.folder / f"{self.name}.duckdb")),
            dataset_name="harvest",
            pipelines_dir=str(self.folder / folder),
        )

    def client(self, **settings: Any) -> Client:
        """Client on the simulator's clock, so that it never really waits."""
        clock = self.simulator.clock
        return Client(
            Settings(Secret(self.simulator.access_token), self.simulator.account_id, self.url, **settings),
            sleep=clock.sleep,
            monotonic=clock.monotonic,
            now=clock.now,
            sizes=self.sizes,
        )

    def source(self, *streams: str, **arguments: Any) -> Any:
        source = harvest_time_tracking_source(
            self.simulator.access_token,
            self.simulator.account_id,
            self.url,
            client=self.client(),
            ledger=self.ledger,
            **arguments,
        )
        return source.with_resources(*streams) if streams else source

    def load(self, *streams: str, **arguments: Any) -> None:
        self.pipeline.run(self.source(*streams, **arguments), loader_file_format="parquet").raise_on_failed_jobs()

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Rows of a table by column, without dlt's own columns."""
        with self.connected() as rows:
            return rows(table)

    @contextmanager
    def connected(self) -> Iterator[Callable[[str], list[dict[str, Any]]]]:
        """`rows` for many tables with one client, since creating one takes longer than reading a small table."""
        with self.pipeline.sql_client() as client:

            def rows(table: str) -> list[dict[str, Any]]:
                with client.execute_query(f'select * from "{table}"') as cursor:
                    names = [column[0] for column in cursor.description]
                    return [
                        {name: value for name, value in zip(names, row, strict=True) if not name.startswith("_dlt_")}
                        for row in cursor.fetchall()
                    ]

            yield rows

    def tables(self) -> list[str]:
        """Names of the tables in the database."""
        query = "select table_name from information_schema.tables where table_schema = %s"
        with self.pipeline.sql_client() as client, client.execute_query(query, self.pipeline.dataset_name) as cursor:
            return [name for (name,) in cursor.fetchall()]

    def column_types(self, table: str, dataset: str = "harvest") -> dict[str, str]:
        """Types of a table's columns in the database, by column."""
        query = (
            "select column_name, data_type from information_schema.columns where table_schema = %s and table_name = %s"
        )
        with self.pipeline.sql_client() as client, client.execute_query(query, dataset, table) as cursor:
            return dict(cursor.fetchall())

    def outcomes(self) -> dict[str, Any]:
        return {outcome.stream: outcome for outcome in self.ledger.outcomes()}


def truth_rows(stream: str, records: list[Mapping[str, Any]], account_id: str) -> dict[str, list[dict[str, Any]]]:
    """Expected rows of a stream's tables, derived from the documentation independently of the source's code.

    Objects become `object__field`, lists become child tables; dates, timestamps and decimals have the type that the schema
    file declares for the column.
    """
    found: dict[str, list[dict[str, Any]]] = {}

    def flatten(table: str, row: dict[str, Any], prefix: str, values: Mapping[str, Any]) -> None:
        for key, value in values.items():
            name = f"{prefix}{key}"
            if isinstance(value, Mapping):
                flatten(table, row, f"{name}__", value)
            elif isinstance(value, list):
                for item in value:
                    add(f"{table}__{name}", item if isinstance(item, Mapping) else {"value": item})
            else:
                row[name] = _typed(table, name, value)

    def add(table: str, record: Mapping[str, Any]) -> None:
        row: dict[str, Any] = {"account_id": account_id}
        found.setdefault(table, []).append(row)
        flatten(table, row, "", record)

    for record in records:
        add(STREAMS[stream].table_name, record)
    return found


def _typed(table: str, name: str, value: Any) -> Any:
    column = tables()[table].columns.get(name)
    if value is None or column is None:
        return value
    if column.data_type == "decimal":
        return Decimal(str(value))
    if column.data_type == "date":
        return date.fromisoformat(value)
    if column.data_type == "timestamp":
        return datetime.fromisoformat(value)
    return value


def assert_same_rows(
    have: list[dict[str, Any]],
    want: list[dict[str, Any]],
    what: str,
    leave_out: Callable[[str], bool] = lambda _: False,
) -> None:
    """Compare rows value by value, including types; a column that is null in every row may be missing in `want`."""
    # No row that is marked as deleted may remain.
    assert all(row.get("_harvest_deleted") is None for row in have), what
    names = {name for row in [*have, *want] for name in row} - {"_harvest_deleted"}
    columns = sorted(name for name in names if not leave_out(name))

    def counted(rows: list[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
        return Counter(tuple((type(row.get(column)), row.get(column)) for column in columns) for row in rows)

    have_counted, want_counted = counted(have), counted(want)
    if have_counted != want_counted:
        extra, missing = have_counted - want_counted, want_counted - have_counted
        key = columns.index("id") if "id" in columns else 0
        by_key = {row[key]: row for row in missing}
        differing = [
            (column, is_there[1], should_be[1])
            for row in list(extra)[:3]
            for column, is_there, should_be in zip(columns, row, by_key.get(row[key], row), strict=True)
            if is_there != should_be
        ]
        raise AssertionError(
            f"{what}: {len(have)} rows, expected {len(want)}; {extra.total()} too many, {missing.total()} missing; "
            f"differing: {differing}"
        )


def _is_copied(column: str) -> bool:
    return "__" in column and not column.endswith("__id")


def assert_equals_truth(account: Account, streams: list[str] | None = None, *, after_changes: bool = False) -> None:
    """Assert that every table of the streams equals the simulator's truth.

    With `after_changes`, denormalised copies (`client__name`) are ignored in streams read by `updated_since`: they change
    without a new `updated_at`. The warehouse's `load` updates them, the source alone cannot.
    """
    truth = account.simulator.truth()
    with account.connected() as rows:
        for stream in streams or [name for name, entry in STREAMS.items() if entry.is_default]:
            expected = truth_rows(stream, truth[stream], account.simulator.account_id)
            names = [name for name in tables() if name == stream or name.startswith(f"{stream}__")]
            for name in names:
                is_by_change = after_changes and (
                    STREAMS[stream].has_updated_since or STREAMS[stream].parent is not None
                )
                assert_same_rows(
                    rows(name),
                    expected.get(name, []),
                    name,
                    lambda column, by_change=is_by_change: by_change and _is_copied(column),
                )
            assert set(expected) <= set(names), f"{stream}: tables that are not declared: {set(expected) - set(names)}"


def sync_from(account: Account, warehouse: Target, **asked: Any) -> SyncReport:
    """Sync on the simulator's clock, by default without building the marts."""
    account.simulator.enforce_limits = False
    client = account.client(requests_per_15_s=0, report_requests_per_15_min=0)
    # Keeps a connection open: opening and closing the file twenty times is a fifth of the cost of a small sync.
    with duckdb.connect(str(warehouse.file)) if warehouse.file.exists() else nullcontext():
        report = sync(warehouse, client.settings, client=client, **{"build_marts": False, **asked})
    account.pipeline = open_pipeline(warehouse)
    return report


def some_ids(account: Account, stream: str, count: int) -> list[int]:
    """Ids spread over a whole list, without running timers."""
    records = [record for record in account.simulator.truth()[stream] if not record.get("is_running")]
    return [record["id"] for record in records[:: max(1, len(records) // count)]][:count]


def deletions(account: Account) -> dict[tuple[str, str], dict[str, Any]]:
    """Rows of `harvest_deletions` by table and key."""
    return {(row["table_name"], row["row_key"]): row for row in account.rows("harvest_deletions")}
