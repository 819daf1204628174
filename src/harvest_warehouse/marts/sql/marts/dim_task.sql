-- one row per task
with mentioned as (
  select
    account_id,
    task_id,
    max(task_name) as task_name
  from int_unlisted_work
  where task_id is not null
  group by
    account_id,
    task_id
),

tasks as (
  select
    account_id,
    task_id,
    task_name,
    coalesce(is_active, true) as is_active,
    true as is_listed,
    is_billable_by_default,
    default_hourly_rate
  from stg_tasks
  union all
  select
    mentioned.account_id,
    mentioned.task_id,
    mentioned.task_name,
    false as is_active,
    false as is_listed,
    cast(null as boolean) as is_billable_by_default,
    cast(null as decimal(38, 9)) as default_hourly_rate
  from mentioned
  left join stg_tasks as listed
    on mentioned.account_id = listed.account_id
    and mentioned.task_id = listed.task_id
  where listed.task_id is null
),

named as (
  select
    task.account_id,
    task.task_id,
    setting.kind
  from tasks as task
  inner join cfg_task as setting
    on lower(trim(task.task_name)) = setting.task_name
  union
  select
    task.account_id,
    task.task_id,
    setting.kind
  from tasks as task
  inner join cfg_task as setting
    on task.task_id = setting.task_id
),

final as (
  select
    task.account_id,
    task.task_id,
    coalesce(task.task_name, 'Task ' || cast(task.task_id as text)) as task_name,
    task.is_active,
    task.is_listed,
    task.is_billable_by_default,
    task.default_hourly_rate,
    time_off.task_id is not null as is_time_off,
    productive.task_id is not null and time_off.task_id is null as is_productive
  from tasks as task
  left join named as time_off
    on task.account_id = time_off.account_id
    and task.task_id = time_off.task_id
    and time_off.kind = 'time_off'
  left join named as productive
    on task.account_id = productive.account_id
    and task.task_id = productive.task_id
    and productive.kind = 'productive'
)

select * from final
