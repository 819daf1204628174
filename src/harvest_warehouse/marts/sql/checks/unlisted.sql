-- one row per client, project, person and task that only other records name
select
  account_id,
  'client' as kind,
  client_id as id,
  client_name as name
from dim_client
where not is_listed
union all
select
  account_id,
  'project' as kind,
  project_id as id,
  project_name as name
from dim_project
where not is_listed
union all
select
  account_id,
  'person' as kind,
  user_id as id,
  person_name as name
from dim_person
where not is_listed
union all
select
  account_id,
  'task' as kind,
  task_id as id,
  task_name as name
from dim_task
where not is_listed
