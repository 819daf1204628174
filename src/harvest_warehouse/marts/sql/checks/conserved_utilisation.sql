-- one row per person whose hours are not all in mart_utilisation_weekly
with above as (
  select
    account_id,
    user_id,
    sum(tracked_hours) as tracked_hours,
    sum(hours) as hours,
    sum(billable_hours) as billable_hours
  from fct_time_entry
  group by
    account_id,
    user_id
),

below as (
  select
    account_id,
    user_id,
    sum(tracked_hours) as tracked_hours,
    sum(hours) as hours,
    sum(billable_hours) as billable_hours
  from mart_utilisation_weekly
  group by
    account_id,
    user_id
)

select
  coalesce(above.account_id, below.account_id) as account_id,
  coalesce(above.user_id, below.user_id) as user_id,
  above.tracked_hours as tracked_hours_before,
  below.tracked_hours as tracked_hours_after,
  above.hours as hours_before,
  below.hours as hours_after,
  above.billable_hours as billable_hours_before,
  below.billable_hours as billable_hours_after
from above
full outer join below
  on above.account_id = below.account_id
  and above.user_id = below.user_id
where
  coalesce(above.tracked_hours, 0) <> coalesce(below.tracked_hours, 0)
  or coalesce(above.hours, 0) <> coalesce(below.hours, 0)
  or coalesce(above.billable_hours, 0) <> coalesce(below.billable_hours, 0)
