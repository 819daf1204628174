"""Stop a load when the token sees less than before (permission regression), checked before and after reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dlt.extract import DltResource

from harvest_time_tracking import Client, HarvestError, Settings, StreamOutcome
from harvest_warehouse.database.run import Run
from harvest_warehouse.database.system_tables import write_rows
from harvest_warehouse.database.token_access import (
    Access,
    access_resource,
    changed,
    last_accepted,
    look,
    lost,
    switched_off,
)


class AccessChanged(HarvestError):
    """The token's rights changed while Harvest was being read: hidden values would look empty, and hidden rows deleted."""


class AccessGuard:
    """Guard that compares the token's access with that of earlier runs, and stops a load on a permission regression.

    Args:
        run: the run.
        settings: the account.
        client: HTTP client.
        accept: whether to accept a token that sees less, and to make it the baseline for later runs.
    """

    def __init__(self, run: Run, settings: Settings, client: Client, *, accept: bool = False) -> None:
        self._run = run
        self._account_id = settings.account_id
        self._client = client
        self._is_accepted = accept
        self._before: Access | None = None
        self._now: Access | None = None
        self._refused: dict[str, str] = {}
        self._is_told = False

    @property
    def has_looked(self) -> bool:
        """True once the token's access was looked up."""
        return self._now is not None

    def look(self) -> tuple[str, ...]:
        """Look up the token's access before reading; return messages about a permission regression, unless it is accepted.

        Call it while the run holds the lock, with no load package pending.

        Raises:
            HarvestError: a request failed.
        """
        self._before, self._now = self._look()
        hidden = lost(self._before, self._now)
        if not hidden or self._is_accepted:
            return ()
        # A load would overwrite values with empty ones.
        gone = hidden + switched_off(self._before, self._now)
        write_rows(self._run, access_resource(self._account_id, self._now, gone, is_accepted=False))
        return gone

    def look_again(self) -> None:
        """Check after reading, before anything is written, that the token's rights did not change meanwhile.

        Raises:
            AccessChanged: rights were lost or gained since `look`.
            HarvestError: the request failed.
        """
        if self._now is None:
            return
        if told := changed(self._client, self._now):
            raise AccessChanged(
                f"While Harvest was read, {'; '.join(told)}: what was read since is discarded. Run it again; with fewer "
                "rights than before, that needs --accept-access."
            )

    @property
    def rights(self) -> tuple[str, ...]:
        """Rights that decide which rows and values the token sees; empty before `look`."""
        return self._now.rights if self._now else ()

    def first_row(self) -> Sequence[DltResource]:
        """Row of `harvest_access` to write with the first rows read; none if the last accepted run had the same rights.

        If the run is killed before it records its access, its rows are loaded all the same: later runs need this baseline.
        """
        if self._is_told or self._now is None or (self._before and self._before.rights == self._now.rights):
            return ()
        self._is_told = True
        return [access_resource(self._account_id, self._now, (), is_accepted=True)]

    def missed(self, outcomes: Sequence[StreamOutcome]) -> tuple[str, ...]:
        """Messages about modules that were switched off, and streams that can no longer be read."""
        self._refused |= self._refused_of(outcomes)
        known = self._before.refused if self._before else ()
        off = switched_off(self._before, self._now) if self._now else ()
        return off + tuple(
            f"{name} cannot be read any more: {why}" for name, why in self._refused.items() if name not in known
        )

    def rows(self, outcomes: Sequence[StreamOutcome]) -> Sequence[DltResource]:
        """Row of `harvest_access` for the run, given the outcomes of the streams that were read."""
        if self._now is None:
            return ()
        missed = self.missed(outcomes)
        # A load of some streams tells nothing about the others.
        read = {outcome.stream for outcome in outcomes}
        known = [name for name in (self._before.refused if self._before else ()) if name not in read]
        now = replace(self._now, refused=tuple(sorted({*known, *self._refused})))
        return [access_resource(self._account_id, now, missed, is_accepted=self._is_accepted or not missed)]

    def _look(self) -> tuple[Access | None, Access]:
        if not self._run.is_loaded():
            return None, look(self._client, None)
        with self._run.database() as database:
            before = last_accepted(database, self._account_id)
            found = look(self._client, database).later_than(before)
        # The next step may have to wait for Harvest.
        self._run.disconnect()
        return before, found

    def _refused_of(self, outcomes: Sequence[StreamOutcome]) -> dict[str, str]:
        """Reasons why streams with rows in the database were skipped in this run, by stream."""
        skipped = [outcome for outcome in outcomes if outcome.outcome == "skipped"]
        if not skipped or not self._run.is_loaded():
            return {}
        found: dict[str, str] = {}
        with self._run.database() as database:
            for outcome in skipped:
                query = f'select 1 from "{outcome.table}" where account_id = :account_id limit 1'
                if database.columns(outcome.table) and database.rows(query, {"account_id": self._account_id}):
                    found[outcome.stream] = outcome.reason
        return found
