-- one row per account and day that a record names
select
  account_id,
  spent_date as date_day
from raw.time_entries
where spent_date is not null
union
select
  account_id,
  spent_date as date_day
from raw.expenses
where spent_date is not null
union
select
  account_id,
  issue_date as date_day
from raw.invoices
where issue_date is not null
union
select
  account_id,
  due_date as date_day
from raw.invoices
where due_date is not null
union
select
  account_id,
  cast(closed_at as date) as date_day
from raw.invoices
where closed_at is not null
union
select
  account_id,
  coalesce(paid_date, cast(paid_at as date)) as date_day
from raw.invoice_payments
where coalesce(paid_date, cast(paid_at as date)) is not null
union
select
  account_id,
  issue_date as date_day
from raw.estimates
where issue_date is not null
union
select
  account_id,
  starts_on as date_day
from raw.projects
where starts_on is not null
union
select
  account_id,
  ends_on as date_day
from raw.projects
where ends_on is not null
union
select
  account_id,
  cast(created_at as date) as date_day
from raw.projects
where created_at is not null
union
select
  account_id,
  cast(created_at as date) as date_day
from raw.users
where created_at is not null
