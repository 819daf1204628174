-- one row per account that has rows in any of the lists that hold no parent
select account_id
from every.company
where account_id is not null
union
select account_id
from every.users
where account_id is not null
union
select account_id
from every.clients
where account_id is not null
union
select account_id
from every.projects
where account_id is not null
union
select account_id
from every.time_entries
where account_id is not null
