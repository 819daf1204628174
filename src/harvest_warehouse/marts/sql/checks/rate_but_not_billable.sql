-- one row per time entry that has a billable rate though it is not billable
select
  account_id,
  time_entry_id,
  spent_date,
  user_id,
  project_id,
  billable_rate
from fct_time_entry
where
  not is_billable
  and billable_rate is not null
