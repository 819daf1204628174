"""Sync: make every table equal to Harvest (load, sweep, rolling re-read), keep history, build marts; for schedules."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from dlt.common.exceptions import DltException

from harvest_time_tracking import Client, HarvestError, Ledger, Settings, SettingWrong
from harvest_time_tracking.settings import as_date
from harvest_warehouse.database.reread_filters import RereadFilters
from harvest_warehouse.database.run import Run
from harvest_warehouse.load import LoadReport
from harvest_warehouse.load.access_guard import AccessGuard
from harvest_warehouse.load.load import load_in, settle
from harvest_warehouse.load.report import what_happened
from harvest_warehouse.load.reread_rotation import Rotation, rotation
from harvest_warehouse.marts import BuildFailed, BuildReport
from harvest_warehouse.marts.build import build_in
from harvest_warehouse.messages.steps import say_nothing
from harvest_warehouse.peers import ViewsFailed, refresh_views
from harvest_warehouse.settings.account import REREAD_REQUESTS
from harvest_warehouse.settings.process import give_memory_back
from harvest_warehouse.sweep import SweepReport, sweep
from harvest_warehouse.sweep.archive import Finding
from harvest_warehouse.sweep.replaced_tables import Noted, drop_orphans, note_replaced, remember
from harvest_warehouse.sync.history import HistoryReport, keep_history
from harvest_warehouse.verify import VerifyReport
from harvest_warehouse.verify.verify import verify_in
from harvest_warehouse.warehouse import Target


class SyncFailed(HarvestError):
    """A sync failed after its load; the next one resumes."""


@dataclass(frozen=True)
class SyncReport:
    """Result of one sync.

    Attributes:
        load: report of the load; None if the token sees less than before, so that nothing was read.
        sweep: report of the sweep; None if it was not run.
        replaced: number of rows deleted from full-refresh tables, by stream.
        rotation: part of history that was read again although no change was known; None before the first load.
        verify: comparison with Harvest's reports, after repairs; None without `repair`.
        history: report of the history tables; None if the sweep was not run.
        build: report of the marts; None if they were not, or could not be, built.
        not_built: why they, or views in another product's layout, could not be built; the earlier ones stay.
        lost: messages about what an earlier token saw and this one does not.
        seconds: duration.
    """

    load: LoadReport | None
    sweep: SweepReport | None
    replaced: dict[str, int] = field(default_factory=dict)
    lost: tuple[str, ...] = ()
    rotation: Rotation | None = None
    verify: VerifyReport | None = None
    history: HistoryReport | None = None
    build: BuildReport | None = None
    not_built: str = ""
    seconds: float = 0.0

    @property
    def is_equal(self) -> bool:
        """True if every list was read and found equal to Harvest's."""
        return not self.lost and self.load is not None and self.sweep is not None and self.sweep.is_proven

    @property
    def needs_somebody(self) -> bool:
        """True if something needs a person: it was left undone or still differs, and the next sync may not resolve it."""
        is_unproven = self.load is not None and bool(self.load.unproven)
        is_left = self.sweep is not None and self.sweep.needs_somebody
        return bool(self.lost) or is_unproven or is_left or (self.verify is not None and not self.verify.is_proven)


