-- Projects with their budget, their fee, and who may work on them, from Stitch's tables, where days of projects are text.
select
    projects.id as project_id,
    projects.name as project_name,
    clients.name as client_name,
    cast(projects.starts_on as date) as starts_on,
    cast(projects.ends_on as date) as ends_on,
    case when projects.is_fixed_fee then projects.fee end as fee,
    coalesce(projects.cost_budget, projects.budget) as budget,
    count(distinct project_users.user_id) as people,
    count(distinct project_tasks.task_id) as tasks
from {{ source('stitch_harvest', 'projects') }} as projects
left join {{ source('stitch_harvest', 'clients') }} as clients on clients.id = projects.client_id
left join {{ source('stitch_harvest', 'project_users') }} as project_users on project_users.project_id = projects.id
left join {{ source('stitch_harvest', 'project_tasks') }} as project_tasks on project_tasks.project_id = projects.id
group by 1, 2, 3, 4, 5, 6, 7
