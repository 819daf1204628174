-- one row per time entry that is marked as invoiced without an invoice
select
  entry.account_id,
  entry.time_entry_id,
  entry.spent_date,
  person.person_name,
  project.project_name,
  entry.hours,
  entry.value_at_rates,
  entry.currency
from fct_time_entry as entry
left join dim_person as person
  on entry.account_id = person.account_id
  and entry.user_id = person.user_id
left join dim_project as project
  on entry.account_id = project.account_id
  and entry.project_id = project.project_id
where entry.is_marked_invoiced_by_hand
