-- one row per project and age of what is not yet billed; the rest of a fixed fee has the age 'fee', work dated later 'future'
with items as (
  select
    account_id,
    project_id,
    spent_date,
    sum(uninvoiced_hours) as uninvoiced_hours,
    sum(uninvoiced_amount) as time_amount,
    0 as expense_amount
  from fct_time_entry
  where
    project_type = 'time_and_materials'
    and is_billable
    and not is_billed
  group by
    account_id,
    project_id,
    spent_date
  union all
  select
    account_id,
    project_id,
    spent_date,
    0 as uninvoiced_hours,
    0 as time_amount,
    sum(uninvoiced_amount) as expense_amount
  from fct_expense
  where
    project_type in ('time_and_materials', 'fixed_fee')
    and is_billable
    and not is_billed
  group by
    account_id,
    project_id,
    spent_date
),

aged_items as (
  select
    item.account_id,
    item.project_id,
    case
      when today.day_number < day.day_number then 'future'
      when today.day_number - day.day_number <= 30 then '0-30'
      when today.day_number - day.day_number <= 60 then '31-60'
      when today.day_number - day.day_number <= 90 then '61-90'
      else '90+'
    end as age_bucket,
    item.spent_date,
    item.uninvoiced_hours,
    item.time_amount,
    item.expense_amount
  from items as item
  inner join stg_today as today
    on item.account_id = today.account_id
  inner join dim_date as day
    on item.account_id = day.account_id
    and item.spent_date = day.date_day
),

buckets as (
  select
    account_id,
    project_id,
    age_bucket,
    min(spent_date) as oldest_date,
    sum(uninvoiced_hours) as uninvoiced_hours,
    sum(time_amount) as time_amount,
    sum(expense_amount) as expense_amount,
    cast(0 as decimal(38, 9)) as fee_amount
  from aged_items
  group by
    account_id,
    project_id,
    age_bucket
  union all
  select
    project.account_id,
    project.project_id,
    'fee' as age_bucket,
    project.effective_starts_on as oldest_date,
    cast(0 as decimal(38, 9)) as uninvoiced_hours,
    cast(0 as decimal(38, 9)) as time_amount,
    cast(0 as decimal(38, 9)) as expense_amount,
    cast(project.fee - coalesce(invoiced.invoiced_amount, 0) as decimal(38, 9)) as fee_amount
  from dim_project as project
  inner join stg_today as today
    on project.account_id = today.account_id
  left join int_invoiced as invoiced
    on project.account_id = invoiced.account_id
    and project.project_id = invoiced.project_id
  where
    project.project_type = 'fixed_fee'
    and project.fee is not null
    and project.effective_starts_on <= today.date_day
    and project.fee <> coalesce(invoiced.invoiced_amount, 0)
),

final as (
  select
    bucket.account_id,
    bucket.project_id,
    project.project_name,
    project.client_id,
    project.client_name,
    project.currency,
    project.project_type,
    project.is_active,
    bucket.age_bucket,
    bucket.oldest_date,
    bucket.uninvoiced_hours,
    bucket.time_amount,
    bucket.expense_amount,
    cast(bucket.time_amount + bucket.expense_amount + bucket.fee_amount as decimal(38, 9)) as uninvoiced_amount
  from buckets as bucket
  inner join dim_project as project
    on bucket.account_id = project.account_id
    and bucket.project_id = project.project_id
)

select * from final
