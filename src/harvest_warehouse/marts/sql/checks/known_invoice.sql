-- one row per invoice line whose invoice is not there
select
  line.account_id,
  line.id,
  line._dlt_parent_id
from every.invoices__line_items as line
left join every.invoices as invoice
  on line.account_id = invoice.account_id
  and line._dlt_parent_id = invoice._dlt_id
where invoice._dlt_id is null
