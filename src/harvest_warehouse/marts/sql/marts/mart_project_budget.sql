-- one row per budgeted project
with spending as (
  select
    spent.account_id,
    spent.project_id,
    sum(case when not project.budget_is_monthly or spent.month_index = today.month_index then spent.spent else 0 end)
      as budget_spent,
    sum(
      case when spent.week_index between today.week_index - 4 and today.week_index - 1 then spent.spent else 0 end
    ) as spent_in_four_weeks,
    min(case when spent.spent <> 0 then spent.week_index end) as first_week_index,
    max(today.week_index) as week_index
  from int_budget_day as spent
  inner join dim_project as project
    on spent.account_id = project.account_id
    and spent.project_id = project.project_id
  inner join stg_today as today
    on spent.account_id = today.account_id
  group by
    spent.account_id,
    spent.project_id
),

budgets as (
  select
    project.account_id,
    project.project_id,
    project.project_name,
    project.client_id,
    project.client_name,
    project.currency,
    project.is_active,
    project.project_type,
    project.budget_by,
    project.budget_unit,
    project.budget_is_monthly,
    project.starts_on,
    project.ends_on,
    budget.budget,
    coalesce(spending.budget_spent, 0) as budget_spent,
    coalesce(spending.spent_in_four_weeks, 0) as spent_in_four_weeks,
    case
      when spending.first_week_index is null or spending.first_week_index <= spending.week_index - 4 then 4
      when spending.first_week_index >= spending.week_index then 0
      else spending.week_index - spending.first_week_index
    end as weeks_seen,
    case when project.budget_is_monthly then today.month_end else project.ends_on end as forecast_until,
    case
      when project.budget_is_monthly then month_end.day_number - today.day_number
      when project_end.day_number < today.day_number then 0
      else project_end.day_number - today.day_number
    end as days_left
  from int_project_budget as budget
  inner join dim_project as project
    on budget.account_id = project.account_id
    and budget.project_id = project.project_id
  inner join stg_today as today
    on budget.account_id = today.account_id
  inner join dim_date as month_end
    on today.account_id = month_end.account_id
    and today.month_end = month_end.date_day
  left join dim_date as project_end
    on project.account_id = project_end.account_id
    and project.ends_on = project_end.date_day
  left join spending
    on budget.account_id = spending.account_id
    and budget.project_id = spending.project_id
),

forecasts as (
  select
    *,
    cast(budget - budget_spent as decimal(38, 9)) as budget_remaining,
    case when budget > 0 then budget_spent / budget end as spent_share,
    case when weeks_seen > 0 then cast(spent_in_four_weeks / weeks_seen as decimal(38, 9)) end as weekly_burn,
    case
      when spent_in_four_weeks > 0 then (budget - budget_spent) * weeks_seen / spent_in_four_weeks
    end as weeks_of_budget_left,
    case
      when days_left is null then null
      when weeks_seen > 0
        then cast(budget_spent + spent_in_four_weeks * days_left / (7 * weeks_seen) as decimal(38, 9))
    end as estimate_at_completion
  from budgets
),

final as (
  select
    account_id,
    project_id,
    project_name,
    client_id,
    client_name,
    currency,
    is_active,
    project_type,
    budget_by,
    budget_unit,
    budget_is_monthly,
    starts_on,
    ends_on,
    budget,
    budget_spent,
    budget_remaining,
    spent_share,
    weeks_seen,
    weekly_burn,
    weeks_of_budget_left,
    forecast_until,
    estimate_at_completion,
    case
      when budget is null then 'no_budget_value'
      when budget_spent > budget then 'over'
      when estimate_at_completion > budget then 'forecast_over'
      when budget_spent >= budget * 0.8 and budget_spent > 0 then 'watch'
      else 'ok'
    end as status
  from forecasts
)

select * from final
