"""Queries on the marts: hours and money are summed here, ratios are computed from the sums where they are shown."""

from __future__ import annotations

from decimal import Decimal

from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.reader import Reader, Row
from harvest_warehouse.definitions import (
    AS_OF,
    CLIENT_WORK,
    CREDIT,
    FEE_LEFT,
    LAST_MONTHS,
    LAST_WEEK,
    LAST_WEEKS,
    MISSING_HOURS,
    OF_MONTH,
    OVER_AMOUNT,
    OVERDUE,
    PROJECT_RATES,
    RECEIVABLE,
    UNBILLED,
)

COSTLESS = """
  left join (
    select
      entry.account_id,
      entry.project_id,
      day.month_start,
      sum(entry.tracked_hours) as hours
    from marts.fct_time_entry as entry
    inner join marts.dim_date as day
      on entry.account_id = day.account_id
      and entry.spent_date = day.date_day
    where entry.is_missing_cost_rate
    group by
      entry.account_id,
      entry.project_id,
      day.month_start
  ) as costless
    on fact.account_id = costless.account_id
    and fact.project_id = costless.project_id
    and fact.month_start = costless.month_start
"""
"""Join of the hours without a cost rate to rows of a project and month."""


def utilisation_by_week(read: Reader, chosen: Filters) -> list[Row]:
    """Read utilisation sums, one row per complete week, oldest first."""
    return read(
        f"""
        select
          fact.week_start,
          sum(fact.billable_hours) as billable_hours,
          sum(fact.available_hours) as available_hours,
          sum(fact.tracked_hours) as tracked_hours,
          sum(fact.capacity_hours) as capacity_hours
        from marts.mart_utilisation_weekly as fact
        {AS_OF}
        where {chosen.of_people} and {LAST_WEEKS}
        group by fact.week_start
        order by fact.week_start
        """,
        chosen.values,
    )


def utilisation_by_person(read: Reader, chosen: Filters) -> list[Row]:
    """Read utilisation sums, one row per person with hours or capacity in the weeks, most available hours first."""
    return read(
        f"""
        select
          fact.user_id,
          max(fact.person_name) as person_name,
          max(case when fact.is_contractor then 'contractor' else 'employee' end) as kind,
          sum(fact.billable_hours) as billable_hours,
          sum(fact.available_hours) as available_hours,
          sum(fact.tracked_hours) as tracked_hours,
          sum(fact.capacity_hours) as capacity_hours,
          sum(fact.time_off_hours) as time_off_hours,
          sum(case when fact.available_hours > 0 and fact.billable_hours > fact.available_hours then 1 else 0 end)
            as weeks_above
        from marts.mart_utilisation_weekly as fact
        {AS_OF}
        where {chosen.of_people} and {LAST_WEEKS}
        group by fact.user_id
        order by sum(fact.available_hours) desc, max(fact.person_name), fact.user_id
        """,
        chosen.values,
    )


def utilisation_by_person_and_week(read: Reader, chosen: Filters, user_ids: tuple[int, ...]) -> list[Row]:
    """Read billable and available hours of these people, one row per person and week."""
    return read(
        f"""
        select
          fact.user_id,
          fact.person_name,
          fact.week_start,
          fact.billable_hours,
          fact.available_hours
        from marts.mart_utilisation_weekly as fact
        {AS_OF}
        where {chosen.of_people} and {LAST_WEEKS} and fact.user_id in (:user_ids)
        order by fact.user_id, fact.week_start
        """,
        {**chosen.values, "user_ids": user_ids},
    )


def missing_timesheets(read: Reader, chosen: Filters) -> list[Row]:
    """Read timesheets of the last complete week with missing hours or a running timer, one row per person."""
    return read(
        f"""
        select
          fact.user_id,
          fact.person_name,
          fact.week_start,
          fact.capacity_hours,
          fact.tracked_hours,
          {MISSING_HOURS} as missing_hours,
          fact.empty_working_days,
          fact.unapproved_hours,
          fact.running_timers
        from marts.mart_timesheet_compliance_weekly as fact
        {AS_OF}
        where {chosen.of_people} and {LAST_WEEK} and ({MISSING_HOURS} > 0 or fact.running_timers > 0)
        order by {MISSING_HOURS} desc, fact.person_name, fact.user_id
        """,
        chosen.values,
    )


