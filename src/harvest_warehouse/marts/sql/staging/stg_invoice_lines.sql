-- one row per invoice line
select
  account_id,
  id as invoice_line_id,
  project__id as project_id,
  project__name as project_name,
  project__code as project_code,
  kind,
  description,
  quantity,
  unit_price,
  amount,
  _dlt_parent_id as parent_row_id
from raw.invoices__line_items
