-- one row per account whose payments are not all in the facts
with above as (
  select
    account_id,
    sum(coalesce(amount, 0)) as amount
  from stg_invoice_payments
  group by account_id
),

below as (
  select
    account_id,
    sum(paid_amount) as amount
  from fct_invoice
  group by account_id
)

select
  coalesce(above.account_id, below.account_id) as account_id,
  above.amount as amount_before,
  below.amount as amount_after
from above
full outer join below
  on above.account_id = below.account_id
where coalesce(above.amount, 0) <> coalesce(below.amount, 0)
