-- one row per person and role
select
  account_id,
  _dlt_parent_id as parent_row_id,
  _dlt_list_idx as list_position,
  value as role_name
from raw.users__roles
