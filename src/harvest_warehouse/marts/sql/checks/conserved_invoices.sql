-- one row per client and currency whose invoices are not all in the facts
with above as (
  select
    account_id,
    client_id,
    currency,
    count(*) as invoices,
    sum(amount) as amount,
    sum(due_amount) as due_amount
  from stg_invoices
  group by
    account_id,
    client_id,
    currency
),

below as (
  select
    account_id,
    client_id,
    currency,
    count(*) as invoices,
    sum(amount) as amount,
    sum(due_amount) as due_amount
  from fct_invoice
  group by
    account_id,
    client_id,
    currency
)

select
  coalesce(above.account_id, below.account_id) as account_id,
  coalesce(above.client_id, below.client_id) as client_id,
  coalesce(above.currency, below.currency) as currency,
  above.invoices as invoices_before,
  below.invoices as invoices_after,
  above.amount as amount_before,
  below.amount as amount_after,
  above.due_amount as due_amount_before,
  below.due_amount as due_amount_after
from above
full outer join below
  on above.account_id = below.account_id
  and above.client_id = below.client_id
  and above.currency = below.currency
where
  coalesce(above.invoices, 0) <> coalesce(below.invoices, 0)
  or coalesce(above.amount, 0) <> coalesce(below.amount, 0)
  or coalesce(above.due_amount, 0) <> coalesce(below.due_amount, 0)
