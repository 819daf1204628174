-- one row per fixed fee project whose months do not add up to its fee, or to what was invoiced where that is more
select
  account_id,
  project_id,
  max(project_revenue) as project_revenue,
  sum(revenue) as revenue
from mart_fixed_fee_revenue_monthly
group by
  account_id,
  project_id
having sum(revenue) <> round(max(project_revenue), 2)
