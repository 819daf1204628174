"""Bring what changed in Harvest into the database, after finishing whatever an earlier run left undone."""

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
from harvest_warehouse.database import open_database, pipeline_state
from harvest_warehouse.database.indexes import make_indexes
from harvest_warehouse.database.load_packages import drop_unseen, move
from harvest_warehouse.database.lock import turn
from harvest_warehouse.database.rereads import reread
from harvest_warehouse.database.runs import Run, runs_resource
from harvest_warehouse.database.system_tables import DELETIONS, extract_own
from harvest_warehouse.load.access_guard import Sentinel
from harvest_warehouse.load.embedded_copies import follow_embedded
from harvest_warehouse.load.report import AccessLost, LoadFailed, LoadReport, what_happened
from harvest_warehouse.load.source import account_source
from harvest_warehouse.messages.steps import say_nothing
from harvest_warehouse.settings.process import give_memory_back
from harvest_warehouse.warehouse import FolderDamaged, Warehouse

_HOW_TO_GIVE_UP = (
    "An earlier run left what it had read, and it cannot be written. Mend that and load again; or throw it away with "
    "`dlt pipeline {} abort-packages`, and the next load asks Harvest again."
)

Again = Mapping[str, Sequence[Mapping[str, object]]]


def load(
    warehouse: Warehouse,
    settings: Settings,
    streams: Sequence[str] = (),
    *,
    project_ids: Sequence[int] = (),
    reports_from: str | None = None,
    reports_to: str | None = None,
    again: Again | None = None,
    accept_access: bool = False,
    sentinel: Sentinel | None = None,
    client: Client | None = None,
    ledger: Ledger | None = None,
    on_step: Callable[[str], None] = say_nothing,
) -> LoadReport:
    """Load an account, or the named streams of it and no others.

    Args:
        warehouse: where the rows go.
        settings: the account.
        streams: names from the catalogue; none for everything that is read by default.
        project_ids: the projects that `projects_id` reads again one by one.
        reports_from: a day in the first month that reports are read for.
        reports_to: a day in the last month that reports are read for.
        again: for a stream, the filters (`{"from": "2024-01-01", "to": "2024-01-31"}`, `{"project_id": 7}`) whose rows are
            read in full besides what changed; an empty one stands for the whole list.
        accept_access: whether to go on with a token that sees less than an earlier one, and to measure by it from now on.
        sentinel: looks at what the token sees, if it has not yet; None for one of its own.
        client: asks Harvest; a new one if None.
        ledger: gets each stream's outcome as it goes.
        on_step: is told, in a few words, what begins.

    Raises:
        SettingWrong: before anything is asked of Harvest.
        Busy: where another run is writing into the same database.
        AccessLost: where the token sees less than an earlier one.
        LoadFailed: for everything after that.
    """
    ledger, asks = ledger or Ledger(), client or Client(settings)
    watch = sentinel or Sentinel(warehouse, settings, asks, accept=accept_access)
    given = {
        "reports_from": reports_from,
        "reports_to": reports_to,
        "project_ids": list(project_ids) or None,
        "again": again or None,
    }
    session = Session(STREAMS)
    source = account_source(settings, streams, given, asks, ledger, session)
    run = _Run(warehouse, settings, ledger, on_step, again or {}, watch)
    try:
        with turn(warehouse), run.failures_told():
            on_step("looking at the database")
            run.settle()
            if not watch.has_looked:
                on_step("looking at what the token sees")
                if gone := watch.look():
                    raise AccessLost(gone, run.report())
            session.rights = watch.rights
            run.bring(source)
    finally:
        if client is None:
            asks.close()
    return run.report()


def settle(
    warehouse: Warehouse, settings: Settings, *, on_step: Callable[[str], None] = say_nothing
) -> tuple[str, ...]:
    """Finish what an earlier run left: what must come before anything else is written. Asks nothing of Harvest.

    Returns:
        The load packages that were finished.

    Raises:
        Busy: where another run is writing into the same database.
        LoadFailed: where the database refuses.
    """
    run = _Run(warehouse, settings, Ledger(), on_step)
    with turn(warehouse), run.failures_told():
        run.settle()
    return run.report().finished


