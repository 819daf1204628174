-- one row per expense
with expenses as (
  select
    expense.account_id,
    expense.expense_id,
    expense.spent_date,
    expense.user_id,
    coalesce(project.client_id, expense.client_id) as client_id,
    expense.project_id,
    expense.expense_category_id,
    expense.expense_category_name,
    expense.invoice_id,
    project.currency,
    coalesce(project.project_type, 'unknown') as project_type,
    coalesce(expense.is_billable, false) as is_billable,
    coalesce(expense.is_billed, false) as is_billed,
    coalesce(expense.is_closed, false) as is_closed,
    coalesce(expense.is_reimbursement, false) as is_reimbursement,
    expense.approval_status,
    coalesce(expense.total_cost, 0) as amount,
    expense.updated_at
  from stg_expenses as expense
  left join dim_project as project
    on expense.account_id = project.account_id
    and expense.project_id = project.project_id
),

final as (
  select
    account_id,
    expense_id,
    spent_date,
    user_id,
    client_id,
    project_id,
    expense_category_id,
    expense_category_name,
    invoice_id,
    currency,
    project_type,
    is_billable,
    is_billed,
    is_closed,
    is_reimbursement,
    approval_status,
    amount,
    case when is_billable then amount else 0 end as billable_amount,
    case when is_billable and not is_billed then amount else 0 end as uninvoiced_amount,
    is_billed and invoice_id is null as is_marked_invoiced_by_hand,
    updated_at
  from expenses
)

select * from final
