-- one row per active fixed fee project without a fee
select
  account_id,
  project_id,
  project_name,
  client_name
from dim_project
where
  project_type = 'fixed_fee'
  and is_active
  and fee is null
