-- one row per person, kind of rate and dated rate
with rates as (
  select
    account_id,
    user_id,
    'billable' as rate_kind,
    rate_id,
    amount,
    start_date,
    end_date
  from stg_billable_rates
  union all
  select
    account_id,
    user_id,
    'cost' as rate_kind,
    rate_id,
    amount,
    start_date,
    end_date
  from stg_cost_rates
),

final as (
  select
    account_id,
    user_id,
    rate_kind,
    rate_id,
    amount,
    coalesce(start_date, cast('1900-01-01' as date)) as valid_from,
    coalesce(end_date, cast('9999-12-31' as date)) as valid_to
  from rates
)

select * from final
