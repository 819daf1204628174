-- one row per account, person, client, project and task that time or expenses were recorded for
with time_entries as (
  select
    account_id,
    user_id,
    client_id,
    project_id,
    task_id,
    min(spent_date) as first_entry_date
  from stg_time_entries
  group by
    account_id,
    user_id,
    client_id,
    project_id,
    task_id
),

expenses as (
  select distinct
    account_id,
    user_id,
    client_id,
    project_id,
    cast(null as bigint) as task_id,
    cast(null as date) as first_entry_date
  from stg_expenses
),

final as (
  select * from time_entries
  union all
  select * from expenses
)

select * from final
