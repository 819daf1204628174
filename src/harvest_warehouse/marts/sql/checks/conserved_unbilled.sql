-- one row per project whose open time at rates, or open expenses, are not all in mart_unbilled
with above as (
  select
    account_id,
    project_id,
    sum(hours) as hours,
    sum(amount) as amount
  from (
    select
      account_id,
      project_id,
      uninvoiced_hours as hours,
      uninvoiced_amount as amount
    from fct_time_entry
    where project_type = 'time_and_materials'
    union all
    select
      account_id,
      project_id,
      0 as hours,
      uninvoiced_amount as amount
    from fct_expense
    where project_type in ('time_and_materials', 'fixed_fee')
  ) as facts
  group by
    account_id,
    project_id
),

below as (
  select
    account_id,
    project_id,
    sum(uninvoiced_hours) as hours,
    sum(uninvoiced_amount) as amount
  from mart_unbilled
  where age_bucket <> 'fee'
  group by
    account_id,
    project_id
)

select
  coalesce(above.account_id, below.account_id) as account_id,
  coalesce(above.project_id, below.project_id) as project_id,
  above.hours as hours_before,
  below.hours as hours_after,
  above.amount as amount_before,
  below.amount as amount_after
from above
full outer join below
  on above.account_id = below.account_id
  and above.project_id = below.project_id
where
  coalesce(above.hours, 0) <> coalesce(below.hours, 0)
  or coalesce(above.amount, 0) <> coalesce(below.amount, 0)
