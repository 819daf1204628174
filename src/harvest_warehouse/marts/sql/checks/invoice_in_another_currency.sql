-- one row per invoice in another currency than its client's
select
  invoice.account_id,
  invoice.invoice_id,
  invoice.invoice_number,
  invoice.currency,
  client.currency as client_currency
from fct_invoice as invoice
inner join dim_client as client
  on invoice.account_id = client.account_id
  and invoice.client_id = client.client_id
where invoice.currency <> client.currency
