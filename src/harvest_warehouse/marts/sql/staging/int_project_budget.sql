-- one row per budgeted project: its budget as it stands now, null where nobody entered one
with task_budgets as (
  select
    account_id,
    project_id,
    sum(budget) as budget
  from stg_task_assignments
  group by
    account_id,
    project_id
),

person_budgets as (
  select
    account_id,
    project_id,
    sum(budget) as budget
  from stg_user_assignments
  group by
    account_id,
    project_id
),

final as (
  select
    project.account_id,
    project.project_id,
    case
      when project.budget_by = 'project' then project.budget
      when project.budget_by = 'project_cost' then project.cost_budget
      when project.budget_by = 'person' then person_budgets.budget
      else task_budgets.budget
    end as budget
  from dim_project as project
  left join task_budgets
    on project.account_id = task_budgets.account_id
    and project.project_id = task_budgets.project_id
  left join person_budgets
    on project.account_id = person_budgets.account_id
    and project.project_id = person_budgets.project_id
  where project.budget_unit is not null
)

select * from final
