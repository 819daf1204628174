-- one row per time entry of more than 16 hours
select
  account_id,
  time_entry_id,
  spent_date,
  person_name,
  project_name,
  tracked_hours
from stg_named_time_entries
where tracked_hours > 16
