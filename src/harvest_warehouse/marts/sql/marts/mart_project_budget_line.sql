-- one row per budgeted project, kind of line (task or person) and task or person
with work as (
  select
    entry.account_id,
    entry.project_id,
    entry.task_id,
    entry.user_id,
    sum(entry.hours) as hours,
    sum(entry.value_at_rates) as money
  from fct_time_entry as entry
  inner join dim_project as project
    on entry.account_id = project.account_id
    and entry.project_id = project.project_id
  inner join dim_date as day
    on entry.account_id = day.account_id
    and entry.spent_date = day.date_day
  inner join stg_today as today
    on entry.account_id = today.account_id
  where
    entry.is_budgeted
    and project.budget_unit is not null
    and (not project.budget_is_monthly or day.month_index = today.month_index)
  group by
    entry.account_id,
    entry.project_id,
    entry.task_id,
    entry.user_id
),

parts as (
  select
    account_id,
    project_id,
    'task' as line_kind,
    task_id as line_id,
    hours,
    money,
    cast(null as decimal(38, 9)) as budget
  from work
  union all
  select
    account_id,
    project_id,
    'person' as line_kind,
    user_id as line_id,
    hours,
    money,
    cast(null as decimal(38, 9)) as budget
  from work
  union all
  select
    assignment.account_id,
    assignment.project_id,
    'task' as line_kind,
    assignment.task_id as line_id,
    0 as hours,
    0 as money,
    assignment.budget
  from stg_task_assignments as assignment
  inner join dim_project as project
    on assignment.account_id = project.account_id
    and assignment.project_id = project.project_id
  where
    project.budget_by in ('task', 'task_fees')
    and assignment.budget is not null
  union all
  select
    assignment.account_id,
    assignment.project_id,
    'person' as line_kind,
    assignment.user_id as line_id,
    0 as hours,
    0 as money,
    assignment.budget
  from stg_user_assignments as assignment
  inner join dim_project as project
    on assignment.account_id = project.account_id
    and assignment.project_id = project.project_id
  where
    project.budget_by = 'person'
    and assignment.budget is not null
),

lines as (
  select
    account_id,
    project_id,
    line_kind,
    line_id,
    sum(hours) as hours,
    sum(money) as money,
    sum(budget) as budget
  from parts
  group by
    account_id,
    project_id,
    line_kind,
    line_id
),

measures as (
  select
    line.account_id,
    line.project_id,
    project.project_name,
    project.client_id,
    project.client_name,
    project.currency,
    project.is_active,
    project.budget_by,
    project.budget_unit,
    project.budget_is_monthly,
    line.line_kind,
    line.line_id,
    coalesce(task.task_name, person.person_name) as line_name,
    line.budget,
    case when project.budget_unit = 'hours' then line.hours else line.money end as spent
  from lines as line
  inner join dim_project as project
    on line.account_id = project.account_id
    and line.project_id = project.project_id
  left join dim_task as task
    on line.account_id = task.account_id
    and line.line_id = task.task_id
    and line.line_kind = 'task'
  left join dim_person as person
    on line.account_id = person.account_id
    and line.line_id = person.user_id
    and line.line_kind = 'person'
),

final as (
  select
    *,
    cast(budget - spent as decimal(38, 9)) as remaining,
    case when budget > 0 then spent / budget end as spent_share
  from measures
)

select * from final
