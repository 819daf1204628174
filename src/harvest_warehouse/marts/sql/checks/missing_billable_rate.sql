-- one row per billable time entry of a time and materials project without a rate
select
  account_id,
  time_entry_id,
  spent_date,
  person_name,
  project_name,
  hours
from stg_named_time_entries
where is_missing_billable_rate
