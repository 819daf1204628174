-- one row per fixed fee project with a fee and a budget that is not monthly
with straight_line as (
  select
    account_id,
    project_id,
    sum(revenue_so_far) as earned
  from mart_fixed_fee_revenue_monthly
  group by
    account_id,
    project_id
),

invoiced as (
  select
    line.account_id,
    line.project_id,
    sum(line.line_amount_after_discount) as amount
  from fct_invoice_line as line
  inner join dim_project as project
    on line.account_id = project.account_id
    and line.project_id = project.project_id
    and line.currency = project.currency
  where
    line.state <> 'draft'
    and not line.is_deposit
  group by
    line.account_id,
    line.project_id
),

projects as (
  select
    budget.account_id,
    budget.project_id,
    budget.project_name,
    budget.client_id,
    budget.client_name,
    budget.currency,
    budget.is_active,
    budget.starts_on,
    budget.ends_on,
    project.fee,
    budget.budget_unit,
    budget.budget,
    budget.budget_spent,
    -- work in progress is not taken for cheaper than planned; what has ended took what it took
    case
      when not budget.is_active or ends.day_number < today.day_number then budget.budget_spent
      else greatest(budget.budget, budget.budget_spent, coalesce(budget.estimate_at_completion, 0))
    end as expected_total,
    straight_line.earned as earned_straight_line,
    coalesce(invoiced.amount, 0) as invoiced_amount
  from mart_project_budget as budget
  inner join dim_project as project
    on budget.account_id = project.account_id
    and budget.project_id = project.project_id
  inner join stg_today as today
    on budget.account_id = today.account_id
  left join dim_date as ends
    on budget.account_id = ends.account_id
    and budget.ends_on = ends.date_day
  left join straight_line
    on budget.account_id = straight_line.account_id
    and budget.project_id = straight_line.project_id
  left join invoiced
    on budget.account_id = invoiced.account_id
    and budget.project_id = invoiced.project_id
  where
    budget.project_type = 'fixed_fee'
    and not budget.budget_is_monthly
    and project.fee is not null
    and budget.budget is not null
),

progress as (
  select
    *,
    case when expected_total > 0 then budget_spent / expected_total end as share_done,
    case when expected_total > 0 then cast(fee * (budget_spent / expected_total) as decimal(38, 9)) end
      as earned_by_progress
  from projects
),

final as (
  select
    *,
    cast(invoiced_amount - earned_by_progress as decimal(38, 9)) as over_billed,
    cast(fee - earned_by_progress as decimal(38, 9)) as fee_left_to_earn
  from progress
)

select * from final
