-- one row per project whose hours and labour are not all in mart_work_monthly
with above as (
  select
    account_id,
    project_id,
    sum(hours) as hours,
    sum(value_at_rates) as value_at_rates,
    sum(labour_cost) as labour_cost
  from fct_time_entry
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
    sum(labour_cost) as labour_cost
  from mart_work_monthly
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
  above.labour_cost as labour_cost_before,
  below.labour_cost as labour_cost_after
from above
full outer join below
  on above.account_id = below.account_id
  and above.project_id = below.project_id
where
  coalesce(above.hours, 0) <> coalesce(below.hours, 0)
  or coalesce(above.value_at_rates, 0) <> coalesce(below.value_at_rates, 0)
  or coalesce(above.labour_cost, 0) <> coalesce(below.labour_cost, 0)
