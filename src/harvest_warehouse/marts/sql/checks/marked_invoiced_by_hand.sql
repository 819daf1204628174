-- one row per time entry that is marked as invoiced without an invoice
select
  account_id,
  time_entry_id,
  spent_date,
  person_name,
  project_name,
  hours,
  value_at_rates,
  currency
from stg_named_time_entries
where is_marked_invoiced_by_hand
