-- one row per person
with worked as (
  select
    account_id,
    user_id,
    min(first_entry_date) as first_entry_date
  from int_work
  group by
    account_id,
    user_id
),

-- leave may be planned for days after somebody has left
last_work as (
  select
    entry.account_id,
    entry.user_id,
    max(entry.spent_date) as last_worked_date
  from stg_time_entries as entry
  inner join stg_today as today
    on entry.account_id = today.account_id
  left join dim_task as task
    on entry.account_id = task.account_id
    and entry.task_id = task.task_id
  where
    not coalesce(task.is_time_off, false)
    and entry.spent_date <= today.date_day
  group by
    entry.account_id,
    entry.user_id
),

mentioned as (
  select
    account_id,
    user_id,
    max(user_name) as user_name
  from int_unlisted_work
  where user_id is not null
  group by
    account_id,
    user_id
),

first_roles as (
  select
    account_id,
    parent_row_id,
    min(role_name) as role_name
  from stg_user_roles
  where list_position = 0
  group by
    account_id,
    parent_row_id
),

people as (
  select
    person.account_id,
    person.user_id,
    nullif(trim(coalesce(person.first_name, '') || ' ' || coalesce(person.last_name, '')), '') as person_name,
    person.email,
    first_roles.role_name,
    coalesce(person.is_active, true) as is_active,
    true as is_listed,
    coalesce(person.is_contractor, false) as is_contractor,
    cast(coalesce(person.weekly_capacity, 0) / 3600 as decimal(38, 9)) as weekly_capacity_hours,
    person.default_hourly_rate,
    person.cost_rate,
    cast(person.created_at as date) as created_on
  from stg_users as person
  left join first_roles
    on person.account_id = first_roles.account_id
    and person.row_id = first_roles.parent_row_id
  union all
  select
    mentioned.account_id,
    mentioned.user_id,
    mentioned.user_name as person_name,
    cast(null as text) as email,
    cast(null as text) as role_name,
    false as is_active,
    false as is_listed,
    false as is_contractor,
    cast(0 as decimal(38, 9)) as weekly_capacity_hours,
    cast(null as decimal(38, 9)) as default_hourly_rate,
    cast(null as decimal(38, 9)) as cost_rate,
    cast(null as date) as created_on
  from mentioned
  left join stg_users as listed
    on mentioned.account_id = listed.account_id
    and mentioned.user_id = listed.user_id
  where listed.user_id is null
),

final as (
  select
    person.account_id,
    person.user_id,
    coalesce(person.person_name, 'Person ' || cast(person.user_id as text)) as person_name,
    person.email,
    person.role_name,
    person.is_active,
    person.is_listed,
    person.is_contractor,
    person.weekly_capacity_hours,
    person.default_hourly_rate,
    person.cost_rate,
    coalesce(
      of_id.target_utilisation,
      of_name.target_utilisation,
      of_role.target_utilisation,
      account.target_utilisation
    ) as target_utilisation,
    case
      when worked.first_entry_date < person.created_on then worked.first_entry_date
      else coalesce(person.created_on, worked.first_entry_date)
    end as span_start,
    case
      when person.is_active then account.as_of_date
      else last_work.last_worked_date
    end as span_end
  from people as person
  left join worked
    on person.account_id = worked.account_id
    and person.user_id = worked.user_id
  left join last_work
    on person.account_id = last_work.account_id
    and person.user_id = last_work.user_id
  left join dim_account as account
    on person.account_id = account.account_id
  left join cfg_target as of_id
    on cast(person.user_id as text) = of_id.who
  left join cfg_target as of_name
    on lower(person.person_name) = of_name.who
  left join cfg_target as of_role
    on lower(trim(person.role_name)) = of_role.who
)

select * from final
