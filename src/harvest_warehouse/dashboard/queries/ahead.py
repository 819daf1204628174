"""Queries on what is to come: who is free, what this month brings, and when invoices are paid."""

from __future__ import annotations

from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.reader import Reader, Row
from harvest_warehouse.definitions import AS_OF


def capacity_ahead(read: Reader, chosen: Filters) -> list[Row]:
    """Read the hours of the eight weeks to come, one row per person and week, the next week first."""
    return read(
        f"""
        select
          fact.user_id,
          fact.person_name,
          fact.role_name,
          fact.week_start,
          fact.weeks_ahead,
          fact.capacity_hours,
          fact.planned_leave_hours,
          fact.available_hours,
          fact.planned_work_hours,
          fact.usual_billable_hours,
          fact.bench_hours
        from marts.mart_capacity_forecast_weekly as fact
        where {chosen.of_people}
        order by fact.weeks_ahead, fact.bench_hours desc, fact.person_name, fact.user_id
        """,
        chosen.values,
    )


def expected_cash(read: Reader, chosen: Filters) -> list[Row]:
    """Read open invoices with the day on which the client is expected to pay, one row each, the soonest first."""
    return read(
        f"""
        select
          fact.invoice_id,
          fact.invoice_number,
          fact.client_id,
          fact.client_name,
          fact.due_amount,
          fact.issue_date,
          fact.due_date,
          fact.paid_invoices,
          fact.days_to_pay,
          fact.expected_in_days,
          fact.expected_bucket,
          day.date_day as expected_date
        from marts.mart_expected_cash as fact
        {AS_OF}
        left join marts.dim_date as day
          on fact.account_id = day.account_id
          and day.day_number = today.day_number + fact.expected_in_days
        where {chosen.of_clients}
        order by fact.expected_in_days, fact.due_amount desc, fact.invoice_id
        """,
        chosen.values,
    )


def invoiced_by_month(read: Reader, chosen: Filters) -> list[Row]:
    """Read what was invoiced without taxes, one row for the running month and each of the twelve before, the oldest first.

    Drafts are a column of their own; deposits on a retainer are no work, and left out.
    """
    return read(
        f"""
        select
          month.month_start,
          today.month_index - month.month_index as months_ago,
          sum(case when fact.state <> 'draft' then fact.net_amount else 0 end) as invoiced,
          sum(case when fact.state = 'draft' then fact.net_amount else 0 end) as drafted,
          sum(case when fact.state <> 'draft' then 1 else 0 end) as invoices
        from marts.fct_invoice as fact
        {AS_OF}
        inner join marts.dim_date as month
          on fact.account_id = month.account_id
          and fact.issue_date = month.date_day
        where
          {chosen.of_clients}
          and not fact.is_deposit
          and month.month_index between today.month_index - 12 and today.month_index
        group by month.month_start, today.month_index - month.month_index
        order by month.month_start
        """,
        chosen.values,
    )
