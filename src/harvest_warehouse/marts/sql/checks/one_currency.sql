-- one row per client whose money is in more than one currency, or in none that is known while there is some
with money as (
  select
    account_id,
    client_id,
    currency,
    value_at_rates as amount
  from fct_time_entry
  where value_at_rates <> 0
  union all
  select
    account_id,
    client_id,
    currency,
    amount
  from fct_expense
  where amount <> 0
)

select
  account_id,
  client_id,
  count(distinct currency) as currencies
from money
group by
  account_id,
  client_id
having count(distinct currency) > 1
