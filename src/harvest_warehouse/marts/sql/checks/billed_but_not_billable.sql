-- one row per time entry that is invoiced though it is not billable
select
  account_id,
  time_entry_id,
  spent_date,
  user_id,
  project_id,
  hours,
  invoice_id
from fct_time_entry
where
  is_billed
  and not is_billable
