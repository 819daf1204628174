-- one row per invoice that was sent, payment of one, and one that was written off: what moves what clients owe
with events as (
  select
    account_id,
    currency,
    issue_date as event_date,
    amount as issued,
    0 as paid,
    0 as written_off
  from fct_invoice
  where state <> 'draft'
  union all
  select
    payment.account_id,
    invoice.currency,
    coalesce(payment.paid_date, cast(payment.paid_at as date), invoice.issue_date) as event_date,
    0 as issued,
    coalesce(payment.amount, 0) as paid,
    0 as written_off
  from stg_invoice_payments as payment
  inner join fct_invoice as invoice
    on payment.account_id = invoice.account_id
    and payment.invoice_id = invoice.invoice_id
  where invoice.state <> 'draft'
  union all
  select
    account_id,
    currency,
    coalesce(closed_on, issue_date) as event_date,
    0 as issued,
    0 as paid,
    written_off_amount as written_off
  from fct_invoice
  where state = 'closed'
),

final as (
  select
    event.account_id,
    event.currency,
    event.event_date,
    day.day_number,
    day.month_index,
    event.issued,
    event.paid,
    event.written_off
  from events as event
  inner join dim_date as day
    on event.account_id = day.account_id
    and event.event_date = day.date_day
)

select * from final
