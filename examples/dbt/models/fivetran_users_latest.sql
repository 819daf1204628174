-- One row for each person, however many versions Fivetran captured: the one that was updated last.
select users.*
from {{ source('fivetran_harvest', 'users') }} as users
inner join (
    select id, max(updated_at) as updated_at from {{ source('fivetran_harvest', 'users') }} group by 1
) as newest on newest.id = users.id and newest.updated_at = users.updated_at
