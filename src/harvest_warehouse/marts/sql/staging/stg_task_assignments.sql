-- one row per task of a project
select
  account_id,
  id as task_assignment_id,
  project__id as project_id,
  task__id as task_id,
  is_active,
  billable as is_billable,
  hourly_rate,
  budget
from raw.task_assignments
