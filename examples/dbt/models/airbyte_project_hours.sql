-- Hours and billable amount by project and month, from Airbyte's tables, where an object is a JSON column.
select
    cast(json_extract_string(project, '$.id') as bigint) as project_id,
    json_extract_string(client, '$.name') as client_name,
    date_trunc('month', spent_date) as month_start,
    sum(rounded_hours) as hours,
    sum(case when billable then rounded_hours * coalesce(billable_rate, 0) else 0 end) as billable_amount
from {{ source('airbyte_harvest', 'time_entries') }}
group by 1, 2, 3
