-- one row per time entry, with the names of its person and project
select
  entry.account_id,
  entry.time_entry_id,
  entry.spent_date,
  entry.user_id,
  person.person_name,
  project.project_name,
  entry.invoice_id,
  entry.is_closed,
  entry.is_running,
  entry.is_missing_billable_rate,
  entry.is_missing_cost_rate,
  entry.is_marked_invoiced_by_hand,
  entry.tracked_hours,
  entry.hours,
  entry.value_at_rates,
  entry.currency,
  entry.updated_at
from fct_time_entry as entry
left join dim_person as person
  on entry.account_id = person.account_id
  and entry.user_id = person.user_id
left join dim_project as project
  on entry.account_id = project.account_id
  and entry.project_id = project.project_id
