-- one row per row of int_work of which something could not be read itself, with the names that time and expenses give it
with work as (
  select
    work.account_id,
    work.user_id,
    work.client_id,
    work.project_id,
    work.task_id
  from int_work as work
  left join stg_users as person
    on work.account_id = person.account_id
    and work.user_id = person.user_id
  left join stg_clients as client
    on work.account_id = client.account_id
    and work.client_id = client.client_id
  left join stg_projects as project
    on work.account_id = project.account_id
    and work.project_id = project.project_id
  left join stg_tasks as task
    on work.account_id = task.account_id
    and work.task_id = task.task_id
  where
    person.user_id is null
    or client.client_id is null
    or project.project_id is null
    or (work.task_id is not null and task.task_id is null)
),

records as (
  select
    account_id,
    user_id,
    client_id,
    project_id,
    task_id,
    user_name,
    client_name,
    client_currency,
    project_name,
    project_code,
    task_name
  from stg_time_entries
  union all
  select
    account_id,
    user_id,
    client_id,
    project_id,
    cast(null as bigint) as task_id,
    user_name,
    client_name,
    client_currency,
    project_name,
    project_code,
    cast(null as text) as task_name
  from stg_expenses
),

final as (
  select
    work.account_id,
    work.user_id,
    work.client_id,
    work.project_id,
    work.task_id,
    max(record.user_name) as user_name,
    max(record.client_name) as client_name,
    max(record.client_currency) as client_currency,
    max(record.project_name) as project_name,
    max(record.project_code) as project_code,
    max(record.task_name) as task_name
  from work
  inner join records as record
    on work.account_id = record.account_id
    and work.user_id = record.user_id
    and work.client_id = record.client_id
    and work.project_id = record.project_id
    and coalesce(work.task_id, 0) = coalesce(record.task_id, 0)
  group by
    work.account_id,
    work.user_id,
    work.client_id,
    work.project_id,
    work.task_id
)

select * from final
