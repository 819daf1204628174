"""Gather the inputs of a comparison: the token's owner, the scope, and a snapshot of the local totals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from harvest_time_tracking import STREAMS, Client, NeedsYou, Settings
from harvest_warehouse.database import pipeline_state
from harvest_warehouse.database.run import Run
from harvest_warehouse.load.load import settle
from harvest_warehouse.verify.local_totals import LocalTotals, local_totals
from harvest_warehouse.verify.results import Compared, known
from harvest_warehouse.verify.row_checks import RowChecks, row_checks
from harvest_warehouse.verify.running_timers import with_running
from harvest_warehouse.verify.scope import Asker, Scope, asker, scope


@dataclass(frozen=True)
class LocalSide:
    """Snapshot of the local totals.

    Attributes:
        tables: totals of the tables, as loaded.
        sums: the same totals with the present hours of running timers.
        loaded_since: cursor of each stream, by Harvest's clock.
        rows: results of the row checks.
    """

    tables: LocalTotals
    sums: LocalTotals
    loaded_since: Mapping[str, datetime]
    rows: RowChecks


@dataclass(frozen=True)
class Beginning:
    """Inputs of a comparison.

    Attributes:
        who: rights of the token's owner.
        scope: days and reports to compare.
        ours: snapshot of the local totals.
        known: windows compared by earlier runs.
    """

    who: Asker
    scope: Scope
    ours: LocalSide
    known: Sequence[Compared]


def begin(
    run: Run,
    settings: Settings,
    client: Client,
    first: date | None,
    last: date | None,
) -> Beginning:
    """Gather the inputs of a comparison: token's owner, scope, local totals. Call it while the run holds the lock.

    Raises:
        NeedsYou: nothing is loaded.
        SettingWrong: no day is left to compare.
        HarvestError: a request failed.
    """
    warehouse = run.warehouse
    if not run.is_loaded():
        raise NeedsYou(f"There is no {warehouse.place} to compare: run {warehouse.command('load')} first.")
    settle(run, settings)
    # Harvest's time is taken before our tables are read, to tell later changes in Harvest from real differences.
    run.disconnect()
    who = asker(client)
    with run.database() as database:
        found = scope(warehouse, database, settings, who, first, last)
        earlier = known(database, settings.account_id)
    return Beginning(who, found, ours(run, settings, client, found), earlier)


def ours(run: Run, settings: Settings, client: Client, scope: Scope, before: LocalSide | None = None) -> LocalSide:
    """Take a snapshot of the local totals. Call it while the run holds the lock, with no load package pending.

    Args:
        run: the run.
        settings: the account.
        client: HTTP client, to read running timers.
        scope: days and reports to compare.
        before: earlier snapshot, which is reused, timers included, if the tables did not change.
    """
    loaded_since = pipeline_state.loaded_since(run, settings.account_id)
    with run.database() as database:
        tables = local_totals(
            database,
            settings.account_id,
            scope.first_summed,
            scope.last,
            has_rates="billable_rate" not in settings.columns.excluded("time_entries"),
        )
        if before is not None and before.tables == tables:
            return replace(before, loaded_since=loaded_since)
        rows = row_checks(database, settings.account_id)
    if not tables.running_ids:
        return LocalSide(tables, tables, loaded_since, rows)
    stream = STREAMS["time_entries"]
    run.disconnect()
    running = client.page(stream.path, stream.data_key, stream.live)
    records = json.loads(running.body, parse_float=Decimal)[stream.data_key]
    return LocalSide(tables, with_running(tables, records), loaded_since, rows)
