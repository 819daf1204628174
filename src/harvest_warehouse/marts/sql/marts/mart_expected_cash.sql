-- one row per invoice on which something is due
with paid as (
  select
    invoice.account_id,
    invoice.client_id,
    invoice.currency,
    invoice.amount,
    invoice.amount * (paid.day_number - issued.day_number) as weighted_days
  from fct_invoice as invoice
  inner join dim_date as issued
    on invoice.account_id = issued.account_id
    and invoice.issue_date = issued.date_day
  inner join dim_date as paid
    on invoice.account_id = paid.account_id
    and invoice.paid_date = paid.date_day
  inner join stg_today as today
    on invoice.account_id = today.account_id
  where
    invoice.state = 'paid'
    and invoice.amount > 0
    and paid.day_number between today.day_number - 364 and today.day_number
),

habits as (
  select
    account_id,
    client_id,
    currency,
    count(*) as paid_invoices,
    round(cast(sum(weighted_days) / sum(amount) as decimal(38, 9)), 0) as days_to_pay
  from paid
  group by
    account_id,
    client_id,
    currency
),

invoices as (
  select
    invoice.account_id,
    invoice.invoice_id,
    invoice.invoice_number,
    invoice.client_id,
    invoice.client_name,
    invoice.currency,
    invoice.issue_date,
    invoice.due_date,
    invoice.due_amount,
    invoice.days_overdue,
    coalesce(habits.paid_invoices, 0) as paid_invoices,
    habits.days_to_pay,
    case
      when habits.days_to_pay is not null then issued.day_number + habits.days_to_pay
      else coalesce(due.day_number, issued.day_number)
    end - today.day_number as days_from_today
  from fct_invoice as invoice
  inner join stg_today as today
    on invoice.account_id = today.account_id
  left join habits
    on invoice.account_id = habits.account_id
    and invoice.client_id = habits.client_id
    and invoice.currency = habits.currency
  left join dim_date as issued
    on invoice.account_id = issued.account_id
    and invoice.issue_date = issued.date_day
  left join dim_date as due
    on invoice.account_id = due.account_id
    and invoice.due_date = due.date_day
  where
    invoice.state = 'open'
    and invoice.due_amount > 0
),

final as (
  select
    account_id,
    invoice_id,
    invoice_number,
    client_id,
    client_name,
    currency,
    issue_date,
    due_date,
    due_amount,
    days_overdue,
    cast(paid_invoices as bigint) as paid_invoices,
    cast(days_to_pay as bigint) as days_to_pay,
    cast(days_from_today as bigint) as expected_in_days,
    case
      when days_from_today is null then null
      when days_from_today < 0 then 'late'
      when days_from_today <= 7 then '0-7'
      when days_from_today <= 30 then '8-30'
      when days_from_today <= 60 then '31-60'
      else '60+'
    end as expected_bucket
  from invoices
)

select * from final
