-- one row per client, project, person and task of a fact that has no row in its dimension
with used as (
  select
    account_id,
    client_id,
    project_id,
    user_id,
    task_id
  from fct_time_entry
  group by
    account_id,
    client_id,
    project_id,
    user_id,
    task_id
  union
  select
    account_id,
    client_id,
    project_id,
    user_id,
    cast(null as bigint) as task_id
  from fct_expense
)

select
  used.account_id,
  used.client_id,
  used.project_id,
  used.user_id,
  used.task_id
from used
left join dim_client as client
  on used.account_id = client.account_id
  and used.client_id = client.client_id
left join dim_project as project
  on used.account_id = project.account_id
  and used.project_id = project.project_id
left join dim_person as person
  on used.account_id = person.account_id
  and used.user_id = person.user_id
left join dim_task as task
  on used.account_id = task.account_id
  and used.task_id = task.task_id
where
  client.client_id is null
  or project.project_id is null
  or person.user_id is null
  or (used.task_id is not null and task.task_id is null)
