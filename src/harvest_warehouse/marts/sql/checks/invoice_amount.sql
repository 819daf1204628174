-- one row per invoice whose amount is not its lines less discount plus taxes
with lines as (
  select
    account_id,
    invoice_id,
    sum(line_amount) as line_amount
  from fct_invoice_line
  group by
    account_id,
    invoice_id
)

select
  invoice.account_id,
  invoice.invoice_id,
  invoice.invoice_number,
  invoice.currency,
  invoice.amount,
  coalesce(lines.line_amount, 0) - invoice.discount_amount + invoice.tax_amount as amount_of_lines
from fct_invoice as invoice
left join lines
  on invoice.account_id = lines.account_id
  and invoice.invoice_id = lines.invoice_id
where invoice.amount <> coalesce(lines.line_amount, 0) - invoice.discount_amount + invoice.tax_amount
