"""Accounts with rows in the tables: the day up to which each counts, its time zone and its week."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from harvest_warehouse.database import Database
from harvest_warehouse.marts.models import resolved, staging
from harvest_warehouse.marts.settings import WEEKDAYS, MartSettings
from harvest_warehouse.marts.time_zones import zone

_LAST_LOAD = (
    "select account_id, max(ended_at) from harvest_runs where outcome in ('complete', 'unproven') group by account_id"
)


@dataclass(frozen=True)
class Account:
    """Account with rows in the tables; `week_start` is 0 for Monday."""

    account_id: str
    as_of: date
    loaded_at: datetime
    time_zone: str
    week_start: int

    def row(self, settings: MartSettings) -> tuple[object, ...]:
        """Row of cfg_account for this account."""
        return (
            self.account_id,
            self.as_of,
            self.loaded_at,
            self.time_zone,
            settings.home_currency,
            WEEKDAYS[self.week_start],
            len(settings.working_days),
            settings.usual_target,
        )


def loaded_accounts(
    database: Database, settings: MartSettings, raw: Mapping[str, Sequence[str]], as_of: date | None
) -> list[Account]:
    """Read the accounts in Harvest's tables.

    Args:
        database: the database.
        settings: settings of the marts, which come before what Harvest says.
        raw: columns of each of Harvest's tables in the database.
        as_of: day up to which all count; None for the day of each one's last load, in its time zone.
    """
    rows = database.rows
    loads = dict(_pairs(rows(_LAST_LOAD))) if database.columns("harvest_runs") else {}
    zones = dict(_pairs(rows(resolved(staging("stg_token_zone"), raw))))
    starts = dict(_pairs(rows(resolved(staging("stg_week_start"), raw))))
    found = []
    for (account_id,) in sorted(rows(resolved(staging("stg_accounts"), raw))):
        loaded_at = loads.get(account_id) or datetime.now(UTC)
        known = zone(settings.time_zone) or zone(zones.get(account_id)) or ZoneInfo("UTC")
        name = str(starts.get(account_id)).capitalize()
        week_start = settings.week_start
        if week_start is None:
            week_start = WEEKDAYS.index(name) if name in WEEKDAYS else 0
        day = as_of or loaded_at.astimezone(known).date()
        found.append(Account(account_id, day, loaded_at, str(known), week_start))
    return found


def _pairs(rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[str, Any]]:
    return ((account_id, value) for account_id, value in rows)
