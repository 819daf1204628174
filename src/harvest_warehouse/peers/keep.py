"""Keep rows that only another product's copy still has, since Harvest deleted them: in `harvest_deletions`, with their source."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dlt.common.exceptions import DltException
from dlt.common.json import json as dlt_json

from harvest_time_tracking import STREAMS, SettingWrong, printable, tables
from harvest_warehouse.database import Database, open_database, pipeline_state
from harvest_warehouse.database.run import Run
from harvest_warehouse.database.runs import RUNS
from harvest_warehouse.database.system_tables import DELETIONS, write_rows
from harvest_warehouse.messages.steps import say_nothing
from harvest_warehouse.peers.compare import CompareFailed, compare, stream_key
from harvest_warehouse.peers.layouts import PeerTable, layout
from harvest_warehouse.peers.movement import DAYS, value_of
from harvest_warehouse.peers.report import CompareReport, Difference
from harvest_warehouse.warehouse import Target

_NEVER_READ = "its stream was not read to its end here"
_TOO_EARLY = "before the first row here, so perhaps never loaded"
_HAS_PARTS = "a part of another record, kept with it"


@dataclass(frozen=True)
class KeepReport:
    """Result of keeping what only the old copy has.

    Attributes:
        product: name of the product.
        there: location of the old copy.
        place: location of our tables.
        kept: number of rows kept, by our table.
        known: number of rows that were in `harvest_deletions` already.
        left: number of rows that were not kept, by table and reason.
        is_dry: whether nothing was written.
    """

    product: str
    there: str
    place: str
    kept: Mapping[str, int]
    known: int
    left: Mapping[tuple[str, str], int]
    is_dry: bool


def keep_deleted(
    warehouse: Target,
    like: str,
    schema: str,
    *,
    account_id: str = "",
    there: Target | None = None,
    is_dry: bool = False,
    on_step: Callable[[str], None] = say_nothing,
) -> KeepReport:
    """Write rows that only another product's copy has to `harvest_deletions`. Tables of live rows are left unchanged.

    A row counts as deleted in Harvest if its stream was read to its end here and does not have it. Rows dated before the first
    one here are left: they may never have been loaded. So are parts of other records.

    Args:
        warehouse: target with Harvest's tables.
        like: name of the layout.
        schema: database schema with the old copy.
        account_id: account of the copy; the only one if empty.
        there: database of the old copy; None if it is in the same.
        is_dry: whether to write nothing, and only say what would be kept.
        on_step: called with a short text when a step begins.

    Raises:
        SettingWrong: as `compare`; or the copy is of another account.
        NotReadable: our database cannot be opened.
        DatabaseBusy: another run is writing into the same database.
        DatabaseUnreachable: the database does not respond.
        CompareFailed: the old copy cannot be read, or the database refused.
    """
    run = Run(warehouse, on_step=on_step)
    found: list[Difference] = []

    def note(one: Difference) -> None:
        if one.what == "only_there":
            found.append(one)

    if not run.is_loaded():
        raise SettingWrong(f"{warehouse.place} is not there yet: run {warehouse.command('sync')} in this folder first.")
    with run.locked():
        report = compare(
            warehouse, like, schema, account_id=account_id, there=there, on_difference=note, on_step=on_step
        )
        _refuse_another_account(report)
        try:
            with open_database(warehouse) as database:
                if pipeline_state.has_unfinished(run):
                    raise SettingWrong(
                        f"The last run into {warehouse.place} was interrupted: run {warehouse.command('sync')}, and try again then."
                    )
                keeping = _Keeping(database, report, schema)
                rows = list(keeping.rows(one for one in found if one.deleted_at is None))
            if rows and not is_dry:
                on_step("keeping them")
                pipeline_state.adopt_database_state(run, report.account_id)
                write_rows(run, DELETIONS.holding(rows))
        except DltException as error:
            raise CompareFailed(f"The database refused: {printable(str(error))}") from error
    kept = Counter(str(row["table_name"]) for row in rows)
    known = sum(one.deleted_at is not None for one in found)
    return KeepReport(report.product, report.there, report.place, kept, known, keeping.left, is_dry)


def _refuse_another_account(report: CompareReport) -> None:
    """Refuse a copy that shares no row with the account: all of its rows would look deleted."""
    tables = layout(report.like).tables
    # The one row of a table without a key is matched with that of any account.
    compared = [table for table in report.tables if tables[table.name].key and table.rows_there and table.rows_here]
    if all(table.only_there == table.rows_there for table in compared):
        raise SettingWrong(
            f"No row of {report.there} is in account {report.account_id}: it is of another account. Choose one with --account."
        )


class _Keeping:
    def __init__(self, database: Database, report: CompareReport, schema: str) -> None:
        self._layout = layout(report.like)
        self._account_id = report.account_id
        self._source = f"{report.like}: {schema}"
        self._now = datetime.now(UTC)
        self._read = _streams_read(database, report.account_id)
        self._first = _first_days(database, report.account_id)
        self.left: Counter[tuple[str, str]] = Counter()

    def rows(self, found: Iterator[Difference]) -> Iterator[dict[str, Any]]:
        """Rows for `harvest_deletions`; counts what is left."""
        for one in found:
            table = self._layout.tables[one.table]
            key = [value_of(table, one.row, column) for column in stream_key(table.base)]
            if reason := self._reason(table, one, key):
                self.left[one.table, reason] += 1
                continue
            yield {
                "account_id": self._account_id,
                "table_name": table.base,
                "row_key": "/".join(map(str, key)),
                "content": dlt_json.dumps({"account_id": self._account_id, **dict(_content(table, one.row))}),
                "found_at": self._now,
                "copied_from": self._source,
            }

    def _reason(self, table: PeerTable, one: Difference, key: list[Any]) -> str:
        """Why a row is not kept; empty if it is."""
        if not key or None in key or table.select:
            return _HAS_PARTS
        if table.base not in self._read:
            return _NEVER_READ
        day = str(value_of(table, one.row, DAYS[table.base]))[:10] if table.base in DAYS else ""
        return _TOO_EARLY if day and day < self._first.get(table.base, "") else ""


def _content(table: PeerTable, row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Our columns of a row of the layout, without empty ones."""
    ours = tables()[table.base].columns
    for column in table.columns:
        value = row.get(column.name)
        if value is None:
            continue
        if column.source in ours:
            yield column.source, _ours(value, ours[column.source].data_type)
        elif column.source.endswith(("{}", "{}!")):
            name = column.source.rstrip("{}!")
            read = json.loads(value) if isinstance(value, str) else value
            yield from ((f"{name}__{field}", inner) for field, inner in (read or {}).items() if inner is not None)
        elif column.source.endswith("[]"):
            yield column.source.removesuffix("[]"), json.loads(value) if isinstance(value, str) else value


def _ours(value: Any, kind: str) -> Any:
    """Value as it is in our own rows, whatever type the product gives it."""
    if kind == "date":
        return str(value)[:10]
    if kind == "timestamp":
        return f"{str(value).removesuffix('Z')}Z"
    return bool(value) if kind == "bool" else value


def _streams_read(database: Database, account_id: str) -> set[str]:
    """Tables of the streams whose last run was complete."""
    rows = database.rows(
        f"select stream, outcome from {RUNS.name} where account_id = :account_id order by started_at",
        {"account_id": account_id},
    )
    last = {stream: outcome for stream, outcome in rows if outcome != "stopped"}
    return {
        STREAMS[stream].table_name for stream, outcome in last.items() if outcome == "complete" and stream in STREAMS
    }


def _first_days(database: Database, account_id: str) -> dict[str, str]:
    """First day of the rows of each dated table."""
    found = {}
    for table, column in DAYS.items():
        if column in database.columns(table):
            [(day,)] = database.rows(
                f'select min("{column}") from "{table}" where account_id = :account_id', {"account_id": account_id}
            )
            found[table] = str(day or "9999")[:10]
    return found
