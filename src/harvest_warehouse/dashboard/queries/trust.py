"""Queries of the page Trust: comparison with Harvest, findings, loads, deletions, and the token's access."""

from __future__ import annotations

from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.reader import Reader, Row


def findings(read: Reader, chosen: Filters) -> list[Row]:
    """Read findings, one row per check of the last build that found something, by severity and number of rows."""
    return read(
        """
        select
          finding,
          severity,
          words,
          row_count
        from marts.mart_data_quality
        where account_id = :account_id and row_count > 0
        order by severity desc, row_count desc, finding
        """,
        {"account_id": chosen.account_id},
    )


def entries_without_rate(read: Reader, chosen: Filters) -> list[Row]:
    """Read billable time without a rate, one row per project, the most hours first.

    `worth` is what it would be worth at the average rate of the project's other billable time; null if there is none.
    """
    return read(
        """
        with rated as (
          select
            account_id,
            project_id,
            sum(value_at_rates) / sum(billable_hours) as rate
          from marts.fct_time_entry
          where is_billable and not is_missing_billable_rate and billable_hours > 0
          group by
            account_id,
            project_id
          having sum(value_at_rates) > 0
        )

        select
          entry.project_id,
          project.project_name,
          project.client_name,
          project.currency,
          count(*) as entries,
          sum(entry.billable_hours) as hours,
          min(entry.spent_date) as oldest_date,
          max(rated.rate) as rate,
          sum(entry.billable_hours) * max(rated.rate) as worth
        from marts.fct_time_entry as entry
        inner join marts.dim_project as project
          on entry.account_id = project.account_id
          and entry.project_id = project.project_id
        left join rated
          on entry.account_id = rated.account_id
          and entry.project_id = rated.project_id
        where entry.account_id = :account_id and entry.is_missing_billable_rate
        group by entry.project_id, project.project_name, project.client_name, project.currency
        order by sum(entry.billable_hours) desc, entry.project_id
        """,
        {"account_id": chosen.account_id},
    )


def entries_without_cost(read: Reader, chosen: Filters) -> list[Row]:
    """Read time without a cost rate, one row per person, the most hours first."""
    return read(
        """
        select
          entry.user_id,
          person.person_name,
          count(*) as entries,
          sum(entry.tracked_hours) as hours,
          min(entry.spent_date) as from_date,
          max(entry.spent_date) as to_date
        from marts.fct_time_entry as entry
        inner join marts.dim_person as person
          on entry.account_id = person.account_id
          and entry.user_id = person.user_id
        where entry.account_id = :account_id and entry.is_missing_cost_rate
        group by entry.user_id, person.person_name
        order by sum(entry.tracked_hours) desc, entry.user_id
        """,
        {"account_id": chosen.account_id},
    )


def reconciliation(read: Reader, account_id: str) -> list[Row]:
    """Read verdicts, one row per report and verdict of the comparisons with Harvest; none if there was none."""
    if not read.has("harvest_reconciliation"):
        return []
    return read(
        """
        select
          report,
          verdict,
          count(*) as figures,
          max(compared_at) as compared_at,
          max(reason) as reason
        from harvest_reconciliation
        where account_id = :account_id
        group by report, verdict
        order by report, verdict
        """,
        {"account_id": account_id},
    )


def differences(read: Reader, chosen: Filters) -> list[Row]:
    """Read figures that do not agree with Harvest, one row each, the largest difference first."""
    if not read.has("harvest_reconciliation"):
        return []
    return read(
        """
        select
          report,
          from_date,
          to_date,
          subject,
          currency,
          measure,
          ours,
          theirs,
          verdict
        from harvest_reconciliation
        where account_id = :account_id and verdict not in ('exact', 'tie')
        order by abs(ours - theirs) desc, report, from_date, subject_id
        limit 1000
        """,
        {"account_id": chosen.account_id},
    )


def last_loads(read: Reader, chosen: Filters) -> list[Row]:
    """Read the last run of each stream, one row per stream."""
    if not read.has("harvest_runs"):
        return []
    return read(
        """
        with newest as (
          select
            stream,
            max(ended_at) as ended_at
          from harvest_runs
          where account_id = :account_id
          group by stream
        )

        select
          runs.stream,
          runs.outcome,
          runs.rows as records,
          runs.ended_at,
          runs.reason
        from harvest_runs as runs
        inner join newest
          on runs.stream = newest.stream
          and runs.ended_at = newest.ended_at
        where runs.account_id = :account_id
        order by case when runs.outcome = 'complete' then 1 else 0 end, runs.stream
        """,
        {"account_id": chosen.account_id},
    )


def ever_read(read: Reader, account_id: str) -> list[Row]:
    """Read whether each stream was ever read completely, or was reported as switched off, one row per stream."""
    if not read.has("harvest_runs"):
        return []
    return read(
        """
        select
          stream,
          max(case when outcome in ('complete', 'unproven') then 1 else 0 end) as is_complete,
          max(case when reason like '%switched off%' then 1 else 0 end) as is_off
        from harvest_runs
        where account_id = :account_id
        group by stream
        """,
        {"account_id": account_id},
    )


def deletions(read: Reader, chosen: Filters) -> list[Row]:
    """Read deletions, one row per table: how many rows were deleted in Harvest, and when last found."""
    if not read.has("harvest_deletions"):
        return []
    return read(
        """
        select
          table_name,
          count(*) as deleted,
          max(found_at) as found_at
        from harvest_deletions
        where account_id = :account_id
        group by table_name
        order by deleted desc, table_name
        """,
        {"account_id": chosen.account_id},
    )


def access(read: Reader, chosen: Filters) -> list[Row]:
    """Read the token's access in the last syncs, the newest first."""
    if not read.has("harvest_access"):
        return []
    return read(
        """
        select
          looked_at,
          access_roles,
          hidden,
          refused,
          lost,
          is_accepted
        from harvest_access
        where account_id = :account_id
        order by looked_at desc
        limit 20
        """,
        {"account_id": chosen.account_id},
    )
