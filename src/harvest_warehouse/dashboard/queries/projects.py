"""Queries on projects: budgets, revenue and cost."""

from __future__ import annotations

from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.reader import Reader, Row
from harvest_warehouse.definitions import AS_OF, CLIENT_WORK, LAST_MONTHS, OF_MONTH, OVER_AMOUNT, PROJECT_RATES

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


def revenue_by_currency(read: Reader, chosen: Filters) -> list[Row]:
    """Read client work of the whole company, one row per currency and complete month, also in home currency.

    `revenue_home` and the other amounts in home currency are null where a rate is missing.
    """
    return read(
        f"""
        select
          fact.currency,
          fact.month_start,
          sum(fact.revenue) as revenue,
          sum(fact.revenue_home) as revenue_home,
          sum(fact.cost_home) as cost_home,
          sum(fact.margin_home) as margin_home,
          sum(fact.tracked_hours) as tracked_hours,
          sum(coalesce(costless.hours, 0)) as costless_hours,
          sum(case when fact.margin_home is null then 1 else 0 end) as unconverted
        from marts.mart_project_profitability_monthly as fact
        {AS_OF}
        {OF_MONTH}
        {COSTLESS}
        where fact.account_id = :account_id and {LAST_MONTHS} and {CLIENT_WORK}
        group by fact.currency, fact.month_start
        order by fact.currency, fact.month_start
        """,
        chosen.values,
    )