def missing_by_week(read: Reader, chosen: Filters, threshold: Decimal) -> list[Row]:
    """Read missing hours, and the number of timesheets that lack `threshold` or more, one row per complete week, oldest first."""
    return read(
        f"""
        select
          fact.week_start,
          sum(fact.capacity_hours) as capacity_hours,
          sum({MISSING_HOURS}) as missing_hours,
          sum(case when fact.is_active and {MISSING_HOURS} > 0 and {MISSING_HOURS} >= :threshold then 1 else 0 end) as to_chase
        from marts.mart_timesheet_compliance_weekly as fact
        {AS_OF}
        where {chosen.of_people} and {LAST_WEEKS}
        group by fact.week_start
        order by fact.week_start
        """,
        {**chosen.values, "threshold": threshold},
    )


def budgets(read: Reader, chosen: Filters) -> list[Row]:
    """Read budgets, one row per active project with a budget; of all currencies if none is chosen.

    Those that cost most come first.
    """
    return read(
        f"""
        with budgets as (
          select
            fact.project_id,
            fact.project_name,
            fact.client_id,
            fact.client_name,
            fact.currency,
            fact.budget_unit,
            fact.budget_is_monthly,
            fact.budget,
            fact.budget_spent,
            fact.budget_remaining,
            fact.spent_share,
            fact.weekly_burn,
            fact.weeks_of_budget_left,
            fact.forecast_until,
            fact.estimate_at_completion,
            fact.status,
            {OVER_AMOUNT} as over_amount
          from marts.mart_project_budget as fact
          {PROJECT_RATES}
          where {chosen.of_clients if chosen.currency else chosen.of_account} and fact.is_active
        )

        select *
        from budgets
        order by
          case when status in ('over', 'forecast_over') then 1 else 2 end,
          coalesce(over_amount, 0) desc,
          coalesce(spent_share, -1) desc,
          project_name,
          project_id
        """,
        chosen.values,
    )


def budget_lines(read: Reader, chosen: Filters) -> list[Row]:
    """Read what tasks and people spent of the budgets that are over or heading over, one row per project and line."""
    return read(
        f"""
        select
          fact.project_id,
          fact.project_name,
          fact.client_name,
          fact.line_kind,
          fact.line_id,
          fact.line_name,
          fact.budget_unit,
          fact.budget,
          fact.spent,
          whole.budget_spent,
          whole.status
        from marts.mart_project_budget_line as fact
        inner join marts.mart_project_budget as whole
          on fact.account_id = whole.account_id
          and fact.project_id = whole.project_id
        where {chosen.of_clients} and fact.is_active and whole.status in ('over', 'forecast_over') and fact.spent > 0
        order by fact.project_name, fact.project_id, fact.line_kind desc, fact.spent desc, fact.line_id
        """,
        chosen.values,
    )


def retainers(read: Reader, chosen: Filters) -> list[Row]:
    """Read retainers, one row per active project with a monthly budget and month: those looked back at, and the running one."""
    return read(
        f"""
        select
          fact.project_id,
          fact.project_name,
          fact.client_name,
          fact.budget_unit,
          fact.month_start,
          fact.budget,
          fact.used,
          fact.unused,
          fact.rolling_balance
        from marts.mart_retainer_monthly as fact
        {AS_OF}
        {OF_MONTH}
        where
          {chosen.of_clients}
          and fact.is_active
          and month.month_index between today.month_index - :months and today.month_index
        order by fact.month_start desc, fact.project_name, fact.project_id
        """,
        chosen.values,
    )


def unbilled(read: Reader, chosen: Filters) -> list[Row]:
    """Read unbilled time and expenses, one row per client and age; of all currencies if none is chosen."""
    return read(
        f"""
        select
          fact.client_id,
          max(fact.client_name) as client_name,
          fact.currency,
          fact.age_bucket,
          min(fact.oldest_date) as oldest_date,
          sum(fact.uninvoiced_hours) as uninvoiced_hours,
          sum(fact.time_amount) as time_amount,
          sum(fact.expense_amount) as expense_amount,
          sum(fact.uninvoiced_amount) as uninvoiced_amount
        from marts.mart_unbilled as fact
        where {chosen.of_clients if chosen.currency else chosen.of_account} and {UNBILLED}
        group by fact.client_id, fact.currency, fact.age_bucket
        order by uninvoiced_amount desc, fact.client_id, fact.age_bucket
        """,
        chosen.values,
    )


def fees_left(read: Reader, chosen: Filters) -> list[Row]:
    """Read what is left of fixed fees, one row per project; negative where more was invoiced."""
    return read(
        f"""
        select
          fact.project_id,
          fact.project_name,
          fact.client_name,
          fact.oldest_date,
          fact.uninvoiced_amount
        from marts.mart_unbilled as fact
        where {chosen.of_clients} and {FEE_LEFT}
        order by fact.uninvoiced_amount desc, fact.project_name, fact.project_id
        """,
        chosen.values,
    )


