-- one row per person and day with more than 16 hours
select
  entry.account_id,
  entry.user_id,
  person.person_name,
  entry.spent_date,
  sum(entry.tracked_hours) as tracked_hours
from fct_time_entry as entry
left join dim_person as person
  on entry.account_id = person.account_id
  and entry.user_id = person.user_id
group by
  entry.account_id,
  entry.user_id,
  person.person_name,
  entry.spent_date
having sum(entry.tracked_hours) > 16
