-- one row per account that has rows in any of the lists that hold no parent
select account_id
from raw.company
union
select account_id
from raw.users
union
select account_id
from raw.clients
union
select account_id
from raw.projects
union
select account_id
from raw.time_entries
