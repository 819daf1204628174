-- one row per project and month in which it had time, expenses, revenue or invoices
with time_entries as (
  select
    entry.account_id,
    entry.project_id,
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
    entry.project_id,
    day.month_start
),

expenses as (
  select
    expense.account_id,
    expense.project_id,
    day.month_start,
    sum(expense.amount) as expense_cost,
    sum(case when expense.project_type = 'time_and_materials' then expense.billable_amount else 0 end)
      as expense_revenue
  from fct_expense as expense
  inner join dim_date as day
    on expense.account_id = day.account_id
    and expense.spent_date = day.date_day
  group by
    expense.account_id,
    expense.project_id,
    day.month_start
),

invoiced as (
  select
    line.account_id,
    line.project_id,
    day.month_start,
    sum(line.line_amount_after_discount) as invoiced_net
  from fct_invoice_line as line
  inner join dim_project as project
    on line.account_id = project.account_id
    and line.project_id = project.project_id
    and line.currency = project.currency
  inner join dim_date as day
    on line.account_id = day.account_id
    and line.issue_date = day.date_day
  where
    line.state in ('open', 'paid')
    and not line.is_deposit
  group by
    line.account_id,
    line.project_id,
    day.month_start
),

months as (
  select
    account_id,
    project_id,
    month_start
  from time_entries
  union
  select
    account_id,
    project_id,
    month_start
  from expenses
  union
  select
    account_id,
    project_id,
    month_start
  from mart_fixed_fee_revenue_monthly
  union
  select
    account_id,
    project_id,
    month_start
  from invoiced
),

latest_rates as (
  select
    months.account_id,
    months.project_id,
    months.month_start,
    max(rate.valid_from) as valid_from
  from months
  inner join dim_project as project
    on months.account_id = project.account_id
    and months.project_id = project.project_id
  inner join cfg_exchange_rate as rate
    on project.currency = rate.currency
    and rate.valid_from <= months.month_start
  group by
    months.account_id,
    months.project_id,
    months.month_start
),

measures as (
  select
    months.account_id,
    months.project_id,
    project.project_name,
    project.client_id,
    project.client_name,
    project.currency,
    project.project_type,
    project.is_active,
    project.is_home_currency,
    months.month_start,
    day.is_complete_month,
    case
      when project.is_home_currency then 1
      else rate.rate_to_home
    end as rate_to_home,
    coalesce(time_entries.tracked_hours, 0) as tracked_hours,
    coalesce(time_entries.hours, 0) as hours,
    coalesce(time_entries.billable_hours, 0) as billable_hours,
    coalesce(time_entries.value_at_rates, 0) as value_at_rates,
    coalesce(time_entries.time_revenue, 0) as time_revenue,
    coalesce(expenses.expense_revenue, 0) as expense_revenue,
    coalesce(fixed_fee.revenue, 0) as fixed_fee_revenue,
    coalesce(fixed_fee.revenue_so_far, 0) as fixed_fee_revenue_so_far,
    coalesce(time_entries.labour_cost, 0) as labour_cost,
    coalesce(expenses.expense_cost, 0) as expense_cost,
    coalesce(invoiced.invoiced_net, 0) as invoiced_net
  from months
  left join dim_project as project
    on months.account_id = project.account_id
    and months.project_id = project.project_id
  left join dim_date as day
    on months.account_id = day.account_id
    and months.month_start = day.date_day
  left join time_entries
    on months.account_id = time_entries.account_id
    and months.project_id = time_entries.project_id
    and months.month_start = time_entries.month_start
  left join expenses
    on months.account_id = expenses.account_id
    and months.project_id = expenses.project_id
    and months.month_start = expenses.month_start
  left join mart_fixed_fee_revenue_monthly as fixed_fee
    on months.account_id = fixed_fee.account_id
    and months.project_id = fixed_fee.project_id
    and months.month_start = fixed_fee.month_start
  left join invoiced
    on months.account_id = invoiced.account_id
    and months.project_id = invoiced.project_id
    and months.month_start = invoiced.month_start
  left join latest_rates
    on months.account_id = latest_rates.account_id
    and months.project_id = latest_rates.project_id
    and months.month_start = latest_rates.month_start
  left join cfg_exchange_rate as rate
    on project.currency = rate.currency
    and latest_rates.valid_from = rate.valid_from
),

revenues as (
  select
    *,
    cast(time_revenue + expense_revenue + fixed_fee_revenue as decimal(38, 9)) as revenue,
    cast(time_revenue + expense_revenue + fixed_fee_revenue_so_far as decimal(38, 9)) as revenue_so_far
  from measures
),

final as (
  select
    account_id,
    project_id,
    project_name,
    client_id,
    client_name,
    currency,
    project_type,
    is_active,
    is_home_currency,
    month_start,
    is_complete_month,
    tracked_hours,
    hours,
    billable_hours,
    value_at_rates,
    time_revenue,
    expense_revenue,
    fixed_fee_revenue,
    revenue,
    revenue_so_far,
    labour_cost,
    expense_cost,
    case when is_home_currency then cast(labour_cost + expense_cost as decimal(38, 9)) end as cost,
    case when is_home_currency then cast(revenue - labour_cost - expense_cost as decimal(38, 9)) end as margin,
    case when is_home_currency then cast(revenue_so_far - labour_cost - expense_cost as decimal(38, 9)) end
      as margin_so_far,
    invoiced_net,
    case when hours > 0 then (revenue - expense_revenue) / hours end as effective_rate,
    case when value_at_rates > 0 then (revenue - expense_revenue) / value_at_rates end as rate_realisation,
    sum(invoiced_net) over (
      partition by account_id, project_id
      order by month_start nulls first
      rows between unbounded preceding and current row
    ) as invoiced_net_to_date,
    sum(value_at_rates) over (
      partition by account_id, project_id
      order by month_start nulls first
      rows between unbounded preceding and current row
    ) as value_at_rates_to_date,
    cast(revenue * rate_to_home as decimal(38, 9)) as revenue_home,
    cast(labour_cost + expense_cost * rate_to_home as decimal(38, 9)) as cost_home,
    cast((revenue - expense_cost) * rate_to_home - labour_cost as decimal(38, 9)) as margin_home
  from revenues
)

select * from final
