-- one row per payment of an invoice
select
  account_id,
  id as payment_id,
  invoice_id,
  amount,
  paid_date,
  paid_at
from raw.invoice_payments
