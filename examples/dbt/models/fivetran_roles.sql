-- Hours by role, from Fivetran's tables.
select role.name as role_name, count(distinct users.id) as people, sum(time_entry.rounded_hours) as hours
from {{ source('fivetran_harvest', 'role') }} as role
inner join {{ source('fivetran_harvest', 'role_user') }} as role_user on role_user.role_id = role.id
inner join {{ source('fivetran_harvest', 'users') }} as users on users.id = role_user.role_user_id
left join {{ ref('fivetran_time_entry_latest') }} as time_entry on time_entry.user_id = users.id
group by 1
