-- one row per billable time entry of a time and materials project without a rate
select
  entry.account_id,
  entry.time_entry_id,
  entry.spent_date,
  person.person_name,
  project.project_name,
  entry.hours
from fct_time_entry as entry
left join dim_person as person
  on entry.account_id = person.account_id
  and entry.user_id = person.user_id
left join dim_project as project
  on entry.account_id = project.account_id
  and entry.project_id = project.project_id
where entry.is_missing_billable_rate
