-- one row per client
select
  account_id,
  id as client_id,
  name as client_name,
  currency,
  is_active
from raw.clients
