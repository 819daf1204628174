"""What is known of an account's rows: how old they are, what was compared, what is missing. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from dlt.common.json import json

from harvest_warehouse.database import Database
from harvest_warehouse.semantics import semantic_model


@dataclass(frozen=True)
class Window:
    """Window of days in which a report was compared."""

    report: str
    first: date
    last: date
    is_month: bool
    is_finished: bool
    compared_at: datetime


@dataclass(frozen=True)
class Standing:
    """What is known of an account's rows as a whole.

    Attributes:
        account_id: the account.
        as_of_date: day of the last load.
        loaded_at: when the last load had read everything.
        first: first day with time or expenses; None without any.
        last: last day with time or expenses.
        currencies: currencies of clients.
        gaps: why a stream is missing or incomplete, by stream.
        findings: number of rows by check that found any.
        windows: compared windows.
        verdicts: number of figures by report, measure, window and verdict.
        changed: newest change of the rows of each day that changed after the oldest comparison.
        deleted_at: when rows were last found deleted; None if none were.
        is_built: whether the marts were built after the last load; else they have older figures than the tables.
        now: time at which the question is asked.
    """

    account_id: str
    as_of_date: date
    loaded_at: datetime
    first: date | None
    last: date | None
    currencies: tuple[str, ...]
    gaps: Mapping[str, str]
    findings: Mapping[str, int]
    windows: tuple[Window, ...]
    verdicts: Mapping[tuple[str, str, date, date], Mapping[str, int]]
    changed: Mapping[date, datetime]
    deleted_at: datetime | None = None
    is_built: bool = True
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def age_hours(self) -> float:
        """Hours since the last load."""
        return round((self.now - self.loaded_at).total_seconds() / 3600, 1)


def standing(database: Database, account_id: str, now: datetime | None = None) -> Standing:
    """Read what is known of an account's rows.

    Raises:
        DatabaseException: dlt's, if the database refuses.
    """
    values = {"account_id": account_id}
    [(as_of, loaded)] = database.rows(
        "select as_of_date, loaded_at from marts.dim_account where account_id = :account_id", values
    )
    [(first, last)] = database.rows(_DAYS, values)
    tables = set(database.names())
    windows = database.rows(_WINDOWS, values) if "harvest_reconciliation_windows" in tables else []
    verdicts: dict[tuple[str, str, date, date], dict[str, int]] = {}
    for report, measure, start, end, verdict, count in (
        database.rows(_VERDICTS, values) if "harvest_reconciliation" in tables else []
    ):
        verdicts.setdefault((report, measure, start, end), {})[verdict] = count
    compared_at = min((_utc(row[5]) for row in windows), default=datetime.max.replace(tzinfo=UTC))
    changed = database.rows(_CHANGED, {**values, "at": compared_at}) if windows else []
    return Standing(
        account_id,
        as_of,
        _utc(loaded),
        first,
        last,
        tuple(row[0] for row in database.rows(_CURRENCIES, values)),
        _gaps(database, tables, values),
        dict(database.rows(_FINDINGS, values)),
        tuple(Window(row[0], row[1], row[2], bool(row[3]), bool(row[4]), _utc(row[5])) for row in windows),
        verdicts,
        {day: _utc(at) for day, at in changed},
        _deleted_at(database, tables, values),
        _newest_load(database, tables, values, _utc(loaded)) <= _utc(loaded),
        now or datetime.now(UTC),
    )


def _gaps(database: Database, tables: Collection[str], values: Mapping[str, object]) -> dict[str, str]:
    """Why streams are missing or incomplete, from the last runs and from what the token may see."""
    gaps: dict[str, str] = {}
    if "harvest_runs" in tables:
        gaps = dict.fromkeys(
            {name for one in semantic_model().metrics.values() for name in one.needs}, "was never read"
        )
        for stream, is_complete, is_off, outcome in database.rows(_RUNS, values):
            if is_off:
                gaps[stream] = "is switched off in Harvest"
            elif not is_complete:
                gaps[stream] = "was never read completely"
            elif outcome in ("failed", "unproven"):
                gaps[stream] = "could not be read completely in the last run"
            else:
                gaps.pop(stream, None)
    if "harvest_access" in tables:
        for hidden, refused, lost in database.rows(_ACCESS, values)[:1]:
            gaps |= {
                str(name).partition(".")[0]: "has money columns that are hidden from the token"
                for name in _list(hidden)
            }
            gaps |= {str(name): "may not be read with this token" for name in _list(refused)}
            if _list(lost):
                gaps["time_entries"] = "may be incomplete, since the token has lost rights"
    return gaps


def _deleted_at(database: Database, tables: Collection[str], values: Mapping[str, object]) -> datetime | None:
    if "harvest_deletions" not in tables:
        return None
    [(at,)] = database.rows(_DELETED, values)
    return _utc(at) if at else None


def _newest_load(
    database: Database, tables: Collection[str], values: Mapping[str, object], loaded_at: datetime
) -> datetime:
    """When the last load ended, by the same rule as the build's."""
    [(at,)] = database.rows(_NEWEST_LOAD, values) if "harvest_runs" in tables else [(None,)]
    return _utc(at) if at else loaded_at


