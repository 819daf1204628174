-- one row per fixed fee project whose months do not add up to its fee, or to what was invoiced where that is more
with sums as (
  select
    account_id,
    project_id,
    currency,
    max(project_revenue) as project_revenue,
    sum(revenue) as revenue
  from mart_fixed_fee_revenue_monthly
  group by
    account_id,
    project_id,
    currency
)

select
  sums.account_id,
  sums.project_id,
  sums.project_revenue,
  sums.revenue
from sums
left join stg_whole_currencies as whole
  on sums.currency = whole.currency
where
  sums.revenue <> case
    when whole.currency is not null then cast(round(sums.project_revenue, 0) as decimal(38, 9))
    else cast(round(sums.project_revenue, 2) as decimal(38, 9))
  end
