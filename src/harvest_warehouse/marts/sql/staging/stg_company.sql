-- one row per account
select
  account_id,
  name as account_name,
  currency,
  week_start_day,
  weekly_capacity,
  approval_feature as has_approval,
  expense_feature as has_expenses,
  invoice_feature as has_invoices
from raw.company
