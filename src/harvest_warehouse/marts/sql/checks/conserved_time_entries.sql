-- one row per person whose time entries are not all in the facts; amounts are rounded there as they are here, entry by entry
with above as (
  select
    account_id,
    user_id,
    count(*) as entries,
    sum(hours) as tracked_hours,
    sum(coalesce(rounded_hours, hours)) as hours,
    sum(
      round(case when is_billable then coalesce(rounded_hours, hours, 0) * coalesce(billable_rate, 0) else 0 end, 9)
    ) as value_at_rates,
    sum(round(coalesce(hours, 0) * coalesce(cost_rate, 0), 9)) as labour_cost
  from stg_time_entries
  group by
    account_id,
    user_id
),

below as (
  select
    account_id,
    user_id,
    count(*) as entries,
    sum(tracked_hours) as tracked_hours,
    sum(hours) as hours,
    sum(value_at_rates) as value_at_rates,
    sum(labour_cost) as labour_cost
  from fct_time_entry
  group by
    account_id,
    user_id
)

select
  coalesce(above.account_id, below.account_id) as account_id,
  coalesce(above.user_id, below.user_id) as user_id,
  above.entries as entries_before,
  below.entries as entries_after,
  above.tracked_hours as tracked_hours_before,
  below.tracked_hours as tracked_hours_after,
  above.hours as hours_before,
  below.hours as hours_after,
  above.value_at_rates as value_at_rates_before,
  below.value_at_rates as value_at_rates_after,
  above.labour_cost as labour_cost_before,
  below.labour_cost as labour_cost_after
from above
full outer join below
  on above.account_id = below.account_id
  and above.user_id = below.user_id
where
  coalesce(above.entries, 0) <> coalesce(below.entries, 0)
  or coalesce(above.tracked_hours, 0) <> coalesce(below.tracked_hours, 0)
  or coalesce(above.hours, 0) <> coalesce(below.hours, 0)
  or coalesce(above.value_at_rates, 0) <> coalesce(below.value_at_rates, 0)
  or coalesce(above.labour_cost, 0) <> coalesce(below.labour_cost, 0)
