-- one row per project with a monthly budget, and month from its start to its end or last use, or to now
with used as (
  select
    account_id,
    project_id,
    month_index,
    sum(spent) as used
  from int_budget_day
  group by
    account_id,
    project_id,
    month_index
),

uses as (
  select
    account_id,
    project_id,
    min(month_index) as month_index,
    max(month_index) as last_month_index
  from used
  group by
    account_id,
    project_id
),

retainers as (
  select
    project.account_id,
    project.project_id,
    project.project_name,
    project.client_id,
    project.client_name,
    project.currency,
    project.is_active,
    project.budget_unit,
    budget.budget,
    starts.month_index as first_budget_index,
    ends.month_index as last_budget_index,
    case
      when uses.month_index < starts.month_index then uses.month_index
      else coalesce(starts.month_index, uses.month_index)
    end as first_month_index,
    case
      when ends.month_index >= today.month_index or uses.last_month_index >= today.month_index
        then today.month_index
      when ends.month_index < uses.last_month_index then uses.last_month_index
      when ends.month_index is null and not project.is_active
        then coalesce(uses.last_month_index, starts.month_index)
      else coalesce(ends.month_index, today.month_index)
    end as last_month_index
  from int_project_budget as budget
  inner join dim_project as project
    on budget.account_id = project.account_id
    and budget.project_id = project.project_id
  inner join stg_today as today
    on project.account_id = today.account_id
  left join uses
    on project.account_id = uses.account_id
    and project.project_id = uses.project_id
  left join dim_date as starts
    on project.account_id = starts.account_id
    and project.effective_starts_on = starts.date_day
  left join dim_date as ends
    on project.account_id = ends.account_id
    and project.ends_on = ends.date_day
  where
    project.budget_is_monthly
    and budget.budget is not null
),

months as (
  select
    retainer.account_id,
    retainer.project_id,
    retainer.project_name,
    retainer.client_id,
    retainer.client_name,
    retainer.currency,
    retainer.is_active,
    retainer.budget_unit,
    month.month_start,
    month.is_complete_month,
    case
      when month.month_index < retainer.first_budget_index or month.month_index > retainer.last_budget_index then 0
      else retainer.budget
    end as budget,
    coalesce(used.used, 0) as used
  from retainers as retainer
  inner join int_month as month
    on retainer.account_id = month.account_id
    and month.month_index between retainer.first_month_index and retainer.last_month_index
  left join used
    on retainer.account_id = used.account_id
    and retainer.project_id = used.project_id
    and month.month_index = used.month_index
),

final as (
  select
    *,
    cast(budget - used as decimal(38, 9)) as unused,
    sum(budget - used) over (
      partition by account_id, project_id
      order by month_start nulls first
      rows between unbounded preceding and current row
    ) as rolling_balance
  from months
)

select * from final
