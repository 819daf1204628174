-- one row per account and day that a record names
select distinct
  account_id,
  date_day
from stg_dates
