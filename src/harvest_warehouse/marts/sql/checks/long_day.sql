-- one row per person and day with more than 16 hours
with days as (
  select
    account_id,
    user_id,
    spent_date,
    sum(tracked_hours) as tracked_hours
  from fct_time_entry
  group by
    account_id,
    user_id,
    spent_date
  having sum(tracked_hours) > 16
)

select
  days.account_id,
  days.user_id,
  person.person_name,
  days.spent_date,
  days.tracked_hours
from days
left join dim_person as person
  on days.account_id = person.account_id
  and days.user_id = person.user_id
