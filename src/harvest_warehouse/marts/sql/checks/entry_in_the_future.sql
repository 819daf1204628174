-- one row per time entry of a day after the last load
select
  entry.account_id,
  entry.time_entry_id,
  entry.spent_date,
  entry.person_name,
  entry.project_name,
  entry.tracked_hours
from stg_named_time_entries as entry
inner join dim_account as account
  on entry.account_id = account.account_id
where entry.spent_date > account.as_of_date