def _list(text: object) -> list[object]:
    read = json.loads(text) if isinstance(text, str) and text else text
    return list(read) if isinstance(read, list | tuple) else []


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


_DAYS = """
    select
      min(spent_date),
      max(spent_date)
    from (
      select spent_date from marts.fct_time_entry where account_id = :account_id
      union all
      select spent_date from marts.fct_expense where account_id = :account_id
    ) as days
"""
_NEWEST_LOAD = """
    select max(ended_at) from harvest_runs where account_id = :account_id and outcome in ('complete', 'unproven')
"""
# An invoice or an estimate may be in another currency than its client.
_CURRENCIES = """
    select distinct currency
    from (
      select currency from marts.dim_client where account_id = :account_id
      union all
      select currency from marts.fct_invoice where account_id = :account_id
      union all
      select currency from marts.mart_estimate_pipeline where account_id = :account_id
    ) as every
    where currency is not null
    order by currency
"""
_FINDINGS = """
    select finding, row_count from marts.mart_data_quality where account_id = :account_id and row_count > 0 order by finding
"""
_WINDOWS = """
    select report, from_date, to_date, is_month, is_finished, compared_at
    from harvest_reconciliation_windows
    where account_id = :account_id
"""
_VERDICTS = """
    select report, measure, from_date, to_date, verdict, count(*)
    from harvest_reconciliation
    where account_id = :account_id
    group by report, measure, from_date, to_date, verdict
"""
_CHANGED = """
    select spent_date, max(updated_at)
    from (
      select spent_date, updated_at from marts.fct_time_entry where account_id = :account_id and updated_at > :at
      union all
      select spent_date, updated_at from marts.fct_expense where account_id = :account_id and updated_at > :at
    ) as rows
    group by spent_date
"""
_DELETED = """
    select max(found_at) from harvest_deletions
    where account_id = :account_id and table_name in ('time_entries', 'expenses')
"""
_RUNS = """
    with newest as (
      select
        stream,
        max(ended_at) as ended_at,
        max(case when outcome in ('complete', 'unproven') then 1 else 0 end) as is_complete,
        max(case when reason like '%switched off%' then 1 else 0 end) as is_off
      from harvest_runs
      where account_id = :account_id
      group by stream
    )

    select
      newest.stream,
      newest.is_complete,
      newest.is_off,
      max(runs.outcome)
    from newest
    inner join harvest_runs as runs
      on newest.stream = runs.stream
      and newest.ended_at = runs.ended_at
      and runs.account_id = :account_id
    group by newest.stream, newest.is_complete, newest.is_off
"""
_ACCESS = """
    select hidden, refused, lost from harvest_access where account_id = :account_id order by looked_at desc limit 1
"""
