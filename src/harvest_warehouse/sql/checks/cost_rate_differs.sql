-- one row per time entry whose cost rate is not the person's dated one
select
  entry.account_id,
  entry.time_entry_id,
  entry.spent_date,
  entry.user_id,
  entry.cost_rate,
  rate.amount as dated_rate
from fct_time_entry as entry
inner join dim_person_rate as rate
  on entry.account_id = rate.account_id
  and entry.user_id = rate.user_id
  and rate.rate_kind = 'cost'
  and entry.spent_date between rate.valid_from and rate.valid_to
where
  entry.cost_rate is not null
  and entry.cost_rate <> rate.amount
