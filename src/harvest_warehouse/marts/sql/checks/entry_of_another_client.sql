-- one row per time entry whose client is not that of its project
select
  entry.account_id,
  entry.time_entry_id,
  entry.client_id as entry_client_id,
  project.client_id as project_client_id
from stg_time_entries as entry
inner join dim_project as project
  on entry.account_id = project.account_id
  and entry.project_id = project.project_id
where entry.client_id <> project.client_id
