-- Clients by name, with how many contacts they have and how many of their projects are open, from Stitch's tables.
select
    clients.name as company_name,
    min(clients.id) as client_id,
    bool_or(clients.is_active) as is_active,
    count(distinct contacts.id) as contacts,
    count(distinct case when projects.is_active then projects.id end) as open_projects
from {{ source('stitch_harvest', 'clients') }} as clients
left join {{ source('stitch_harvest', 'contacts') }} as contacts on contacts.client_id = clients.id
left join {{ source('stitch_harvest', 'projects') }} as projects on projects.client_id = clients.id
group by 1
