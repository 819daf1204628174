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
    today.day_number - day.day_number as age_days,
    decision.day_number - coalesce(sending.day_number, day.day_number) as days_to_decision,
    decision.day_number > today.day_number - 365 and decision.day_number <= today.day_number as is_decided_lately
  from stg_estimates as estimate
  inner join stg_today as today
    on estimate.account_id = today.account_id
  left join dim_client as client
    on estimate.account_id = client.account_id
    and estimate.client_id = client.client_id
  left join dim_date as day
    on estimate.account_id = day.account_id
    and estimate.issue_date = day.date_day
  left join dim_date as sending
    on estimate.account_id = sending.account_id
    and cast(estimate.sent_at as date) = sending.date_day
  left join dim_date as decision
    on estimate.account_id = decision.account_id
    and cast(coalesce(estimate.accepted_at, estimate.declined_at) as date) = decision.date_day
  left join invoiced
    on estimate.account_id = invoiced.account_id
    and estimate.estimate_id = invoiced.estimate_id
    and estimate.currency = invoiced.currency
),

decisions as (
  select
    account_id,
    currency,
    sum(case when state = 'accepted' then net_amount else 0 end) as won,
    sum(net_amount) as decided
  from estimates
  where
    is_decided_lately
    and state in ('accepted', 'declined')
  group by
    account_id,
    currency
),

final as (
  select
    estimate.account_id,
    estimate.estimate_id,
    estimate.estimate_number,
    estimate.client_id,
    estimate.client_name,
    estimate.subject,
    estimate.currency,
    estimate.state,
    estimate.is_open,
    estimate.issue_date,
    estimate.sent_on,
    estimate.decided_on,
    estimate.amount,
    estimate.net_amount,
    estimate.invoiced_net,
    case
      when estimate.state = 'accepted' then cast(estimate.net_amount - estimate.invoiced_net as decimal(38, 9))
    end as not_yet_invoiced,
    case when estimate.is_open then estimate.age_days end as days_open,
    case
      when not estimate.is_open or estimate.age_days is null then null
      when estimate.age_days <= 30 then '0-30'
      when estimate.age_days <= 60 then '31-60'
      when estimate.age_days <= 90 then '61-90'
      else '90+'
    end as age_bucket,
    case when estimate.state in ('accepted', 'declined') then estimate.days_to_decision end as days_to_decision,
    case when decisions.decided > 0 then decisions.won / decisions.decided end as win_rate,
    case
      when estimate.is_open and decisions.decided > 0
        then cast(estimate.net_amount * (decisions.won / decisions.decided) as decimal(38, 9))
    end as weighted_amount
  from estimates as estimate
  left join decisions
    on estimate.account_id = decisions.account_id
    and estimate.currency = decisions.currency
)

select * from final
