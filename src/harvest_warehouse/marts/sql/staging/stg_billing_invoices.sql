-- one row per invoice that bills time or expenses
select
  account_id,
  invoice_id
from (
  select
    account_id,
    invoice__id as invoice_id
  from raw.time_entries
  where invoice__id is not null
  union
  select
    account_id,
    invoice__id as invoice_id
  from raw.expenses
  where invoice__id is not null
) as found
