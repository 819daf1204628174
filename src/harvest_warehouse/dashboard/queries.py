"""Queries on the marts: hours and money are summed here, ratios are computed from the sums where they are shown."""

from __future__ import annotations

from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.reader import Reader, Row

# The last `:weeks` complete weeks.
_WEEKS = """
  is_complete_week
  and week_index > (
    select max(week_index) - :weeks
    from marts.dim_date
    where account_id = :account_id and is_complete_week
  )
"""
_LAST_WEEK = """
  week_index = (
    select max(week_index)
    from marts.dim_date
    where account_id = :account_id and is_complete_week
  )
"""
_MONTHS = """
  month_start >= (
    select min(month_start)
    from marts.dim_date
    where account_id = :account_id and week_index > (
      select max(week_index) - :weeks
      from marts.dim_date
      where account_id = :account_id and is_complete_week
    )
  )
  and month_start <= (
    select max(as_of_date)
    from marts.dim_account
    where account_id = :account_id
  )
"""


def utilisation_by_week(read: Reader, chosen: Filters) -> list[Row]:
    """Read utilisation sums, one row per complete week, oldest first."""
    return read(
        f"""
        select
          week_start,
          sum(billable_hours) as billable_hours,
          sum(available_hours) as available_hours,
          sum(tracked_hours) as tracked_hours,
          sum(capacity_hours) as capacity_hours
        from marts.mart_utilisation_weekly
        where {chosen.of_people} and {_WEEKS}
        group by week_start
        order by week_start
        """,
        chosen.values,
    )


def utilisation_by_person(read: Reader, chosen: Filters) -> list[Row]:
    """Read utilisation sums, one row per person with hours or capacity in the weeks, most available hours first."""
    return read(
        f"""
        select
          user_id,
          max(person_name) as person_name,
          max(case when is_contractor then 'contractor' else 'employee' end) as kind,
          sum(billable_hours) as billable_hours,
          sum(available_hours) as available_hours,
          sum(tracked_hours) as tracked_hours,
          sum(capacity_hours) as capacity_hours,
          sum(time_off_hours) as time_off_hours,
          sum(case when available_hours > 0 and billable_hours > available_hours then 1 else 0 end) as weeks_above
        from marts.mart_utilisation_weekly
        where {chosen.of_people} and {_WEEKS}
        group by user_id
        order by available_hours desc, person_name, user_id
        """,
        chosen.values,
    )


def utilisation_by_person_and_week(read: Reader, chosen: Filters, user_ids: tuple[int, ...]) -> list[Row]:
    """Read billable and available hours of these people, one row per person and week."""
    return read(
        f"""
        select
          user_id,
          person_name,
          week_start,
          billable_hours,
          available_hours
        from marts.mart_utilisation_weekly
        where {chosen.of_people} and {_WEEKS} and user_id in (:user_ids)
        order by user_id, week_start
        """,
        {**chosen.values, "user_ids": user_ids},
    )


def missing_timesheets(read: Reader, chosen: Filters) -> list[Row]:
    """Read timesheets of the last complete week with missing hours or a running timer, one row per person."""
    return read(
        f"""
        select
          user_id,
          person_name,
          week_start,
          capacity_hours,
          tracked_hours,
          missing_hours,
          empty_working_days,
          unapproved_hours,
          running_timers
        from marts.mart_timesheet_compliance_weekly
        where {chosen.of_people} and {_LAST_WEEK} and (missing_hours > 0 or running_timers > 0)
        order by missing_hours desc, person_name, user_id
        """,
        chosen.values,
    )


def budgets(read: Reader, chosen: Filters) -> list[Row]:
    """Read budgets, one row per active project with a budget, the most used first."""
    return read(
        f"""
        select
          project_id,
          project_name,
          client_name,
          budget_unit,
          budget_is_monthly,
          budget,
          budget_spent,
          budget_remaining,
          spent_share,
          weekly_burn,
          weeks_of_budget_left,
          forecast_until,
          estimate_at_completion,
          status
        from marts.mart_project_budget
        where {chosen.of_clients} and is_active
        order by coalesce(spent_share, -1) desc, project_name, project_id
        """,
        chosen.values,
    )


