-- one row per invoice line whose amount is not quantity times price, rounded to cents
select
  account_id,
  invoice_line_id,
  invoice_id,
  currency,
  quantity,
  unit_price,
  line_amount
from fct_invoice_line
where line_amount <> round(quantity * unit_price, 2)
