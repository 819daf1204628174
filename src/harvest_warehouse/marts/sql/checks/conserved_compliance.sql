-- one row per person whose hours and capacity are not all in mart_timesheet_compliance_weekly
with above as (
  select
    account_id,
    user_id,
    sum(tracked_hours) as tracked_hours,
    sum(capacity_hours) as capacity_hours
  from (
    select
      account_id,
      user_id,
      tracked_hours,
      0 as capacity_hours
    from fct_time_entry
    union all
    select
      account_id,
      user_id,
      0 as tracked_hours,
      capacity_hours
    from fct_capacity_day
  ) as facts
  group by
    account_id,
    user_id
),

below as (
  select
    account_id,
    user_id,
    sum(tracked_hours) as tracked_hours,
    sum(capacity_hours) as capacity_hours
  from mart_timesheet_compliance_weekly
  group by
    account_id,
    user_id
)

select
  coalesce(above.account_id, below.account_id) as account_id,
  coalesce(above.user_id, below.user_id) as user_id,
  above.tracked_hours as tracked_hours_before,
  below.tracked_hours as tracked_hours_after,
  above.capacity_hours as capacity_hours_before,
  below.capacity_hours as capacity_hours_after
from above
full outer join below
  on above.account_id = below.account_id
  and above.user_id = below.user_id
where
  coalesce(above.tracked_hours, 0) <> coalesce(below.tracked_hours, 0)
  or coalesce(above.capacity_hours, 0) <> coalesce(below.capacity_hours, 0)
