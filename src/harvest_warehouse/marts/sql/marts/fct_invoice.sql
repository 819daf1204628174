-- one row per invoice
with payments as (
  select
    account_id,
    invoice_id,
    sum(amount) as paid_amount
  from stg_invoice_payments
  group by
    account_id,
    invoice_id
),

invoices as (
  select
    invoice.account_id,
    invoice.invoice_id,
    invoice.invoice_number,
    invoice.client_id,
    client.client_name,
    invoice.currency,
    invoice.estimate_id,
    invoice.retainer_id,
    invoice.retainer_id is not null as is_retainer,
    invoice.retainer_id is not null and billing.invoice_id is null as is_deposit,
    invoice.subject,
    invoice.state,
    invoice.issue_date,
    invoice.due_date,
    invoice.period_start,
    invoice.period_end,
    cast(invoice.sent_at as date) as sent_on,
    invoice.paid_date,
    cast(invoice.closed_at as date) as closed_on,
    coalesce(invoice.amount, 0) as amount,
    coalesce(invoice.tax_amount, 0) + coalesce(invoice.tax2_amount, 0) as tax_amount,
    coalesce(invoice.discount_amount, 0) as discount_amount,
    coalesce(payments.paid_amount, 0) as paid_amount,
    coalesce(invoice.due_amount, 0) as due_amount,
    as_of.day_number - due.day_number as days_after_due_date
  from stg_invoices as invoice
  left join stg_billing_invoices as billing
    on invoice.account_id = billing.account_id
    and invoice.invoice_id = billing.invoice_id
  left join payments
    on invoice.account_id = payments.account_id
    and invoice.invoice_id = payments.invoice_id
  left join dim_client as client
    on invoice.account_id = client.account_id
    and invoice.client_id = client.client_id
  left join dim_date as due
    on invoice.account_id = due.account_id
    and invoice.due_date = due.date_day
  left join dim_date as as_of
    on invoice.account_id = as_of.account_id
    and as_of.is_as_of_date
),

final as (
  select
    account_id,
    invoice_id,
    invoice_number,
    client_id,
    client_name,
    currency,
    estimate_id,
    retainer_id,
    is_retainer,
    is_deposit,
    subject,
    state,
    issue_date,
    due_date,
    period_start,
    period_end,
    sent_on,
    paid_date,
    closed_on,
    amount,
    tax_amount,
    discount_amount,
    cast(amount - tax_amount as decimal(38, 9)) as net_amount,
    paid_amount,
    due_amount,
    case when state = 'open' then due_amount else 0 end as open_amount,
    case when state = 'closed' then cast(amount - paid_amount as decimal(38, 9)) else 0 end as written_off_amount,
    case when state = 'open' then days_after_due_date end as days_overdue,
    case
      when state <> 'open' then null
      when coalesce(days_after_due_date, 0) <= 0 then 'not_due'
      when days_after_due_date <= 30 then '1-30'
      when days_after_due_date <= 60 then '31-60'
      when days_after_due_date <= 90 then '61-90'
      else '90+'
    end as overdue_bucket
  from invoices
)

select * from final
