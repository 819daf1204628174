-- one row per account that has rows in any of the lists that hold no parent
select account_id
from raw.company
where account_id is not null
union
select account_id
from raw.users
where account_id is not null
union
select account_id
from raw.clients
where account_id is not null
union
select account_id
from raw.projects
where account_id is not null
union
select account_id
from raw.time_entries
where account_id is not null
