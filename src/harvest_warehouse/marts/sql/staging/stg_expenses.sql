-- one row per expense
select
  account_id,
  id as expense_id,
  spent_date,
  user__id as user_id,
  user__name as user_name,
  client__id as client_id,
  client__name as client_name,
  client__currency as client_currency,
  project__id as project_id,
  project__name as project_name,
  project__code as project_code,
  expense_category__id as expense_category_id,
  expense_category__name as expense_category_name,
  invoice__id as invoice_id,
  total_cost,
  is_closed,
  approval_status,
  is_billed,
  billable as is_billable,
  reimbursement as is_reimbursement,
  updated_at
from raw.expenses
