-- one row per project whose hours and money are not all in mart_project_profitability_monthly
with above as (
  select
    account_id,
    project_id,
    sum(hours) as hours,
    sum(value_at_rates) as value_at_rates,
    sum(time_revenue) as time_revenue,
    sum(labour_cost) as labour_cost,
    sum(expense_cost) as expense_cost
  from (
    select
      account_id,
      project_id,
      hours,
      value_at_rates,
      billable_amount as time_revenue,
      labour_cost,
      0 as expense_cost
    from fct_time_entry
    union all
    select
      account_id,
      project_id,
      0 as hours,
      0 as value_at_rates,
      0 as time_revenue,
      0 as labour_cost,
      amount as expense_cost
    from fct_expense
  ) as facts
  group by
    account_id,
    project_id
),

below as (
  select
    account_id,
    project_id,
    sum(hours) as hours,
    sum(value_at_rates) as value_at_rates,
    sum(time_revenue) as time_revenue,
    sum(labour_cost) as labour_cost,
    sum(expense_cost) as expense_cost
  from mart_project_profitability_monthly
  group by
    account_id,
    project_id
)

select
  coalesce(above.account_id, below.account_id) as account_id,
  coalesce(above.project_id, below.project_id) as project_id,
  above.hours as hours_before,
  below.hours as hours_after,
  above.value_at_rates as value_at_rates_before,
  below.value_at_rates as value_at_rates_after,
  above.time_revenue as time_revenue_before,
  below.time_revenue as time_revenue_after,
  above.labour_cost as labour_cost_before,
  below.labour_cost as labour_cost_after,
  above.expense_cost as expense_cost_before,
  below.expense_cost as expense_cost_after
from above
full outer join below
  on above.account_id = below.account_id
  and above.project_id = below.project_id
where
  coalesce(above.hours, 0) <> coalesce(below.hours, 0)
  or coalesce(above.value_at_rates, 0) <> coalesce(below.value_at_rates, 0)
  or coalesce(above.time_revenue, 0) <> coalesce(below.time_revenue, 0)
  or coalesce(above.labour_cost, 0) <> coalesce(below.labour_cost, 0)
  or coalesce(above.expense_cost, 0) <> coalesce(below.expense_cost, 0)
