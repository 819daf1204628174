-- Rounded hours by month, client and project, as a query on Fivetran's tables adds them up.
select
    date_trunc('month', cast(time_entry.spent_date as date)) as month_start,
    client.name as client_name,
    project.name as project_name,
    sum(time_entry.rounded_hours) as hours
from {{ source('fivetran_harvest', 'time_entry') }} as time_entry
left join {{ source('fivetran_harvest', 'project') }} as project on project.id = time_entry.project_id
left join {{ source('fivetran_harvest', 'client') }} as client on client.id = time_entry.client_id
group by 1, 2, 3
