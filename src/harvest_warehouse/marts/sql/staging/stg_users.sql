-- one row per person
select
  account_id,
  id as user_id,
  first_name,
  last_name,
  email,
  is_active,
  is_contractor,
  weekly_capacity,
  default_hourly_rate,
  cost_rate,
  created_at,
  _dlt_id as row_id
from raw.users
