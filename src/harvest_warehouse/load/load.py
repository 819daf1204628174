"""Load changes from Harvest into the database, after resuming pending load packages of an earlier run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

import dlt
from dlt.common.exceptions import DltException
from dlt.common.storages.load_package import create_load_id
from dlt.pipeline.exceptions import PipelineStepFailed

from harvest_time_tracking import STREAMS, Client, HarvestError, Ledger, Session, Settings, StreamOutcome
from harvest_warehouse.database import pipeline_state
from harvest_warehouse.database.descriptions import describe_tables
from harvest_warehouse.database.indexes import make_indexes
from harvest_warehouse.database.load_packages import drop_unseen, load_pending
from harvest_warehouse.database.pipelines import FolderDamaged, working_folder_read
from harvest_warehouse.database.reread_filters import RereadFilters
from harvest_warehouse.database.rereads import reread
from harvest_warehouse.database.run import Run
from harvest_warehouse.database.runs import RunRecord, runs_resource
from harvest_warehouse.database.system_tables import DELETIONS, extract_rows
from harvest_warehouse.load.access_guard import AccessGuard
from harvest_warehouse.load.embedded_copies import follow_embedded
from harvest_warehouse.load.report import (
    AccessLost,
    ColumnStopped,
    LoadFailed,
    LoadReport,
    is_stopped_by_a_column,
    what_happened,
)
from harvest_warehouse.load.source import account_source
from harvest_warehouse.messages.steps import say_nothing
from harvest_warehouse.settings.process import give_memory_back
from harvest_warehouse.warehouse import Target

_HOW_TO_GIVE_UP = (
    "What an earlier run read cannot be written. Fix that and load again; or discard it with "
    "`dlt pipeline {} abort-packages`, and the next load requests it again."
)


def load(
    warehouse: Target,
    settings: Settings,
    streams: Sequence[str] = (),
    *,
    project_ids: Sequence[int] = (),
    reports_from: str | None = None,
    reports_to: str | None = None,
    again: RereadFilters | None = None,
    accept_access: bool = False,
    client: Client | None = None,
    ledger: Ledger | None = None,
    on_step: Callable[[str], None] = say_nothing,
) -> LoadReport:
    """Load an account, or only the named streams of it.

    Args:
        warehouse: target of the load.
        settings: the account.
        streams: names from the catalogue; empty for the default streams.
        project_ids: projects that `projects_id` re-reads one by one.
        reports_from: a day in the first month to load reports for.
        reports_to: a day in the last month to load reports for.
        again: re-read filters by stream (`{"from": "2024-01-01", "to": "2024-01-31"}`, `{"project_id": 7}`): matching rows
            are read in full, in addition to changes. An empty filter matches the whole list.
        accept_access: whether to accept a token that sees less than an earlier one, and to make it the baseline for later
            runs.
        client: HTTP client; a new one if None.
        ledger: collects the outcome of each stream as it goes.
        on_step: called with a short text when a step begins.

    Raises:
        SettingWrong: a setting is invalid; raised before any request is sent.
        DatabaseBusy: another run is writing into the same database.
        DatabaseUnreachable: the database does not respond.
        FolderDamaged: dlt's working folder cannot be read.
        AccessLost: the token sees less than an earlier one.
        LoadFailed: any other failure.
    """
    run, asks = Run(warehouse, on_step=on_step), client or Client(settings)
    guard = AccessGuard(run, settings, asks, accept=accept_access)
    given = {"reports_from": reports_from, "reports_to": reports_to, "project_ids": list(project_ids) or None}
    try:
        return load_in(run, settings, asks, guard, ledger or Ledger(), streams, again=again, given=given)
    finally:
        if client is None:
            asks.close()


def load_in(
    run: Run,
    settings: Settings,
    client: Client,
    guard: AccessGuard,
    ledger: Ledger,
    streams: Sequence[str] = (),
    *,
    again: RereadFilters | None = None,
    given: Mapping[str, object] = MappingProxyType({}),
) -> LoadReport:
    """Load as a step of a run; resume pending loads and look up the token's access only if the run has not done so.

    Args:
        run: the run.
        settings: the account.
        client: HTTP client.
        guard: guard of the token's access.
        ledger: collects the outcome of each stream as it goes.
        streams: as in `load`.
        again: as in `load`.
        given: further arguments of the source.

    Raises:
        HarvestError: as `load` does.
    """
    session = Session(STREAMS)
    source = account_source(settings, streams, {**given, "again": again or None}, client, ledger, session)
    loading = _Load(run, settings, ledger, again or {}, guard)
    with run.locked(), loading.failures_told():
        if not run.is_settled:
            run.on_step("looking at the database")
            loading.settle()
        if not guard.has_looked:
            run.on_step("looking at what the token sees")
            if gone := guard.look():
                raise AccessLost(gone, loading.report())
        session.rights = guard.rights
        loading.bring(source)
    return loading.report()


def settle(run: Run, settings: Settings) -> tuple[str, ...]:
    """Resume the pending load of an earlier run, before anything else is written. Sends no request to Harvest.

    Does nothing if the run has done so since it took the lock.

    Returns:
        Ids of the load packages that were loaded.

    Raises:
        DatabaseBusy: another run is writing into the same database.
        DatabaseUnreachable: the database does not respond.
        FolderDamaged: dlt's working folder cannot be read.
        LoadFailed: the database refuses.
    """
    loading = _Load(run, settings, Ledger())
    with run.locked(), loading.failures_told():
        if not run.is_settled:
            loading.settle()
    return loading.report().finished


class _Load:
    """State of one load in progress."""

    def __init__(
        self,
        run: Run,
        settings: Settings,
        ledger: Ledger,
        again: RereadFilters = MappingProxyType({}),
        guard: AccessGuard | None = None,
    ) -> None:
        self._run = run
        self._warehouse = run.warehouse
        self._settings = settings
        self._again = again
        self._guard = guard
        self._ledger = ledger
        self._finished: tuple[str, ...] = ()
        self._run_id = ""
        self._is_noted = False
        self._started_at = datetime.now(UTC)
        self._began = time.monotonic()

    def settle(self) -> None:
        """Resume the pending load of an earlier run, and adopt the database's pipeline state.

        Raises:
            HarvestError: IncompleteCopy, ForeignTables, FolderDamaged.
        """
        with working_folder_read(self._warehouse):
            self._settle()
        self._run.is_settled = True

    def _settle(self) -> None:
        if self._run.is_loaded():
            with self._run.database():
                pass
        if pipeline_state.has_unfinished(self._run, self._settings.account_id):
            self._run.on_step("finishing what an earlier run left")
            drop_unseen(self._run.pipeline)
            try:
                self._finished = load_pending(self._run, is_left=True)
            except DltException as error:
                raise self._stuck(error) from error
        pipeline_state.adopt_database_state(self._run, self._settings.account_id)
        pipeline_state.refuse_foreign_tables(self._run)

    def _stuck(self, error: DltException) -> LoadFailed:
        advice = _HOW_TO_GIVE_UP.format(self._warehouse.pipeline_name)
        return LoadFailed(f"{self._told(error)} {advice}", self.report())

    def bring(self, source: dlt.sources.DltSource) -> None:
        """Read Harvest and load its rows in chunks: lists first, then child streams.

        A killed run loses one chunk. The run outcomes go into a load package of their own, loaded with the last chunk.
        """
        selected = list(source.selected_resources)
        children = [name for name in selected if STREAMS[name].parent]
        lists = [name for name in selected if name not in children]
        try:
            for wave in (lists, children):
                names = wave
                while names:
                    self._run.on_step("reading Harvest")
                    self._read(source.with_resources(*names))
                    names = [name for name in names if self._is_begun(name)]
                    if not names and wave is (children or lists):
                        self._note_run(is_whole=True)
                    self._run.on_step(f"writing {self._warehouse.name}")
                    load_pending(self._run)
                    pipeline_state.record(self._run)
                make_indexes(self._run)
                self._follow(wave)
            describe_tables(self._run)
        except BaseException:
            self._note_run()
            raise

    def _read(self, source: dlt.sources.DltSource) -> None:
        """Read one chunk of rows into a load package."""
        for row in self._guard.first_row() if self._guard else ():
            source.resources.add(row)
        # Let readers open the database while Harvest is being read.
        self._run.disconnect()
        info = self._run.pipeline.extract(source, loader_file_format=self._warehouse.kind.load_format)
        give_memory_back()
        try:
            if self._guard:
                self._guard.look_again()
        except HarvestError:  # Discard the rows, and the cursors that the read set.
            pipeline_state.adopt_database_state(self._run, self._settings.account_id)
            self._is_noted = True
            raise
        self._run_id = self._run_id or info.loads_ids[0]
        # Normalise before the next package is created, so that both have the resulting schema.
        self._run.pipeline.normalize()

    def _is_begun(self, stream: str) -> bool:
        return any(outcome.stream == stream and outcome.outcome == "begun" for outcome in self._ledger.outcomes())

    def _follow(self, streams: Sequence[str]) -> None:
        """Update denormalised copies from the streams that this run read completely."""
        outcomes = self._ledger.outcomes()
        read = {outcome.stream for outcome in outcomes if outcome.outcome == "complete" and outcome.stream in streams}
        if read:
            with self._run.database() as database:
                follow_embedded(database, self._settings.account_id, read, self._settings.columns)

    @contextmanager
    def failures_told(self) -> Iterator[None]:
        """Turn errors of dlt and Harvest into LoadFailed with one message, and record a run that failed while reading."""
        try:
            yield
        except (LoadFailed, FolderDamaged):
            raise
        except (DltException, HarvestError) as error:
            message = self._told(error)
            is_reading = isinstance(error, PipelineStepFailed) and error.step == "extract"
            if is_reading:
                self._record_failure()
            elif self._run.pipeline.has_pending_data:
                message += " What was read is kept, and the next load continues from there."
            kind = ColumnStopped if is_stopped_by_a_column(error) else LoadFailed
            raise kind(message, self.report()) from error

    def report(self) -> LoadReport:
        """Report of the load so far."""
        return LoadReport(
            self._settings.account_id,
            self._run_id,
            self._warehouse.place,
            self._warehouse.dataset_name,
            self._outcomes(),
            self._finished,
            self._started_at,
            round(time.monotonic() - self._began, 3),
        )

    def _note_run(self, *, is_whole: bool = False) -> None:
        if not (outcomes := self._outcomes()) or self._is_noted:
            return
        self._is_noted = True
        run = RunRecord(
            self._settings.account_id, self._run_id or create_load_id(), self._started_at, datetime.now(UTC)
        )
        resources = [runs_resource(run, outcomes)]
        if is_whole:
            resources += reread(run, self._again, outcomes, self._settings.start_date)
            resources += [DELETIONS.holding([]), *(self._guard.rows(outcomes) if self._guard else ())]
        extract_rows(self._run, *resources)

    def _record_failure(self) -> None:
        try:
            load_pending(self._run)
        except DltException:
            # The original failure, which is about to be reported, matters more.
            return

    def _outcomes(self) -> tuple[StreamOutcome, ...]:
        order = list(STREAMS)
        outcomes = sorted(self._ledger.outcomes(), key=lambda outcome: order.index(outcome.stream))
        return tuple(replace(outcome, reason=self._clean(outcome.reason)) for outcome in outcomes)

    def _told(self, error: BaseException) -> str:
        return self._clean(what_happened(error, self._warehouse))

    def _clean(self, text: str) -> str:
        """Redact the token in a text, in case Harvest or a library repeats it."""
        return text.replace(self._settings.access_token.reveal(), "***")
