"""Make every table equal to Harvest: what changed, what vanished, what changed silently. The command that a schedule calls."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from dlt.common.exceptions import DltException

from harvest_time_tracking import Client, HarvestError, Ledger, Settings
from harvest_warehouse.access import Access, access_resource, last_accepted, look, lost, switched_off
from harvest_warehouse.database import open_database
from harvest_warehouse.deletions import DELETIONS, Finding
from harvest_warehouse.load import load, say_nothing, settle
from harvest_warehouse.load_report import LoadReport, what_happened
from harvest_warehouse.own_tables import keep
from harvest_warehouse.replaced import note_replaced, remember
from harvest_warehouse.settings import Warehouse
from harvest_warehouse.sweep import SweepReport, sweep
from harvest_warehouse.turn import turn


class SyncFailed(HarvestError):
    """A sync that did not come to its end, after its load; the next one goes on."""


@dataclass(frozen=True)
class SyncReport:
    """What one sync did.

    Attributes:
        load: what was read; None where the token sees less than before, and nothing was read.
        sweep: what vanished; None where nothing was swept.
        replaced: rows that vanished from what is replaced by parent or as a whole, by stream.
        lost: what an earlier token saw and this one does not, in words.
        seconds: how long it took.
    """

    load: LoadReport | None
    sweep: SweepReport | None
    replaced: dict[str, int] = field(default_factory=dict)
    lost: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def is_equal(self) -> bool:
        """Whether every list was read, and found equal to Harvest's."""
        return not self.lost and self.load is not None and self.sweep is not None and self.sweep.is_proven


def sync(
    warehouse: Warehouse,
    settings: Settings,
    *,
    accept_deletions: bool = False,
    accept_access: bool = False,
    client: Client | None = None,
    ledger: Ledger | None = None,
    on_step: Callable[[str], None] = say_nothing,
) -> SyncReport:
    """Load, sweep, and note what vanished. With Harvest at rest, every table equals Harvest afterwards.

    Args:
        warehouse: where the rows go.
        settings: the account.
        accept_deletions: whether to move rows also where a large share of a list vanished at once.
        accept_access: whether to go on with a token that sees less than an earlier one, and to measure by it from now on.
        client: asks Harvest; a new one if None.
        ledger: gets each stream's outcome as it goes.
        on_step: is told, in a few words, what begins.

    Raises:
        Busy: where another run is writing into the same database.
        LoadFailed: where the load did not come to its end.
        SyncFailed: where something after it did not; what was loaded stays, and the next sync goes on.
        HarvestError: where Harvest cannot be asked at all.
    """
    began = time.monotonic()
    client = client or Client(settings)
    with turn(warehouse):
        run = _Sync(warehouse, settings, client, ledger or Ledger(), on_step)
        try:
            report = run.run(accept_deletions=accept_deletions, accept_access=accept_access)
        except DltException as error:
            raise SyncFailed(what_happened(error, warehouse)) from error
        finally:
            client.close()
    return SyncReport(report.load, report.sweep, report.replaced, report.lost, round(time.monotonic() - began, 3))


class _Sync:
    """One sync under way."""

    def __init__(
        self,
        warehouse: Warehouse,
        settings: Settings,
        client: Client,
        ledger: Ledger,
        on_step: Callable[[str], None],
    ) -> None:
        self._warehouse = warehouse
        self._settings = settings
        self._client = client
        self._ledger = ledger
        self._on_step = on_step

    def run(self, *, accept_deletions: bool, accept_access: bool) -> SyncReport:
        settle(self._warehouse, self._settings, on_step=self._on_step)
        before, access = self._look()
        hidden, off = lost(before, access), switched_off(before, access)
        if hidden and not accept_access:
            # A load would write the empty values over the ones we have.
            self._keep(access, hidden + off, is_accepted=False)
            return SyncReport(None, None, lost=hidden + off)
        if self._warehouse.file.exists():
            with open_database(self._warehouse) as database:
                remember(database)
        loaded = self._load()
        refused = self._refused(loaded)
        known = before.refused if before else ()
        missed = off + tuple(
            f"{name} cannot be read any more: {why}" for name, why in refused.items() if name not in known
        )
        access = replace(access, refused=tuple(refused))
        is_accepted = accept_access or not missed
        self._keep(access, missed, is_accepted=is_accepted)
        replaced = self._note_replaced(loaded)
        if not is_accepted:
            return SyncReport(loaded, None, replaced, missed)
        swept = self._sweep(loaded, accept_deletions=accept_deletions)
        return SyncReport(loaded, swept, replaced)

    def _look(self) -> tuple[Access | None, Access]:
        """What later runs are measured by, and what this one sees."""
        self._on_step("looking at what the token sees")
        if not self._warehouse.file.exists():
            return None, look(self._client, None)
        with open_database(self._warehouse) as database:
            return last_accepted(database, self._settings.account_id), look(self._client, database)

    def _keep(self, access: Access, missed: tuple[str, ...], *, is_accepted: bool) -> None:
        resources = [access_resource(self._settings.account_id, access, missed, is_accepted=is_accepted)]
        keep(self._warehouse, *resources, DELETIONS.holding([]))

    def _load(self) -> LoadReport:
        return load(self._warehouse, self._settings, client=self._client, ledger=self._ledger, on_step=self._on_step)

    def _note_replaced(self, loaded: LoadReport) -> dict[str, int]:
        read = {outcome.stream for outcome in loaded.streams if outcome.outcome == "complete"}
        finding = Finding(self._settings.account_id, datetime.now(UTC), loaded.run_id)
        with open_database(self._warehouse) as database:
            return note_replaced(database, read, finding)

    def _refused(self, loaded: LoadReport) -> dict[str, str]:
        """Why streams that we have rows of are refused now."""
        found = {}
        with open_database(self._warehouse) as database:
            for outcome in loaded.skipped:
                query = f'select 1 from "{outcome.table}" where account_id = :account_id limit 1'
                if database.columns(outcome.table) and database.rows(query, {"account_id": self._settings.account_id}):
                    found[outcome.stream] = outcome.reason
        return found

    def _sweep(self, loaded: LoadReport, *, accept_deletions: bool) -> SweepReport:
        swept = self._swept(loaded, accept_deletions=accept_deletions)
        if not swept.again:
            return swept
        # The load passed them by: a row can be committed later than any overlap reaches.
        self._on_step("reading what the load passed by")
        again = load(
            self._warehouse,
            self._settings,
            list(swept.again),
            again=swept.again,
            client=self._client,
            on_step=self._on_step,
        )
        return self._swept(again, accept_deletions=accept_deletions, before=swept)

    def _swept(self, loaded: LoadReport, *, accept_deletions: bool, before: SweepReport | None = None) -> SweepReport:
        swept = sweep(
            self._warehouse,
            self._settings,
            loaded,
            accept_deletions=accept_deletions,
            client=self._client,
            on_step=self._on_step,
        )
        return swept if before is None else before.followed_by(swept)
