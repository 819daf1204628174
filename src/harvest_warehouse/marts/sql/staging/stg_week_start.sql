-- one row per account: the first day of its week
select
  account_id,
  max(week_start_day) as week_start_day
from raw.company
group by account_id