def sync(
    warehouse: Target,
    settings: Settings,
    *,
    repair: bool = False,
    accept_deletions: bool = False,
    accept_access: bool = False,
    reread_requests: int = REREAD_REQUESTS,
    build_marts: bool = True,
    client: Client | None = None,
    ledger: Ledger | None = None,
    on_step: Callable[[str], None] = say_nothing,
) -> SyncReport:
    """Load, sweep, record deletions and history, and build the marts; every table then equals Harvest, barring later changes.

    A token that sees less than an earlier one is not an error: see `SyncReport.lost`.

    Args:
        warehouse: target of the sync.
        settings: the account.
        repair: whether to also compare with Harvest's reports, and to re-read what differs.
        accept_deletions: whether to move rows even if a large share of a list was deleted at once.
        accept_access: whether to accept a token that sees less than an earlier one, and to make it the baseline for later
            runs.
        reread_requests: approximate number of requests for the rolling re-read of history; 0 for none.
        build_marts: whether to build the marts at the end.
        client: HTTP client, closed at the end; a new one if None.
        ledger: collects the outcome of each stream as it goes.
        on_step: called with a short text when a step begins.

    Raises:
        DatabaseBusy: another run is writing into the same database.
        DatabaseUnreachable: the database does not respond.
        LoadFailed: the load failed.
        SyncFailed: a step after it failed in the database; loaded rows stay, and the next sync resumes.
        HarvestError: a request outside of the load failed.
    """
    began = time.monotonic()
    run = Run(warehouse, on_step=on_step)
    with _asking(warehouse, client or Client(settings)) as asking:
        guard = AccessGuard(run, settings, asking, accept=accept_access)
        syncing = _Sync(run, settings, reread_requests, asking, guard, ledger or Ledger())
        with run.locked():
            report = syncing.run(accept_deletions=accept_deletions, accept_access=accept_access)
            report = syncing.build(report, build_marts=build_marts)
        if repair and report.sweep:
            # Outside of the lock: it may wait for the rate limit for reports, and other runs can write meanwhile.
            report = replace(report, verify=syncing.repair(accept_deletions=accept_deletions))
            if report.verify and report.verify.repaired:
                report = syncing.follow_repair(report, build_marts=build_marts)
    return replace(report, seconds=round(time.monotonic() - began, 3))


def repair(
    warehouse: Target,
    settings: Settings,
    *,
    since: str | date | None = None,
    until: str | date | None = None,
    is_by_month: bool = False,
    client: Client | None = None,
    on_step: Callable[[str], None] = say_nothing,
) -> VerifyReport:
    """Verify, re-read what differs (deletions included), and compare it again.

    Args:
        warehouse: target with the tables.
        settings: the account.
        since: first day, as in `verify`.
        until: last day, as in `verify`.
        is_by_month: whether to compare each month on its own, as in `verify`.
        client: HTTP client, closed at the end; a new one if None.
        on_step: called with a short text when a step begins.

    Raises:
        AccessLost: something differs, and the token sees less than an earlier one.
        HarvestError: as in `verify`.
    """
    first, last = as_date("since", since), as_date("until", until)
    run = Run(warehouse, on_step=on_step)
    with _asking(warehouse, client or Client(settings)) as asking:
        syncing = _Sync(run, settings, 0, asking, AccessGuard(run, settings, asking), Ledger())
        return syncing.repair(first, last, is_by_month=is_by_month)


@contextmanager
def _asking(warehouse: Target, client: Client) -> Iterator[Client]:
    try:
        yield client
    except DltException as error:
        raise SyncFailed(what_happened(error, warehouse)) from error
    finally:
        client.close()


