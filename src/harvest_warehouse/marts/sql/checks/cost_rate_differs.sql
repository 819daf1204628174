-- one row per time entry whose cost rate is none of the person's for that day
select
  entry.account_id,
  entry.time_entry_id,
  entry.spent_date,
  entry.user_id,
  entry.cost_rate,
  min(rate.amount) as dated_rate
from fct_time_entry as entry
inner join dim_person_rate as rate
  on entry.account_id = rate.account_id
  and entry.user_id = rate.user_id
  and rate.rate_kind = 'cost'
  and entry.spent_date between rate.valid_from and rate.valid_to
  and rate.amount is not null
where entry.cost_rate is not null
group by entry.account_id, entry.time_entry_id, entry.spent_date, entry.user_id, entry.cost_rate
having sum(case when entry.cost_rate = rate.amount then 1 else 0 end) = 0
