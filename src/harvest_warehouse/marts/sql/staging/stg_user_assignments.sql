-- one row per person on a project
select
  account_id,
  id as user_assignment_id,
  project__id as project_id,
  user__id as user_id,
  is_active,
  use_default_rates,
  hourly_rate,
  budget
from raw.user_assignments
