-- Hours by entry with the names of people, tasks, projects and clients, from Stitch's tables.
-- Stitch can leave several versions of a row: the one of the last batch counts. A task is reached through the person's projects.
with time_entries as (
    select *
    from (
        select *, max(_sdc_batched_at) over (partition by id) as last_batched_at
        from {{ source('stitch_harvest', 'time_entries') }}
    ) as versions
    where _sdc_batched_at = last_batched_at
),

project_tasks as (
    select id, project_id, task_id from {{ source('stitch_harvest', 'project_tasks') }}
),

user_project_tasks as (
    select user_id, project_task_id from {{ source('stitch_harvest', 'user_project_tasks') }}
)

select
    time_entries.id as timesheet_id,
    cast(time_entries.spent_date as date) as billing_date,
    users.first_name || ' ' || users.last_name as user_name,
    clients.name as client_name,
    projects.name as project_name,
    tasks.name as task_name,
    time_entries.hours,
    time_entries.hours * case when time_entries.billable then coalesce(time_entries.billable_rate, 0) else 0 end as billable_amount
from time_entries
left join user_project_tasks
    on time_entries.user_id = user_project_tasks.user_id and time_entries.task_assignment_id = user_project_tasks.project_task_id
left join project_tasks on user_project_tasks.project_task_id = project_tasks.id
left join {{ source('stitch_harvest', 'tasks') }} as tasks on project_tasks.task_id = tasks.id
left join {{ source('stitch_harvest', 'users') }} as users on time_entries.user_id = users.id
left join {{ source('stitch_harvest', 'projects') }} as projects on time_entries.project_id = projects.id
left join {{ source('stitch_harvest', 'clients') }} as clients on time_entries.client_id = clients.id
