"""Queries of the status: runs, proofs and rereads, from the tables `harvest_*`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from harvest_time_tracking import STREAMS, Stream, printable
from harvest_warehouse.database import Database
from harvest_warehouse.database.rereads import REREADS
from harvest_warehouse.database.runs import RUNS
from harvest_warehouse.database.system_tables import AGREED
from harvest_warehouse.status.report import Proof, Reread, RunStatus, TableStatus

LATELY = timedelta(days=30)
"""What counts as lately for the rereading of history."""
MOST_RUNS = 30
RECONCILIATION = "harvest_reconciliation"


def accounts(database: Database) -> list[str]:
    """Accounts that were read into the database."""
    return [row[0] for row in database.rows(f"select distinct account_id from {RUNS.name} order by 1")]


def tables(database: Database, account_id: str, now: datetime, max_age: timedelta) -> tuple[TableStatus, ...]:
    """Status of each table of an account."""
    query = f"""
        with numbered as (
          select
            stream,
            table_name,
            outcome,
            reason,
            row_number() over (partition by stream order by started_at desc, run_id desc) as place,
            max(case when outcome = 'complete' then started_at end) over (partition by stream) as read_at
          from {RUNS.name}
          where account_id = :account_id
        )

        select stream, table_name, outcome, reason, read_at from numbered where place = 1
    """
    found = {row["stream"]: row for row in database.records(query, {"account_id": account_id})}
    known = [name for name in STREAMS if name in found] + sorted(set(found) - set(STREAMS))
    return tuple(_table(found[name], now, max_age) for name in known)


def _table(row: Mapping[str, Any], now: datetime, max_age: timedelta) -> TableStatus:
    name, outcome = row["stream"], row["outcome"]
    at = aware(row["read_at"])
    age = max(now - at, timedelta(0)) if at else None
    stream = STREAMS.get(name)
    is_due = stream is not None and stream.is_default and outcome != "skipped"
    is_old = is_due and (age is None or age > max_age)
    return TableStatus(name, row["table_name"], at, outcome, printable(row["reason"] or ""), age, is_old)


def runs(database: Database, account_id: str) -> tuple[RunStatus, ...]:
    """The last runs of an account, newest first."""
    query = f"""
        with latest as (
          select run_id, max(started_at) as started_at
          from {RUNS.name}
          where account_id = :account_id
          group by run_id
          order by max(started_at) desc, run_id desc
          limit {MOST_RUNS}
        )

        select
          run.run_id,
          run.outcome,
          max(run.started_at) as started_at,
          max(run.ended_at) as ended_at,
          count(*) as streams,
          sum(run."rows") as read_rows,
          sum(run.requests) as requests,
          sum(run.retries) as retries
        from {RUNS.name} as run
        inner join latest
          on run.run_id = latest.run_id
        where run.account_id = :account_id
        group by run.run_id, run.outcome
    """
    by_run: dict[str, list[dict[str, Any]]] = {}
    for row in database.records(query, {"account_id": account_id}):
        by_run.setdefault(row["run_id"], []).append(row)
    made = [_run(run_id, rows) for run_id, rows in by_run.items()]
    return tuple(sorted(made, key=lambda run: (run.started_at, run.run_id), reverse=True))


def _run(run_id: str, rows: Iterable[Mapping[str, Any]]) -> RunStatus:
    rows = list(rows)

    def total(name: str) -> int:
        return sum(int(row[name] or 0) for row in rows)

    return RunStatus(
        run_id,
        max(_sure(row["started_at"]) for row in rows),
        max(_sure(row["ended_at"]) for row in rows),
        {row["outcome"]: int(row["streams"]) for row in rows},
        total("read_rows"),
        total("requests"),
        total("retries"),
    )


def proof(database: Database, account_id: str) -> Proof | None:
    """The last comparison with Harvest's reports."""
    if not database.columns(RECONCILIATION):
        return None
    query = f"""
        select report, verdict, count(*) as figures, max(compared_at) as compared_at, max(to_date) as to_date
        from {RECONCILIATION}
        where account_id = :account_id
        group by report, verdict
    """
    rows = database.records(query, {"account_id": account_id})
    if not rows:
        return None
    verdicts: Counter[str] = Counter()
    not_proven: Counter[str] = Counter()
    for row in rows:
        verdicts[row["verdict"]] += row["figures"]
        if row["verdict"] not in AGREED:
            not_proven[row["report"]] += row["figures"]
    compared_at = max(_sure(row["compared_at"]) for row in rows)
    return Proof(compared_at, max(row["to_date"] for row in rows), dict(verdicts), dict(not_proven))


def reread(database: Database, account_id: str, now: datetime) -> Reread | None:
    """How much of history was read in full lately: in a first load, or again."""
    months = _months_read(database, account_id)
    full = _full_reads(database, account_id)
    since, total, lately = now - LATELY, 0, 0
    oldest: datetime | None = None
    is_unknown = False
    for stream in STREAMS.values():
        if not (stream.is_default and stream.date_field and stream.name in full):
            continue
        for month, rows in _rows_by_month(database, stream, account_id).items():
            known = [at for at in (months.get((stream.name, month)), full[stream.name]) if at]
            read_at = max(known) if known else None
            total += rows
            lately += rows if read_at and read_at >= since else 0
            is_unknown = is_unknown or read_at is None
            oldest = min(filter(None, (oldest, read_at)), default=None)
    return Reread(round(lately / total, 4), since, None if is_unknown else oldest) if total else None


def _rows_by_month(database: Database, stream: Stream, account_id: str) -> Mapping[date, int]:
    by_month: Counter[date] = Counter()
    day = f'"{stream.date_field}"'
    query = f'select {day}, count(*) from "{stream.table_name}" where account_id = :account_id group by {day}'
    if not database.columns(stream.table_name):
        return {}
    for found, rows in database.rows(query, {"account_id": account_id}):
        if found:
            by_month[found.replace(day=1)] += rows
    return by_month


def _full_reads(database: Database, account_id: str) -> Mapping[str, datetime | None]:
    query = f"""
        select stream, max(case when is_full and coalesce(reason, '') = '' then started_at end)
        from {RUNS.name}
        where
          account_id = :account_id
          and outcome = 'complete'
          and run_id not in (select run_id from {RUNS.name} where outcome in ('failed', 'stopped'))
        group by stream
    """
    return {stream: aware(at) for stream, at in database.rows(query, {"account_id": account_id})}


def _months_read(database: Database, account_id: str) -> Mapping[tuple[str, date], datetime | None]:
    if not database.columns(REREADS.name):
        return {}
    query = f"select stream, month, read_at from {REREADS.name} where account_id = :account_id"
    return {(stream, month): aware(at) for stream, month, at in database.rows(query, {"account_id": account_id})}


def aware(at: datetime | None) -> datetime | None:
    """An instant of the database, which may have no zone, in UTC."""
    return at.replace(tzinfo=UTC) if at and not at.tzinfo else at


def _sure(at: object) -> datetime:
    found = aware(at if isinstance(at, datetime) else None)
    return found or datetime.min.replace(tzinfo=UTC)
