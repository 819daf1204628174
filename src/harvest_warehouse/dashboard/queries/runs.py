"""Queries of the page Runs: the last runs, from `harvest_runs`."""

from __future__ import annotations

from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.reader import Reader, Row

MOST_RUNS = 60


def last_runs(read: Reader, chosen: Filters) -> list[Row]:
    """Read the last runs, one row per run, oldest first: duration, requests, rows, and lists by how they ended."""
    if not read.has("harvest_runs"):
        return []
    newest = read(
        f"""
        select
          run.run_id,
          max(run.started_at) as started_at,
          max(run.ended_at) as ended_at,
          count(*) as lists,
          sum(case when run.outcome = 'complete' then 1 else 0 end) as complete,
          sum(case when run.outcome in ('unproven', 'skipped') then 1 else 0 end) as incomplete,
          sum(case when run.outcome in ('failed', 'stopped') then 1 else 0 end) as failed,
          sum(run."rows") as records,
          sum(run.requests) as requests,
          sum(run.retries) as retries,
          max(case when run.outcome = 'failed' then run.stream end) as failed_list
        from harvest_runs as run
        where run.account_id = :account_id
        group by run.run_id
        order by max(run.started_at) desc, run.run_id desc
        limit {MOST_RUNS}
        """,
        {"account_id": chosen.account_id},
    )
    return newest[::-1]
