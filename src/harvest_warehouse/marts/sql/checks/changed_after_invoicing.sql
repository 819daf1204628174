-- one row per time entry that changed after its invoice was sent; approved ones are left out, since approval changes them
select
  entry.account_id,
  entry.time_entry_id,
  entry.spent_date,
  entry.person_name,
  entry.project_name,
  invoice.invoice_number,
  invoice.sent_at,
  entry.updated_at,
  entry.hours,
  entry.value_at_rates,
  entry.currency
from stg_named_time_entries as entry
inner join stg_invoices as invoice
  on entry.account_id = invoice.account_id
  and entry.invoice_id = invoice.invoice_id
where
  entry.updated_at > invoice.sent_at
  and not entry.is_closed
