-- one row per table of Harvest's of which rows, hours or money have neither a place in the marts nor are told as left out
select
  account_id,
  table_name,
  sum(row_count) as row_count,
  sum(hours) as hours,
  sum(amount) as amount
from stg_balance
group by
  account_id,
  table_name
having
  sum(row_count) <> 0
  or sum(hours) <> 0
  or sum(amount) <> 0