class _Run:
    """One load under way."""

    def __init__(
        self,
        warehouse: Warehouse,
        settings: Settings,
        ledger: Ledger,
        on_step: Callable[[str], None],
        again: Again = MappingProxyType({}),
        sentinel: Sentinel | None = None,
    ) -> None:
        self._warehouse = warehouse
        self._settings = settings
        self._again = again
        self._sentinel = sentinel
        self._ledger = ledger
        self._on_step = on_step
        self._pipeline = warehouse.pipeline()
        self._finished: tuple[str, ...] = ()
        self._run_id = ""
        self._is_noted = False
        self._started_at = datetime.now(UTC)
        self._began = time.monotonic()

    def settle(self) -> None:
        """Finish what an earlier run left, and agree with the database on how far it has come.

        Raises:
            HarvestError: HalfCopied, NotOurs, FolderDamaged.
        """
        with self._warehouse.working_folder_read():
            self._settle()

    def _settle(self) -> None:
        if self._warehouse.is_there():
            with open_database(self._warehouse):
                pass
        if pipeline_state.has_unfinished(self._pipeline, self._warehouse, self._settings.account_id):
            self._on_step("finishing what an earlier run left")
            drop_unseen(self._pipeline)
            try:
                self._finished = move(self._pipeline, self._warehouse, is_left=True)
            except DltException as error:
                raise self._stuck(error) from error
        self._pipeline = pipeline_state.agree(self._pipeline, self._warehouse, self._settings.account_id)
        pipeline_state.refuse_strangers(self._pipeline, self._warehouse)

    def _stuck(self, error: DltException) -> LoadFailed:
        advice = _HOW_TO_GIVE_UP.format(self._pipeline.pipeline_name)
        return LoadFailed(f"{self._told(error)} {advice}", self.report())

    def bring(self, source: dlt.sources.DltSource) -> None:
        """Read Harvest and write what it answers: lists first, then what is read by their rows, in portions.

        A run that is killed loses one portion. What became of the run goes in a package of its own, loaded last.
        """
        selected = list(source.selected_resources)
        children = [name for name in selected if STREAMS[name].parent]
        lists = [name for name in selected if name not in children]
        try:
            for wave in (lists, children):
                names = wave
                while names:
                    self._on_step("reading Harvest")
                    self._read(source.with_resources(*names))
                    names = [name for name in names if self._is_begun(name)]
                    if not names and wave is (children or lists):
                        self._note_run(is_whole=True)
                    self._on_step(f"writing {self._warehouse.name}")
                    move(self._pipeline, self._warehouse)
                    pipeline_state.note(self._pipeline, self._warehouse)
                make_indexes(self._warehouse)
                self._follow(wave)
        except BaseException:
            self._note_run()
            raise

    def _read(self, source: dlt.sources.DltSource) -> None:
        """Read a portion of Harvest into a load package."""
        for row in self._sentinel.first_row() if self._sentinel else ():
            source.resources.add(row)
        info = self._pipeline.extract(source, loader_file_format=self._warehouse.kind.load_format)
        give_memory_back()
        try:
            if self._sentinel:
                self._sentinel.look_again()
        except HarvestError:  # Nothing of it may be written, nor what the streams remember of it.
            self._pipeline = pipeline_state.agree(self._pipeline, self._warehouse, self._settings.account_id)
            self._is_noted = True
            raise
        self._run_id = self._run_id or info.loads_ids[0]
        # Before a second package is made, so that both have the schema that comes of it.
        self._pipeline.normalize()

    def _is_begun(self, stream: str) -> bool:
        return any(outcome.stream == stream and outcome.outcome == "begun" for outcome in self._ledger.outcomes())

    def _follow(self, streams: Sequence[str]) -> None:
        """Bring the copies that Harvest embeds up to date with the rows that this run read."""
        outcomes = self._ledger.outcomes()
        read = {outcome.stream for outcome in outcomes if outcome.outcome == "complete" and outcome.stream in streams}
        if read:
            with open_database(self._warehouse) as database:
                follow_embedded(database, self._settings.account_id, read)

    @contextmanager
    def failures_told(self) -> Iterator[None]:
        """Turn whatever dlt makes of a failure into one message, and record the run if the database answers."""
        try:
            yield
        except (LoadFailed, FolderDamaged):
            raise
        except (DltException, HarvestError) as error:
            message = self._told(error)
            is_reading = isinstance(error, PipelineStepFailed) and error.step == "extract"
            if is_reading:
                self._record_failure()
            elif self._pipeline.has_pending_data:
                message += " What was read is kept, and the next load goes on from there."
            raise LoadFailed(message, self.report()) from error

    def report(self) -> LoadReport:
        """What it did until now."""
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
        run = Run(self._settings.account_id, self._run_id or create_load_id(), self._started_at, datetime.now(UTC))
        resources = [runs_resource(run, outcomes)]
        if is_whole:
            resources += reread(run, self._again, outcomes, self._settings.start_date)
            resources += [DELETIONS.holding([]), *(self._sentinel.rows(outcomes) if self._sentinel else ())]
        extract_own(self._pipeline, self._warehouse, *resources)

    def _record_failure(self) -> None:
        try:
            move(self._pipeline, self._warehouse)
        except DltException:
            # The failure that is being told is the one that matters.
            return

    def _outcomes(self) -> tuple[StreamOutcome, ...]:
        order = list(STREAMS)
        outcomes = sorted(self._ledger.outcomes(), key=lambda outcome: order.index(outcome.stream))
        return tuple(replace(outcome, reason=self._clean(outcome.reason)) for outcome in outcomes)

    def _told(self, error: BaseException) -> str:
        return self._clean(what_happened(error, self._warehouse))

    def _clean(self, text: str) -> str:
        """`text` without the token, should Harvest or a library ever repeat it."""
        return text.replace(self._settings.access_token.reveal(), "***")
