-- one row per account, person, client, project and task that time or expenses were recorded for
with time_entries as (
  select
    account_id,
    user_id,
    client_id,
    project_id,
    task_id,
    max(user_name) as user_name,
    max(client_name) as client_name,
    max(client_currency) as client_currency,
    max(project_name) as project_name,
    max(project_code) as project_code,
    max(task_name) as task_name,
    min(spent_date) as first_entry_date,
    max(spent_date) as last_entry_date
  from stg_time_entries
  group by
    account_id,
    user_id,
    client_id,
    project_id,
    task_id
),

expenses as (
  select
    account_id,
    user_id,
    client_id,
    project_id,
    cast(null as bigint) as task_id,
    max(user_name) as user_name,
    max(client_name) as client_name,
    max(client_currency) as client_currency,
    max(project_name) as project_name,
    max(project_code) as project_code,
    cast(null as text) as task_name,
    cast(null as date) as first_entry_date,
    cast(null as date) as last_entry_date
  from stg_expenses
  group by
    account_id,
    user_id,
    client_id,
    project_id
),

final as (
  select * from time_entries
  union all
  select * from expenses
)

select * from final
