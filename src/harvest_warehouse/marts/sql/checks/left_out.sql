-- one row per row of Harvest's that has no place in the marts, what is odd about it, and what it holds
select
  account_id,
  table_name,
  id,
  what_is_odd,
  hours,
  amount
from stg_left_out