class _Sync:
    """State of one sync, or one repair, in progress."""

    def __init__(
        self,
        run: Run,
        settings: Settings,
        reread_requests: int,
        client: Client,
        guard: AccessGuard,
        ledger: Ledger,
    ) -> None:
        self._run = run
        self._settings = settings
        self._reread_requests = reread_requests
        self._client = client
        self._guard = guard
        self._ledger = ledger

    def run(self, *, accept_deletions: bool, accept_access: bool) -> SyncReport:
        settle(self._run, self._settings)
        self._run.on_step("looking at what the token sees")
        if hidden := self._guard.look():
            return SyncReport(None, None, lost=hidden)
        due = self._turn_of_history()
        loaded = self._load(due.again if due else None)
        missed = self._guard.missed(loaded.streams)
        noted = self._note_replaced(loaded)
        if missed and not accept_access:
            return SyncReport(loaded, None, noted.rows, missed, due)
        swept = self._sweep(loaded, noted, accept_deletions=accept_deletions)
        return SyncReport(loaded, swept, noted.rows, (), due, history=self._keep_history(loaded))

    def repair(
        self,
        first: date | None = None,
        last: date | None = None,
        *,
        is_by_month: bool = False,
        accept_deletions: bool = False,
    ) -> VerifyReport:
        """Compare with Harvest's reports, and re-read what differs. Takes the run lock when it needs it."""

        def reread(again: RereadFilters) -> Sequence[str]:
            with self._run.locked(is_patient=True):
                loaded = self._load(again)
                return self._sweep(loaded, self._note_replaced(loaded), accept_deletions=accept_deletions).stopped

        return verify_in(self._run, self._settings, self._client, first, last, is_by_month=is_by_month, reread=reread)

    def follow_repair(self, report: SyncReport, *, build_marts: bool) -> SyncReport:
        """Update history and marts after a repair."""
        with self._run.locked(is_patient=True):
            settle(self._run, self._settings)
            if report.load and report.history:
                kept, before = self._keep_history(report.load), report.history
                opened, closed = before.opened + kept.opened, before.closed + kept.closed
                report = replace(report, history=replace(kept, opened=opened, closed=closed))
            return self.build(report, build_marts=build_marts)

    def build(self, report: SyncReport, *, build_marts: bool) -> SyncReport:
        """Build the marts, and views in other products' layouts; a failure is reported and does not fail the sync."""
        if report.load is None:
            return report
        not_built = []
        try:
            refresh_views(self._run)
        except (ViewsFailed, SettingWrong) as error:
            not_built.append(str(error))
        if build_marts:
            # Free the memory that the client's threads hold, for the marts.
            self._client.close()
            give_memory_back()
            try:
                report = replace(report, build=build_in(self._run))
            except (BuildFailed, SettingWrong) as error:
                not_built.append(str(error))
        return replace(report, not_built=" ".join(not_built))

    def _turn_of_history(self) -> Rotation | None:
        """Choose the part of history to read again; None before the first load."""
        if not self._run.is_loaded():
            return None
        return rotation(self._run, self._settings, self._reread_requests)

    def _load(self, again: RereadFilters | None) -> LoadReport:
        if self._run.is_loaded():
            with self._run.database() as database:
                remember(database)
        return load_in(self._run, self._settings, self._client, self._guard, self._ledger, again=again)

    def _keep_history(self, loaded: LoadReport) -> HistoryReport:
        read = [outcome.stream for outcome in loaded.streams if outcome.outcome == "complete"]
        return keep_history(
            self._run, self._settings.account_id, at=loaded.started_at, read=read, columns=self._settings.columns
        )

    def _note_replaced(self, loaded: LoadReport) -> Noted:
        read = {outcome.stream for outcome in loaded.streams if outcome.outcome == "complete"}
        finding = Finding(self._settings.account_id, datetime.now(UTC), loaded.run_id)
        with self._run.database() as database:
            drop_orphans(database, self._settings.account_id, read)
            return note_replaced(database, finding)

    def _sweep(self, loaded: LoadReport, noted: Noted, *, accept_deletions: bool) -> SweepReport:
        swept = self._swept(loaded, noted, accept_deletions=accept_deletions)
        if not swept.again:
            return swept
        # A row can be committed later than the overlap covers, or change with a deletion, without a new `updated_at`.
        self._run.on_step("reading again what the load left out")
        again = load_in(
            self._run, self._settings, self._client, self._guard, Ledger(), list(swept.again), again=swept.again
        )
        return swept.followed_by(self._swept(again, Noted(), accept_deletions=accept_deletions))

    def _swept(self, loaded: LoadReport, noted: Noted, *, accept_deletions: bool) -> SweepReport:
        return sweep(
            self._run,
            self._settings,
            loaded,
            touched=noted.parents,
            accept_deletions=accept_deletions,
            sees_all="administrator" in self._guard.rights,
            before_moving=self._guard.look_again,
            client=self._client,
        )
