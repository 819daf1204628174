"""Copy a whole dataset from one destination to another: rows, history, deletions, and the state of each stream."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from dlt.common.destination.client import JobClientBase
from dlt.common.exceptions import DltException
from dlt.common.schema import Schema
from dlt.common.storages.load_package import ParsedLoadJobFileName, create_load_id
from dlt.common.typing import TLoaderFileFormat
from dlt.dataset.utils import get_destination_clients

from harvest_time_tracking import HarvestError, SettingWrong
from harvest_warehouse.database import Database, open_database, pipeline_state
from harvest_warehouse.database.connection import UNFINISHED_COPY
from harvest_warehouse.database.indexes import make_indexes
from harvest_warehouse.database.lock import exclusive_lock
from harvest_warehouse.database.pipelines import is_loaded, open_pipeline
from harvest_warehouse.database.run import Run
from harvest_warehouse.database.table_scan import Checksum, TableScan, fitting
from harvest_warehouse.destinations.insert_statements import insertions
from harvest_warehouse.destinations.load_files import load_file
from harvest_warehouse.load.report import what_happened
from harvest_warehouse.marts import BuildFailed, BuildReport
from harvest_warehouse.marts.build import build_in
from harvest_warehouse.peers import ViewsFailed, refresh_views
from harvest_warehouse.settings.process import give_memory_back
from harvest_warehouse.sweep.replaced_tables import BEFORE
from harvest_warehouse.warehouse import SCHEMA, Target

# Rows per load file: one file at a time is on the local disk.
_ROWS_OF_A_FILE = 100_000

_HOW_TO_GO_ON = "The copy is incomplete, and no command uses it: fix that, and copy again with --replace-unfinished."

_VERSIONS, _LOADS, _STATE = "_dlt_version", "_dlt_loads", "_dlt_pipeline_state"


class CopyFailed(HarvestError):
    """A copy failed. The target is marked as an incomplete copy, and no command uses it."""


@dataclass(frozen=True)
class CopiedTable:
    """Copied table, with equal rows on both sides."""

    name: str
    rows: int


@dataclass(frozen=True)
class CopyReport:
    """Result of a copy.

    Attributes:
        source: location of the source.
        target: location of the target.
        destination: name of the target's destination.
        tables: tables copied.
        left: tables and columns (`clients.mine`) of the source that were not copied, since they are not ours.
        build: report of the target's marts; None if they were not, or could not be, built.
        not_built: why they could not be built; the copy is complete all the same.
        seconds: duration.
    """

    source: str
    target: str
    destination: str
    tables: tuple[CopiedTable, ...]
    left: tuple[str, ...]
    build: BuildReport | None = None
    not_built: str = ""
    seconds: float = 0.0

    @property
    def rows(self) -> int:
        """Number of rows in all tables."""
        return sum(table.rows for table in self.tables)


def copy(
    source: Target,
    target: Target,
    *,
    replace_unfinished: bool = False,
    build_marts: bool = True,
    on_step: Callable[[str], None] = lambda _: None,
) -> CopyReport:
    """Copy an account's dataset to another destination, so that the next sync resumes there; changes nothing in the source.

    Sends no request to Harvest.

    Args:
        source: target of earlier syncs.
        target: an empty target.
        replace_unfinished: whether to drop the tables of an interrupted copy; has no effect if there is none.
        build_marts: whether to build the marts in the target; they are not copied.
        on_step: called with a short text when a step begins.

    Raises:
        SettingWrong: there is nothing to copy, the source's last run was interrupted, or the target is not empty.
        DatabaseBusy: another run is writing into one of them.
        DatabaseUnreachable: one of them does not respond.
        CopyFailed: the copy failed.
    """
    began = time.monotonic()
    if _is_same(source, target):
        raise SettingWrong(f"{source.place} cannot be copied onto itself: --from and --to are the same.")
    if not is_loaded(source):
        raise SettingWrong(f"There is nothing to copy: {source.place} is not there.")
    run = Run(target, on_step=on_step)
    with exclusive_lock(source), run.locked():
        try:
            with tempfile.TemporaryDirectory() as folder:
                report = _Copy(source, target, Path(folder), on_step).run(replaces=replace_unfinished)
        except (DltException, pa.ArrowException) as error:
            about = next((place for place in (source, target) if place.name in str(error)), target)
            raise CopyFailed(f"{what_happened(error, about)} {_HOW_TO_GO_ON}") from error
        make_indexes(run)
        try:
            refresh_views(run)
            if build_marts:
                report = replace(report, build=build_in(run))
        except (BuildFailed, SettingWrong, ViewsFailed) as error:
            report = replace(report, not_built=str(error))
    return replace(report, seconds=round(time.monotonic() - began, 3))


class _Copy:
    """State of one copy in progress, with dlt working folders of its own, so that the account's is left unchanged."""

    def __init__(self, source: Target, target: Target, folder: Path, on_step: Callable[[str], None]) -> None:
        self._account = source
        self._source = replace(source, pipelines_dir=folder / "from")
        self._target = replace(target, pipelines_dir=folder / "to")
        self._folder = folder
        self._on_step = on_step

    def run(self, *, replaces: bool) -> CopyReport:
        """Copy the rows, then the pipeline state, and compare; only then drop the marker of an incomplete copy."""
        self._on_step("looking at both databases")
        if pipeline_state.has_unfinished(Run(self._account)):
            raise _unsettled(self._source)
        schema = self._schema()
        with open_database(self._source, "reading") as here:
            there = [name for name in here.names() if name in schema.tables]
            left = tuple(name for name in here.names() if name not in schema.tables)
            if any(name.startswith(BEFORE) for name in left):
                raise _unsettled(self._source)
            plan = [self._portions(here, schema, name) for name in _state_last(there)]
            for portions in plan:
                others = [name for name in here.columns(portions.table) if name not in portions.names]
                left += tuple(f"{portions.table}.{name}" for name in others)
            client = self._client(schema)
            self._check_names(client, plan)
            self._begin(client, schema, plan, replaces=replaces)
            digests = self._write(here, client, plan)
            self._compare(digests, client)
            with open_database(self._target, is_copying=True) as database:
                database.run([f"drop table {UNFINISHED_COPY}"])
        copied = tuple(CopiedTable(portions.table, digest.rows) for portions, digest in digests)
        return CopyReport(self._source.place, self._target.place, self._target.destination, copied, left)

    def _schema(self) -> Schema:
        """dlt's schema as stored in the source."""
        reader: Any = open_pipeline(self._source, "reading").destination_client()
        with reader as client:
            stored = client.get_stored_schema(SCHEMA) if client.is_storage_initialized() else None
        if stored is None:
            raise SettingWrong(f"There is nothing to copy: {self._source.place} has no tables of dlt-harvest.")
        return Schema.from_stored_schema(json.loads(stored.schema))

    def _portions(self, here: Database, schema: Schema, table: str) -> TableScan:
        """Scan of a table; of dlt's own tables, only the rows of our schema and pipeline."""
        has = here.columns(table)
        columns = tuple(column for name, column in schema.get_table_columns(table).items() if name in has)
        mine = "schema_name = :schema"
        where = {_VERSIONS: mine, _LOADS: mine, _STATE: "pipeline_name = :pipeline"}
        values = {"schema": schema.name, "pipeline": self._source.pipeline_name}
        return TableScan(table, columns, where.get(table, ""), values)

    def _client(self, schema: Schema) -> JobClientBase:
        pipeline = open_pipeline(self._target)
        return get_destination_clients(schema, pipeline.destination, self._target.dataset_name)[0]

    def _check_names(self, client: JobClientBase, plan: Sequence[TableScan]) -> None:
        most = min(client.capabilities.max_identifier_length, client.capabilities.max_column_identifier_length)
        names = (name for portions in plan for name in (portions.table, *portions.names))
        if too_long := sorted({name for name in names if len(name) > most}):
            raise SettingWrong(
                f"{self._target.place} allows names of at most {most} letters, and these are longer: {', '.join(too_long)}."
            )

    def _begin(self, client: JobClientBase, schema: Schema, plan: Sequence[TableScan], *, replaces: bool) -> None:
        """Mark the target as an incomplete copy, and create the tables."""
        with open_database(self._target, is_copying=True) as database:
            names = database.names()
            if UNFINISHED_COPY in names:
                if not replaces:
                    raise SettingWrong(
                        f"{self._target.place} has the remains of an interrupted copy: --replace-unfinished drops them, and copies again."
                    )
                database.run([f'drop table if exists "{name}"' for name in names if name in schema.tables])
            elif names:
                raise SettingWrong(
                    f"{self._target.place} already holds {len(names)} tables ({names[0]}, ...) in {self._target.dataset_name}: "
                    "a copy needs an empty target, so that data of different accounts or times is not mixed. Nothing was changed."
                )
            else:
                if self._target.dataset_name in database.missing_datasets():
                    database.make_dataset()
                mark = {"copied_from": self._source.place, "started_at": datetime.now(UTC).isoformat()}
                database.run(
                    [
                        f"create table {UNFINISHED_COPY} (copied_from text, started_at text)",
                        *insertions(UNFINISHED_COPY, [mark]),
                    ]
                )
        with client:
            client.update_stored_schema(only_tables=[portions.table for portions in plan])
        with open_database(self._target, is_copying=True) as database:
            # All versions are copied from the source, including the present one.
            database.run([f"delete from {_VERSIONS}"])

    def _write(
        self, here: Database, client: JobClientBase, plan: Sequence[TableScan]
    ) -> list[tuple[TableScan, Checksum]]:
        digests = []
        # Keeps one connection open, as in `load_packages.load_pending`.
        with open_pipeline(self._target).sql_client():
            for number, portions in enumerate(plan, 1):
                rows, digest = portions.count(here), Checksum(portions.columns)
                step = f"copying {portions.table} (table {number} of {len(plan)})"
                self._on_step(f"{step}, rows: {rows:,}")
                for file in self._files(here, client, portions, digest):
                    self._load(client, portions.table, file)
                    if digest.rows < rows:
                        self._on_step(f"{step}, rows: {digest.rows:,} of {rows:,}")
                digests.append((portions, digest))
        return digests

    def _files(self, here: Database, client: JobClientBase, portions: TableScan, digest: Checksum) -> Iterator[Path]:
        """Yield the rows as dlt load files, one at a time; each is deleted when the next is requested."""
        schema = portions.schema(client.capabilities)
        batches = portions.batches(here, schema)
        if portions.table == _VERSIONS:
            batches = map(
                partial(fitting, column="schema", most=client.capabilities.max_text_data_type_length), batches
            )
        while (batch := next(batches, None)) is not None:
            file_id = ParsedLoadJobFileName.new_file_id()
            file_format: TLoaderFileFormat = self._target.kind.load_format
            file = self._folder / ParsedLoadJobFileName(portions.table, file_id, 0, file_format).file_name()
            until = digest.rows + _ROWS_OF_A_FILE
            with load_file(file, file_format, portions.columns, client.capabilities, schema) as writer:
                while batch is not None:
                    digest.add(batch)
                    writer.write_batch(batch)
                    batch = next(batches, None) if digest.rows < until else None
            give_memory_back()
            yield file
            file.unlink()

    def _load(self, client: JobClientBase, table: str, file: Path) -> None:
        prepared, load_id = client.prepare_load_table(table), create_load_id()
        job: Any = client.create_load_job(prepared, str(file), load_id)
        job.set_run_vars(load_id, client.schema, prepared)
        job.run_managed(client, None)
        if error := job.exception():
            raise CopyFailed(f"{table}: {what_happened(error, self._target)} {_HOW_TO_GO_ON}") from error

    def _compare(self, digests: Sequence[tuple[TableScan, Checksum]], client: JobClientBase) -> None:
        """Read all rows back from the target, and compare their checksums."""
        with open_database(self._target, is_copying=True) as database:
            for number, (portions, want) in enumerate(digests, 1):
                self._on_step(f"comparing {portions.table} (table {number} of {len(digests)})")
                have = Checksum(portions.columns)
                for batch in portions.batches(database, portions.schema(client.capabilities)):
                    have.add(batch)
                if have != want:
                    raise CopyFailed(
                        f"{portions.table} is not equal on both sides: {want.rows:,} rows were read and {have.rows:,} are in "
                        f"{self._target.place}, or their values differ. {_HOW_TO_GO_ON}"
                    )


def _is_same(source: Target, target: Target) -> bool:
    """True if both are the same location, possibly under two destination names."""
    bare = [warehouse.place.removeprefix(f"{warehouse.destination} at ") for warehouse in (source, target)]
    return bare[0] == bare[1] and source.dataset_name == target.dataset_name


def _state_last(tables: Sequence[str]) -> list[str]:
    """Sort tables: dlt's own after the others, and the pipeline state last of all."""
    return sorted(tables, key=lambda name: (name.startswith("_dlt_"), name == _STATE, name))


def _unsettled(warehouse: Target) -> SettingWrong:
    return SettingWrong(
        f"The last run into {warehouse.place} was interrupted: run {warehouse.command('sync')} again, and copy then."
    )
