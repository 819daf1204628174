-- one row per person whose expenses are not all in the facts
with above as (
  select
    account_id,
    user_id,
    count(*) as expenses,
    sum(total_cost) as amount
  from stg_expenses
  group by
    account_id,
    user_id
),

below as (
  select
    account_id,
    user_id,
    count(*) as expenses,
    sum(amount) as amount
  from fct_expense
  group by
    account_id,
    user_id
)

select
  coalesce(above.account_id, below.account_id) as account_id,
  coalesce(above.user_id, below.user_id) as user_id,
  above.expenses as expenses_before,
  below.expenses as expenses_after,
  above.amount as amount_before,
  below.amount as amount_after
from above
full outer join below
  on above.account_id = below.account_id
  and above.user_id = below.user_id
where
  coalesce(above.expenses, 0) <> coalesce(below.expenses, 0)
  or coalesce(above.amount, 0) <> coalesce(below.amount, 0)
