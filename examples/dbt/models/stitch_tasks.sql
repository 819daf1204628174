-- Hours by project and task through the assignment, as a delivery board lists them, from Stitch's tables.
select
    project_tasks.id as project_task_id,
    projects.name as project_name,
    tasks.name as task_name,
    coalesce(sum(time_entries.hours), 0) as hours,
    max(time_entries.spent_date) as last_worked_on
from {{ source('stitch_harvest', 'project_tasks') }} as project_tasks
inner join {{ source('stitch_harvest', 'projects') }} as projects on projects.id = project_tasks.project_id
inner join {{ source('stitch_harvest', 'tasks') }} as tasks on tasks.id = project_tasks.task_id
left join {{ source('stitch_harvest', 'time_entries') }} as time_entries on time_entries.task_assignment_id = project_tasks.id
group by 1, 2, 3
