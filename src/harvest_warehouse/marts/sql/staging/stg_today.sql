-- one row per account: the day up to which its marts count
select
  account_id,
  date_day,
  day_number,
  week_index,
  month_index,
  month_end
from dim_date
where is_as_of_date
