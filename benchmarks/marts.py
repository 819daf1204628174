"""Builds the marts of a large invented account: `python -m benchmarks.marts [ENTRIES]` prints seconds and memory.

The rows are made by SQL in the raw tables themselves: ten years, 500 people, 2,000 projects of 300 clients.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from harvest_simulator import Clock, Simulator
from harvest_time_tracking import Secret, Settings
from harvest_warehouse.load import load
from harvest_warehouse.marts import build
from harvest_warehouse.settings.process import keep_dlt_quiet, keep_memory_flat
from harvest_warehouse.warehouse import Target

TODAY = date(2026, 3, 16)
_PEOPLE, _PROJECTS, _CLIENTS, _DAYS = 500, 2_000, 300, 3_650

# `{entries}` rows of time, and what they hang on.
_ROWS = (
    f"""
    insert into clients by name
    select '123456' as account_id, 9000000 + range as id, 'Client ' || range as name, true as is_active,
      case when range % 3 = 0 then 'EUR' else 'CAD' end as currency
    from range({_CLIENTS})
    """,
    f"""
    insert into projects by name
    select '123456' as account_id, 9000000 + range as id, 9000000 + range % {_CLIENTS} as client__id,
      'Client ' || (range % {_CLIENTS}) as client__name, 'Project ' || range as name, true as is_active,
      range % 7 <> 0 as is_billable, range % 5 = 0 as is_fixed_fee, 'People' as bill_by,
      case when range % 2 = 0 then 'project' else 'project_cost' end as budget_by, range % 11 = 0 as budget_is_monthly,
      2000 as budget, 300000 as cost_budget, true as cost_budget_include_expenses, 50000 as fee,
      date '2016-04-01' + cast(range % 3000 as integer) as starts_on,
      date '2016-04-01' + cast(range % 3000 + 500 as integer) as ends_on,
      timestamptz '2016-04-01 08:00:00+00' as created_at
    from range({_PROJECTS})
    """,
    f"""
    insert into users by name
    select '123456' as account_id, 9000000 + range as id, 'First' as first_name, 'Last ' || range as last_name,
      true as is_active, false as is_contractor, 144000 as weekly_capacity,
      timestamptz '2016-04-01 08:00:00+00' as created_at, 'x' as _dlt_load_id, 'u' || range as _dlt_id
    from range({_PEOPLE})
    """,
    f"""
    insert into user_cost_rates by name
    select '123456' as account_id, 9000000 + range as user_id, 9000000 + range as id, 55 as amount
    from range({_PEOPLE})
    """,
    f"""
    insert into time_entries by name
    select '123456' as account_id, 9000000000 + range as id,
      date '2016-04-01' + cast(range % {_DAYS} as integer) as spent_date,
      9000000 + (range // {_DAYS}) % {_PEOPLE} as user__id, 'First Last ' || ((range // {_DAYS}) % {_PEOPLE}) as user__name,
      9000000 + project % {_CLIENTS} as client__id, 'Client ' || (project % {_CLIENTS}) as client__name,
      case when project % {_CLIENTS} % 3 = 0 then 'EUR' else 'CAD' end as client__currency,
      9000000 + project as project__id, 'Project ' || project as project__name,
      (select min(id) from tasks) + 0 as task__id, 'Consulting' as task__name,
      1 + (range % 500) / 100 as hours, 1 + (range % 50) / 10 as rounded_hours, 'What was done ' || range as notes,
      true as is_closed, 'approved' as approval_status, range % 4 <> 0 as is_billed, false as is_running,
      project % 7 <> 0 as billable, true as budgeted,
      case when project % 7 <> 0 then 120.5 end as billable_rate, 55 as cost_rate,
      timestamptz '2016-04-01 08:00:00+00' as created_at, timestamptz '2016-04-01 08:00:00+00' as updated_at
    from (select range, (range * 7919) % {_PROJECTS} as project from range({{entries}}))
    """,
)


def fill(warehouse: Target, entries: int) -> None:
    """Load a tiny simulated account, and add the rows."""
    company = Simulator(
        size="tiny", today=TODAY, clock=Clock(datetime(2026, 3, 16, 9, tzinfo=UTC)), enforce_limits=False
    )
    with company.serving() as base_url:
        settings = Settings(
            Secret(company.access_token),
            company.account_id,
            base_url,
            requests_per_15_s=0,
            report_requests_per_15_min=0,
        )
        load(warehouse, settings)
    with duckdb.connect(str(warehouse.file)) as database:
        database.execute(f"use {warehouse.file.stem}.{warehouse.dataset_name}")
        for statement in _ROWS:
            database.execute(statement.format(entries=entries))


def main(entries: int) -> None:
    """Fill, build, and say how long the build took."""
    keep_dlt_quiet()
    keep_memory_flat()
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Target(Path(folder), pipelines_dir=Path(folder) / "pipelines")
        fill(warehouse, entries)
        before_mb = warehouse.file.stat().st_size / 1e6
        began, cpu_began = time.monotonic(), time.process_time()
        report = build(warehouse, as_of=TODAY)
        seconds, cpu_seconds = time.monotonic() - began, time.process_time() - cpu_began
        for table in sorted(report.tables, key=lambda table: -table.seconds):
            print(f"{table.name:40}{table.rows:12,}{table.seconds:9.2f} s")
        for found in report.found:
            print(f"{found.severity}: {found.name}: {found.rows:,}")
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        after_mb = warehouse.file.stat().st_size / 1e6
        print(
            f"{entries:,} entries: {seconds:.1f} s, {cpu_seconds:.1f} CPU s, peak {peak_mb:,.0f} MB, file {before_mb:,.0f} -> {after_mb:,.0f} MB"
        )


if __name__ == "__main__":
    main(int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else 5_000_000)
