-- one row per currency whose receivables are not what Harvest says is due on open invoices
with latest as (
  select
    account_id,
    currency,
    sum(issued - paid - written_off) as receivable_end
  from mart_receivables_monthly
  group by
    account_id,
    currency
),

due as (
  select
    account_id,
    currency,
    sum(open_amount) as open_amount
  from fct_invoice
  group by
    account_id,
    currency
)

select
  latest.account_id,
  latest.currency,
  latest.receivable_end,
  due.open_amount
from latest
inner join due
  on latest.account_id = due.account_id
  and latest.currency = due.currency
where latest.receivable_end <> due.open_amount
