-- one row per project and kind of line whose lines do not add up to the time that was spent
with above as (
  select
    budget.account_id,
    budget.project_id,
    kinds.line_kind,
    budget.budget_spent - coalesce(expenses.amount, 0) as spent
  from mart_project_budget as budget
  cross join (
    select 'task' as line_kind
    union all
    select 'person' as line_kind
  ) as kinds
  left join (
    select
      expense.account_id,
      expense.project_id,
      sum(expense.amount) as amount
    from fct_expense as expense
    inner join dim_project as project
      on expense.account_id = project.account_id
      and expense.project_id = project.project_id
    inner join dim_date as day
      on expense.account_id = day.account_id
      and expense.spent_date = day.date_day
    inner join dim_date as today
      on expense.account_id = today.account_id
      and today.is_as_of_date
    where
      project.budget_by = 'project_cost'
      and project.cost_budget_include_expenses
      and (not project.budget_is_monthly or day.month_index = today.month_index)
    group by
      expense.account_id,
      expense.project_id
  ) as expenses
    on budget.account_id = expenses.account_id
    and budget.project_id = expenses.project_id
),

below as (
  select
    account_id,
    project_id,
    line_kind,
    sum(spent) as spent
  from mart_project_budget_line
  group by
    account_id,
    project_id,
    line_kind
)

select
  coalesce(above.account_id, below.account_id) as account_id,
  coalesce(above.project_id, below.project_id) as project_id,
  coalesce(above.line_kind, below.line_kind) as line_kind,
  above.spent as spent_before,
  below.spent as spent_after
from above
full outer join below
  on above.account_id = below.account_id
  and above.project_id = below.project_id
  and above.line_kind = below.line_kind
where
  coalesce(above.spent, 0) <> coalesce(below.spent, 0)