def retainers(read: Reader, chosen: Filters) -> list[Row]:
    """Read retainers, one row per active project with a monthly budget and month in view."""
    return read(
        f"""
        select
          project_id,
          project_name,
          client_name,
          budget_unit,
          month_start,
          budget,
          used,
          unused,
          rolling_balance
        from marts.mart_retainer_monthly
        where {chosen.of_clients} and is_active and {_MONTHS}
        order by month_start desc, project_name, project_id
        """,
        chosen.values,
    )


def unbilled(read: Reader, chosen: Filters) -> list[Row]:
    """Read unbilled amounts, one row per client and age; age `fee` is the remainder of fixed fees, and may be negative."""
    return read(
        f"""
        select
          client_id,
          max(client_name) as client_name,
          age_bucket,
          min(oldest_date) as oldest_date,
          sum(uninvoiced_hours) as uninvoiced_hours,
          sum(time_amount) as time_amount,
          sum(expense_amount) as expense_amount,
          sum(uninvoiced_amount) as uninvoiced_amount
        from marts.mart_unbilled
        where {chosen.of_clients} and age_bucket <> 'future'
        group by client_id, age_bucket
        order by uninvoiced_amount desc, client_id, age_bucket
        """,
        chosen.values,
    )


def receivables_by_age(read: Reader, chosen: Filters) -> list[Row]:
    """Read open invoices, one row per overdue bucket."""
    return read(
        f"""
        select
          overdue_bucket,
          count(*) as invoices,
          sum(open_amount) as open_amount
        from marts.fct_invoice
        where {chosen.of_clients} and state = 'open'
        group by overdue_bucket
        """,
        chosen.values,
    )


def overdue_invoices(read: Reader, chosen: Filters) -> list[Row]:
    """Read overdue invoices, one row each, the longest overdue first."""
    return read(
        f"""
        select
          invoice_number,
          client_name,
          issue_date,
          due_date,
          days_overdue,
          amount,
          open_amount
        from marts.fct_invoice
        where {chosen.of_clients} and state = 'open' and days_overdue > 0
        order by days_overdue desc, open_amount desc, invoice_id
        """,
        chosen.values,
    )


def receivables_by_month(read: Reader, chosen: Filters) -> list[Row]:
    """Read receivables, one row per month, of the whole currency: the mart has no clients."""
    return read(
        f"""
        select
          month_start,
          issued,
          paid,
          written_off,
          receivable_end,
          days_sales_outstanding
        from marts.mart_receivables_monthly
        where account_id = :account_id and currency = :currency and {_MONTHS}
        order by month_start
        """,
        chosen.values,
    )


def profitability(read: Reader, chosen: Filters, by: str) -> list[Row]:
    """Read revenue, cost and margin, one row per month, client or project; by month, or the largest revenue first.

    `cost` and `margin` are null unless the currency is the home currency.
    """
    keys = {"month_start": "month_start", "client": "client_id", "project": "project_id"}[by]
    names = {
        "month_start": "month_start",
        "client": "max(client_name) as client_name",
        "project": "max(project_name) as project_name, max(client_name) as client_name, max(project_type) as project_type",
    }[by]
    return read(
        f"""
        select
          {names},
          sum(revenue) as revenue,
          sum(cost) as cost,
          sum(margin) as margin,
          sum(hours) as hours,
          sum(billable_hours) as billable_hours,
          sum(value_at_rates) as value_at_rates,
          sum(invoiced_net) as invoiced_net
        from marts.mart_project_profitability_monthly
        where {chosen.of_clients} and {_MONTHS}
        group by {keys}
        order by {"month_start" if by == "month_start" else f"revenue desc, {keys}"}
        """,
        chosen.values,
    )
