-- one row per person, project, task and month with time
with work as (
  select
    entry.account_id,
    entry.user_id,
    entry.project_id,
    entry.task_id,
    day.month_start,
    sum(entry.tracked_hours) as tracked_hours,
    sum(entry.hours) as hours,
    sum(entry.billable_hours) as billable_hours,
    sum(entry.value_at_rates) as value_at_rates,
    sum(entry.billable_amount) as time_revenue,
    sum(entry.labour_cost) as labour_cost
  from fct_time_entry as entry
  inner join dim_date as day
    on entry.account_id = day.account_id
    and entry.spent_date = day.date_day
  group by
    entry.account_id,
    entry.user_id,
    entry.project_id,
    entry.task_id,
    day.month_start
),

shares as (
  select
    *,
    sum(value_at_rates) over (partition by account_id, project_id, month_start) as value_of_project,
    sum(hours) over (partition by account_id, project_id, month_start) as hours_of_project
  from work
),

revenues as (
  select
    share.account_id,
    share.user_id,
    share.project_id,
    share.task_id,
    share.month_start,
    share.tracked_hours,
    share.hours,
    share.billable_hours,
    share.value_at_rates,
    share.labour_cost,
    -- a share has no end: rounded, so that every database has the same
    cast(
      round(
        cast(
          share.time_revenue + case
            when fee.revenue is null then 0
            when share.value_of_project > 0 then fee.revenue * share.value_at_rates / share.value_of_project
            when share.hours_of_project > 0 then fee.revenue * share.hours / share.hours_of_project
            else 0
          end
          as decimal(38, 9)
        ),
        4
      )
      as decimal(38, 9)
    ) as revenue
  from shares as share
  left join mart_fixed_fee_revenue_monthly as fee
    on share.account_id = fee.account_id
    and share.project_id = fee.project_id
    and share.month_start = fee.month_start
),

final as (
  select
    revenue.account_id,
    revenue.user_id,
    person.person_name,
    person.role_name,
    person.is_contractor,
    revenue.project_id,
    project.project_name,
    project.client_id,
    project.client_name,
    project.currency,
    project.project_type,
    revenue.task_id,
    task.task_name,
    revenue.month_start,
    month.is_complete_month,
    revenue.tracked_hours,
    revenue.hours,
    revenue.billable_hours,
    revenue.value_at_rates,
    revenue.revenue,
    revenue.labour_cost,
    case when project.is_home_currency then cast(revenue.revenue - revenue.labour_cost as decimal(38, 9)) end
      as labour_margin
  from revenues as revenue
  left join dim_person as person
    on revenue.account_id = person.account_id
    and revenue.user_id = person.user_id
  left join dim_project as project
    on revenue.account_id = project.account_id
    and revenue.project_id = project.project_id
  left join dim_task as task
    on revenue.account_id = task.account_id
    and revenue.task_id = task.task_id
  left join dim_date as month
    on revenue.account_id = month.account_id
    and revenue.month_start = month.date_day
)

select * from final
