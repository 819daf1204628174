-- one row per time entry whose timer is running
select
  account_id,
  time_entry_id,
  spent_date,
  person_name,
  project_name,
  tracked_hours
from stg_named_time_entries
where is_running