def receivables_by_age(read: Reader, chosen: Filters) -> list[Row]:
    """Read receivables, one row per currency and overdue bucket; of all currencies if none is chosen."""
    return read(
        f"""
        select
          fact.currency,
          fact.overdue_bucket,
          count(*) as invoices,
          sum(fact.due_amount) as open_amount
        from marts.fct_invoice as fact
        where {chosen.of_clients if chosen.currency else chosen.of_account} and {RECEIVABLE}
        group by fact.currency, fact.overdue_bucket
        """,
        chosen.values,
    )


def overpaid(read: Reader, chosen: Filters) -> list[Row]:
    """Read what clients paid too much, one row per client: negative amounts."""
    return read(
        f"""
        select
          fact.client_id,
          max(fact.client_name) as client_name,
          sum(fact.due_amount) as open_amount
        from marts.fct_invoice as fact
        where {chosen.of_clients} and {CREDIT}
        group by fact.client_id
        order by open_amount, fact.client_id
        """,
        chosen.values,
    )


def overdue_invoices(read: Reader, chosen: Filters) -> list[Row]:
    """Read overdue invoices, one row each, the largest first."""
    return read(
        f"""
        select
          fact.invoice_id,
          fact.invoice_number,
          fact.client_id,
          fact.client_name,
          fact.currency,
          fact.issue_date,
          fact.due_date,
          fact.days_overdue,
          fact.amount,
          fact.due_amount as open_amount
        from marts.fct_invoice as fact
        where {chosen.of_clients} and {OVERDUE}
        order by fact.due_amount desc, fact.days_overdue desc, fact.invoice_id
        """,
        chosen.values,
    )


def receivables_by_month(read: Reader, chosen: Filters) -> list[Row]:
    """Read receivables, one row per complete month, of the whole currency: the mart has no clients."""
    return read(
        f"""
        select
          fact.month_start,
          fact.issued,
          fact.paid,
          fact.written_off,
          fact.receivable_end,
          fact.days_sales_outstanding
        from marts.mart_receivables_monthly as fact
        {AS_OF}
        {OF_MONTH}
        where fact.account_id = :account_id and fact.currency = :currency and {LAST_MONTHS}
        order by fact.month_start
        """,
        chosen.values,
    )


def profitability(read: Reader, chosen: Filters, by: str) -> list[Row]:
    """Read revenue, cost and margin of client work in complete months, one row per month, client or project.

    By month, or the largest revenue first. `cost` and `margin` are null unless the currency is the home currency, those
    in home currency (`revenue_home`, `cost_home`) without an exchange rate.
    """
    keys = {"month_start": "fact.month_start", "client": "fact.client_id", "project": "fact.project_id"}[by]
    names = {
        "month_start": "fact.month_start",
        "client": "fact.client_id, max(fact.client_name) as client_name",
        "project": "fact.project_id, max(fact.project_name) as project_name, max(fact.client_name) as client_name, max(fact.project_type) as project_type",
    }[by]
    return read(
        f"""
        select
          {names},
          sum(fact.revenue) as revenue,
          sum(fact.expense_revenue) as expense_revenue,
          sum(fact.cost) as cost,
          sum(fact.margin) as margin,
          sum(fact.hours) as hours,
          sum(fact.tracked_hours) as tracked_hours,
          sum(coalesce(costless.hours, 0)) as costless_hours,
          sum(fact.billable_hours) as billable_hours,
          sum(fact.value_at_rates) as value_at_rates,
          sum(fact.invoiced_net) as invoiced_net
        from marts.mart_project_profitability_monthly as fact
        {AS_OF}
        {OF_MONTH}
        {COSTLESS}
        where {chosen.of_clients} and {LAST_MONTHS} and {CLIENT_WORK}
        group by {keys}
        order by {"fact.month_start" if by == "month_start" else f"sum(fact.revenue) desc, {keys}"}
        """,
        chosen.values,
    )


def internal_cost(read: Reader, chosen: Filters) -> list[Row]:
    """Read the cost of internal work and leave of the whole company in home currency, one row per complete month."""
    return read(
        f"""
        select
          fact.month_start,
          sum(fact.tracked_hours) as hours,
          sum(coalesce(fact.cost_home, fact.labour_cost)) as cost
        from marts.mart_project_profitability_monthly as fact
        {AS_OF}
        {OF_MONTH}
        where fact.account_id = :account_id and {LAST_MONTHS} and not ({CLIENT_WORK})
        group by fact.month_start
        order by fact.month_start
        """,
        chosen.values,
    )
