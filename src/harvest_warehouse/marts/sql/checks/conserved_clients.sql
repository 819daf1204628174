-- one row per client whose revenue in mart_client_monthly is not that of its projects
with above as (
  select
    account_id,
    client_id,
    sum(hours) as hours,
    sum(revenue) as revenue
  from mart_project_profitability_monthly
  group by
    account_id,
    client_id
),

below as (
  select
    account_id,
    client_id,
    sum(hours) as hours,
    sum(revenue) as revenue
  from mart_client_monthly
  group by
    account_id,
    client_id
)

select
  coalesce(above.account_id, below.account_id) as account_id,
  coalesce(above.client_id, below.client_id) as client_id,
  above.hours as hours_before,
  below.hours as hours_after,
  above.revenue as revenue_before,
  below.revenue as revenue_after
from above
full outer join below
  on above.account_id = below.account_id
  and above.client_id = below.client_id
where
  coalesce(above.hours, 0) <> coalesce(below.hours, 0)
  or coalesce(above.revenue, 0) <> coalesce(below.revenue, 0)
