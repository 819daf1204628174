-- one row per time entry that changed after its invoice was sent; approved ones are left out, since approval changes them
select
  entry.account_id,
  entry.time_entry_id,
  entry.spent_date,
  person.person_name,
  project.project_name,
  invoice.invoice_number,
  invoice.sent_at,
  entry.updated_at,
  entry.hours,
  entry.value_at_rates,
  entry.currency
from fct_time_entry as entry
inner join stg_invoices as invoice
  on entry.account_id = invoice.account_id
  and entry.invoice_id = invoice.invoice_id
left join dim_person as person
  on entry.account_id = person.account_id
  and entry.user_id = person.user_id
left join dim_project as project
  on entry.account_id = project.account_id
  and entry.project_id = project.project_id
where
  entry.updated_at > invoice.sent_at
  and not entry.is_closed
