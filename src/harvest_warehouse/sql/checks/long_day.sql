-- one row per person and day with more than 16 hours
select
  account_id,
  user_id,
  person_name,
  spent_date,
  sum(tracked_hours) as tracked_hours
from stg_named_time_entries
group by
  account_id,
  user_id,
  person_name,
  spent_date
having sum(tracked_hours) > 16
