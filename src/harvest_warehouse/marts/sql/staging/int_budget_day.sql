-- one row per budgeted project and day on which something counted to its budget, in the budget's unit
with time_entries as (
  select
    account_id,
    project_id,
    spent_date,
    sum(hours) as hours,
    sum(value_at_rates) as money
  from fct_time_entry
  where is_budgeted
  group by
    account_id,
    project_id,
    spent_date
),

expenses as (
  select
    account_id,
    project_id,
    spent_date,
    sum(amount) as money
  from fct_expense
  group by
    account_id,
    project_id,
    spent_date
),

spendings as (
  select
    project.account_id,
    project.project_id,
    time_entries.spent_date,
    case when project.budget_unit = 'hours' then time_entries.hours else time_entries.money end as spent
  from dim_project as project
  inner join time_entries
    on project.account_id = time_entries.account_id
    and project.project_id = time_entries.project_id
  where project.budget_unit is not null
  union all
  select
    project.account_id,
    project.project_id,
    expenses.spent_date,
    expenses.money as spent
  from dim_project as project
  inner join expenses
    on project.account_id = expenses.account_id
    and project.project_id = expenses.project_id
  where
    project.budget_by = 'project_cost'
    and project.cost_budget_include_expenses
),

final as (
  select
    spending.account_id,
    spending.project_id,
    spending.spent_date,
    day.week_index,
    day.month_start,
    day.month_index,
    sum(spending.spent) as spent
  from spendings as spending
  inner join dim_date as day
    on spending.account_id = day.account_id
    and spending.spent_date = day.date_day
  group by
    spending.account_id,
    spending.project_id,
    spending.spent_date,
    day.week_index,
    day.month_start,
    day.month_index
)

select * from final
