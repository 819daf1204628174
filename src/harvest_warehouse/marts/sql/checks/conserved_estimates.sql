-- one row per account whose estimates are not all in mart_estimate_pipeline
with above as (
  select
    account_id,
    count(*) as estimates,
    sum(coalesce(amount, 0)) as amount
  from stg_estimates
  group by account_id
),

below as (
  select
    account_id,
    count(*) as estimates,
    sum(amount) as amount
  from mart_estimate_pipeline
  group by account_id
)

select
  coalesce(above.account_id, below.account_id) as account_id,
  above.estimates as estimates_before,
  below.estimates as estimates_after,
  above.amount as amount_before,
  below.amount as amount_after
from above
full outer join below
  on above.account_id = below.account_id
where
  coalesce(above.estimates, 0) <> coalesce(below.estimates, 0)
  or coalesce(above.amount, 0) <> coalesce(below.amount, 0)
