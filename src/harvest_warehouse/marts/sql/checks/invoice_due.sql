-- one row per open or paid invoice of which something else is due than its amount less its payments
select
  account_id,
  invoice_id,
  invoice_number,
  currency,
  state,
  amount,
  paid_amount,
  due_amount
from fct_invoice
where
  state in ('open', 'paid')
  and due_amount <> amount - paid_amount
