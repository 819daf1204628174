-- one row per active project that is to have a budget, and has no value for it
select
  account_id,
  project_id,
  project_name,
  client_name,
  budget_by
from mart_project_budget
where
  status = 'no_budget_value'
  and is_active
