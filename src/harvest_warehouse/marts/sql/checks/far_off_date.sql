-- one row per date of a record that lies before 1990, or more than twenty years ahead
select
  named.account_id,
  named.table_name,
  named.id,
  named.column_name,
  named.date_day
from stg_dates as named
inner join dim_date as day
  on named.account_id = day.account_id
  and named.date_day = day.date_day
where day.is_far_off
