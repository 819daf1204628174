-- one row per invoice that bills time or expenses of its currency, drafts left out
with time_entries as (
  select
    entry.account_id,
    entry.invoice_id,
    entry.currency,
    sum(entry.hours) as hours,
    sum(entry.value_at_rates) as time_value,
    sum(entry.value_at_rates * day.day_number) as weighted_days
  from fct_time_entry as entry
  inner join dim_date as day
    on entry.account_id = day.account_id
    and entry.spent_date = day.date_day
  where entry.invoice_id is not null
  group by
    entry.account_id,
    entry.invoice_id,
    entry.currency
),

expenses as (
  select
    account_id,
    invoice_id,
    currency,
    sum(billable_amount) as expense_value
  from fct_expense
  where invoice_id is not null
  group by
    account_id,
    invoice_id,
    currency
),

measures as (
  select
    invoice.account_id,
    invoice.invoice_id,
    invoice.invoice_number,
    invoice.client_id,
    invoice.client_name,
    invoice.currency,
    invoice.state,
    invoice.issue_date,
    invoice.paid_date,
    invoice.net_amount,
    coalesce(time_entries.hours, 0) as hours,
    coalesce(time_entries.time_value, 0) as time_value,
    coalesce(expenses.expense_value, 0) as expense_value,
    cast(coalesce(time_entries.time_value, 0) + coalesce(expenses.expense_value, 0) as decimal(38, 9)) as billed_value,
    invoice.written_off_amount,
    issued.day_number as issued_day,
    paid.day_number as paid_day,
    time_entries.weighted_days
  from fct_invoice as invoice
  left join time_entries
    on invoice.account_id = time_entries.account_id
    and invoice.invoice_id = time_entries.invoice_id
    and invoice.currency = time_entries.currency
  left join expenses
    on invoice.account_id = expenses.account_id
    and invoice.invoice_id = expenses.invoice_id
    and invoice.currency = expenses.currency
  left join dim_date as issued
    on invoice.account_id = issued.account_id
    and invoice.issue_date = issued.date_day
  left join dim_date as paid
    on invoice.account_id = paid.account_id
    and invoice.paid_date = paid.date_day
  where
    invoice.state <> 'draft'
    and (time_entries.invoice_id is not null or expenses.invoice_id is not null)
),

final as (
  select
    account_id,
    invoice_id,
    invoice_number,
    client_id,
    client_name,
    currency,
    state,
    issue_date,
    paid_date,
    net_amount,
    hours,
    time_value,
    expense_value,
    cast(billed_value - net_amount as decimal(38, 9)) as written_down,
    written_off_amount,
    case when billed_value > 0 then net_amount / billed_value end as realisation,
    case when time_value > 0 then issued_day - weighted_days / time_value end as billing_lag_days,
    case when state = 'paid' then paid_day - issued_day end as days_to_pay
  from measures
)

select * from final
