-- one row per kind of invoice line
select
  account_id,
  name as kind,
  max(case when use_as_expense and not coalesce(use_as_service, false) then 1 else 0 end) = 1 as is_expense
from raw.invoice_item_categories
where name is not null
group by
  account_id,
  name
