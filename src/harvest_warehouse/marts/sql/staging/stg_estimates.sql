-- one row per estimate
select
  account_id,
  id as estimate_id,
  number as estimate_number,
  client__id as client_id,
  client__name as client_name,
  subject,
  currency,
  state,
  issue_date,
  amount,
  tax_amount,
  tax2_amount,
  sent_at,
  accepted_at,
  declined_at
from raw.estimates
