-- one row per dated cost rate of a person
select
  account_id,
  user_id,
  id as rate_id,
  amount,
  start_date,
  end_date
from raw.user_cost_rates
