-- one row per currency whose invoices, payments and write-offs are not all in mart_receivables_monthly
with above as (
  select
    account_id,
    currency,
    sum(amount) as issued,
    sum(paid_amount) as paid,
    sum(written_off_amount) as written_off
  from fct_invoice
  where state <> 'draft'
  group by
    account_id,
    currency
),

below as (
  select
    account_id,
    currency,
    sum(issued) as issued,
    sum(paid) as paid,
    sum(written_off) as written_off
  from mart_receivables_monthly
  group by
    account_id,
    currency
)

select
  coalesce(above.account_id, below.account_id) as account_id,
  coalesce(above.currency, below.currency) as currency,
  above.issued as issued_before,
  below.issued as issued_after,
  above.paid as paid_before,
  below.paid as paid_after,
  above.written_off as written_off_before,
  below.written_off as written_off_after
from above
full outer join below
  on above.account_id = below.account_id
  and above.currency = below.currency
where
  coalesce(above.issued, 0) <> coalesce(below.issued, 0)
  or coalesce(above.paid, 0) <> coalesce(below.paid, 0)
  or coalesce(above.written_off, 0) <> coalesce(below.written_off, 0)
