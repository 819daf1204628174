-- one row per budgeted project
with by_week as (
  select
    account_id,
    project_id,
    week_index,
    sum(spent) as spent
  from int_budget_day
  group by
    account_id,
    project_id,
    week_index
),

-- the range of the last eight complete weeks since the first use: a week without a row is one of zero
burn as (
  select
    week.account_id,
    week.project_id,
    min(week.spent) as lowest,
    max(week.spent) as highest,
    count(*) as weeks_with_rows
  from by_week as week
  inner join stg_today as today
    on week.account_id = today.account_id
  where week.week_index between today.week_index - 8 and today.week_index - 1
  group by
    week.account_id,
    week.project_id
),

-- what an hour of the budget was worth so far
worth as (
  select
    account_id,
    project_id,
    case when sum(hours) > 0 then sum(value_at_rates) / sum(hours) end as an_hour
  from fct_time_entry
  where is_budgeted
  group by
    account_id,
    project_id
),

spending as (
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
    case
      when spending.first_week_index is null or spending.first_week_index <= spending.week_index - 8 then 8
      when spending.first_week_index >= spending.week_index then 0
      else spending.week_index - spending.first_week_index
    end as weeks_of_range,
    coalesce(burn.weeks_with_rows, 0) as weeks_with_rows,
    coalesce(burn.lowest, 0) as lowest,
    coalesce(burn.highest, 0) as highest,
    worth.an_hour,
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
  left join burn
    on budget.account_id = burn.account_id
    and budget.project_id = burn.project_id
  left join worth
    on budget.account_id = worth.account_id
    and budget.project_id = worth.project_id
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
    end as estimate_at_completion,
    case
      when weeks_of_range = 0 then null
      when weeks_with_rows < weeks_of_range then least(lowest, 0)
      else lowest
    end as lowest_weekly_burn,
    case
      when weeks_of_range = 0 then null
      when weeks_with_rows < weeks_of_range then greatest(highest, 0)
      else highest
    end as highest_weekly_burn,
    case
      when budget is null or not is_active or days_left = 0 then null
      else greatest(budget - budget_spent, 0)
    end as backlog
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
    cast(lowest_weekly_burn as decimal(38, 9)) as lowest_weekly_burn,
    cast(highest_weekly_burn as decimal(38, 9)) as highest_weekly_burn,
    case when highest_weekly_burn > 0 then budget_remaining / highest_weekly_burn end as fewest_weeks_left,
    case when lowest_weekly_burn > 0 then budget_remaining / lowest_weekly_burn end as most_weeks_left,
    forecast_until,
    estimate_at_completion,
    cast(backlog as decimal(38, 9)) as backlog,
    case
      when project_type <> 'time_and_materials' then null
      when budget_unit = 'money' then cast(backlog as decimal(38, 9))
      else cast(backlog * an_hour as decimal(38, 9))
    end as backlog_amount,
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
