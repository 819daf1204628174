-- one row per task
select
  account_id,
  id as task_id,
  name as task_name,
  is_active,
  billable_by_default as is_billable_by_default,
  default_hourly_rate
from raw.tasks
