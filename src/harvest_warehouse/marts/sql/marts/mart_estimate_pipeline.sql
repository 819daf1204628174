-- one row per estimate
with invoiced as (
  select
    account_id,
    estimate_id,
    currency,
    sum(net_amount) as invoiced_net
  from fct_invoice
  where
    estimate_id is not null
    and state <> 'draft'
    and not is_deposit
  group by
    account_id,
    estimate_id,
    currency
),

estimates as (
  select
    estimate.account_id,
    estimate.estimate_id,
    estimate.estimate_number,
    estimate.client_id,
    client.client_name,
    estimate.subject,
    estimate.currency,
    estimate.state,
    estimate.state in ('draft', 'sent') as is_open,
    estimate.issue_date,
    cast(estimate.sent_at as date) as sent_on,
    cast(coalesce(estimate.accepted_at, estimate.declined_at) as date) as decided_on,
    coalesce(estimate.amount, 0) as amount,
    cast(
      coalesce(estimate.amount, 0) - coalesce(estimate.tax_amount, 0) - coalesce(estimate.tax2_amount, 0)
      as decimal(38, 9)
    ) as net_amount,
    coalesce(invoiced.invoiced_net, 0) as invoiced_net,
    today.day_number - day.day_number as age_days
  from stg_estimates as estimate
  inner join stg_today as today
    on estimate.account_id = today.account_id
  left join dim_client as client
    on estimate.account_id = client.account_id
    and estimate.client_id = client.client_id
  left join dim_date as day
    on estimate.account_id = day.account_id
    and estimate.issue_date = day.date_day
  left join invoiced
    on estimate.account_id = invoiced.account_id
    and estimate.estimate_id = invoiced.estimate_id
    and estimate.currency = invoiced.currency
),

final as (
  select
    account_id,
    estimate_id,
    estimate_number,
    client_id,
    client_name,
    subject,
    currency,
    state,
    is_open,
    issue_date,
    sent_on,
    decided_on,
    amount,
    net_amount,
    invoiced_net,
    case when state = 'accepted' then cast(net_amount - invoiced_net as decimal(38, 9)) end as not_yet_invoiced,
    case when is_open then age_days end as days_open,
    case
      when not is_open or age_days is null then null
      when age_days <= 30 then '0-30'
      when age_days <= 60 then '31-60'
      when age_days <= 90 then '61-90'
      else '90+'
    end as age_bucket
  from estimates
)

select * from final
