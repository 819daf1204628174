-- one row per date of a record that the marts count by
select
  account_id,
  table_name,
  id,
  column_name,
  date_day
from (
  select
    account_id,
    'time_entries' as table_name,
    id,
    'spent_date' as column_name,
    spent_date as date_day
  from raw.time_entries
  where spent_date is not null
  union all
  select
    account_id,
    'expenses' as table_name,
    id,
    'spent_date' as column_name,
    spent_date as date_day
  from raw.expenses
  where spent_date is not null
  union all
  select
    account_id,
    'invoices' as table_name,
    id,
    'issue_date' as column_name,
    issue_date as date_day
  from raw.invoices
  where issue_date is not null
  union all
  select
    account_id,
    'invoices' as table_name,
    id,
    'due_date' as column_name,
    due_date as date_day
  from raw.invoices
  where due_date is not null
  union all
  select
    account_id,
    'invoices' as table_name,
    id,
    'closed_at' as column_name,
    cast(closed_at as date) as date_day
  from raw.invoices
  where cast(closed_at as date) is not null
  union all
  select
    account_id,
    'invoice_payments' as table_name,
    id,
    'paid_date' as column_name,
    coalesce(paid_date, cast(paid_at as date)) as date_day
  from raw.invoice_payments
  where coalesce(paid_date, cast(paid_at as date)) is not null
  union all
  select
    account_id,
    'estimates' as table_name,
    id,
    'issue_date' as column_name,
    issue_date as date_day
  from raw.estimates
  where issue_date is not null
  union all
  select
    account_id,
    'projects' as table_name,
    id,
    'starts_on' as column_name,
    starts_on as date_day
  from raw.projects
  where starts_on is not null
  union all
  select
    account_id,
    'projects' as table_name,
    id,
    'ends_on' as column_name,
    ends_on as date_day
  from raw.projects
  where ends_on is not null
  union all
  select
    account_id,
    'projects' as table_name,
    id,
    'created_at' as column_name,
    cast(created_at as date) as date_day
  from raw.projects
  where cast(created_at as date) is not null
  union all
  select
    account_id,
    'users' as table_name,
    id,
    'created_at' as column_name,
    cast(created_at as date) as date_day
  from raw.users
  where cast(created_at as date) is not null
) as dates
