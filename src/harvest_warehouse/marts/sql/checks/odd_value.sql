-- one row per row of Harvest's with a value that it never gives, or without one that it always gives
select
  account_id,
  table_name,
  id,
  what_is_odd
from stg_odd_value
