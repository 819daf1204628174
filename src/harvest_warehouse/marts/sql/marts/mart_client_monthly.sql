-- one row per client and month, from its first revenue or invoice to now, or to the last that a fee is spread over in its currency
with projects as (
  select
    profit.account_id,
    profit.client_id,
    profit.month_start,
    sum(profit.hours) as hours,
    sum(profit.billable_hours) as billable_hours,
    sum(profit.revenue) as revenue,
    sum(profit.revenue_home) as revenue_home,
    sum(profit.margin) as margin,
    sum(case when profit.revenue_home is null and profit.revenue <> 0 then 1 else 0 end) as unconverted
  from mart_project_profitability_monthly as profit
  group by
    profit.account_id,
    profit.client_id,
    profit.month_start
),

invoices as (
  select
    invoice.account_id,
    invoice.client_id,
    day.month_start,
    sum(invoice.net_amount) as invoiced_net
  from fct_invoice as invoice
  inner join dim_client as client
    on invoice.account_id = client.account_id
    and invoice.client_id = client.client_id
    and invoice.currency = client.currency
  inner join dim_date as day
    on invoice.account_id = day.account_id
    and invoice.issue_date = day.date_day
  where
    invoice.state in ('open', 'paid')
    and not invoice.is_deposit
  group by
    invoice.account_id,
    invoice.client_id,
    day.month_start
),

active_months as (
  select
    account_id,
    client_id,
    month_start
  from projects
  union
  select
    account_id,
    client_id,
    month_start
  from invoices
),

active_spans as (
  select
    active.account_id,
    active.client_id,
    client.currency,
    min(month.month_index) as first_month_index,
    greatest(max(month.month_index), max(today.month_index)) as last_month_index
  from active_months as active
  inner join dim_client as client
    on active.account_id = client.account_id
    and active.client_id = client.client_id
  inner join int_month as month
    on active.account_id = month.account_id
    and active.month_start = month.month_start
  inner join stg_today as today
    on active.account_id = today.account_id
  group by
    active.account_id,
    active.client_id,
    client.currency
),

-- All clients of a currency end together: a share counts the last twelve months of each of them.
spans as (
  select
    account_id,
    client_id,
    first_month_index,
    max(last_month_index) over (partition by account_id, currency) as last_month_index
  from active_spans
),

months as (
  select
    span.account_id,
    span.client_id,
    client.client_name,
    client.currency,
    month.month_start,
    month.month_index,
    month.is_complete_month,
    coalesce(project.hours, 0) as hours,
    coalesce(project.billable_hours, 0) as billable_hours,
    coalesce(project.revenue, 0) as revenue,
    case when project.unconverted > 0 then null else coalesce(project.revenue_home, 0) end as revenue_home,
    coalesce(project.margin, case when client.currency = account.home_currency then 0 end) as margin,
    coalesce(invoice.invoiced_net, 0) as invoiced_net
  from spans as span
  inner join int_month as month
    on span.account_id = month.account_id
    and month.month_index between span.first_month_index and span.last_month_index
  inner join dim_client as client
    on span.account_id = client.account_id
    and span.client_id = client.client_id
  left join dim_account as account
    on span.account_id = account.account_id
  left join projects as project
    on span.account_id = project.account_id
    and span.client_id = project.client_id
    and month.month_start = project.month_start
  left join invoices as invoice
    on span.account_id = invoice.account_id
    and span.client_id = invoice.client_id
    and month.month_start = invoice.month_start
),

years as (
  select
    *,
    sum(revenue) over (
      partition by account_id, client_id
      order by month_index nulls first
      rows between 11 preceding and current row
    ) as revenue_in_12_months
  from months
),

final as (
  select
    *,
    case
      when sum(revenue) over (partition by account_id, currency, month_start) > 0
        then revenue / sum(revenue) over (partition by account_id, currency, month_start)
    end as revenue_share,
    case
      when sum(revenue_in_12_months) over (partition by account_id, currency, month_start) > 0
        then revenue_in_12_months / sum(revenue_in_12_months) over (partition by account_id, currency, month_start)
    end as revenue_share_in_12_months
  from years
)

select * from final
