-- one row per fixed fee project that mart_fixed_fee_progress should have and has not, or the other way round
with above as (
  select
    project.account_id,
    project.project_id,
    project.fee
  from dim_project as project
  inner join mart_project_budget as budget
    on project.account_id = budget.account_id
    and project.project_id = budget.project_id
  where
    project.project_type = 'fixed_fee'
    and not project.budget_is_monthly
    and project.fee is not null
    and budget.budget is not null
)

select
  coalesce(above.account_id, below.account_id) as account_id,
  coalesce(above.project_id, below.project_id) as project_id,
  above.fee as fee_before,
  below.earned_by_progress + below.fee_left_to_earn as fee_after
from above
full outer join mart_fixed_fee_progress as below
  on above.account_id = below.account_id
  and above.project_id = below.project_id
where
  above.project_id is null
  or below.project_id is null
  or below.earned_by_progress + below.fee_left_to_earn <> above.fee
