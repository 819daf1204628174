-- one row per time entry
with entries as (
  select
    entry.account_id,
    entry.time_entry_id,
    entry.spent_date,
    entry.user_id,
    coalesce(project.client_id, entry.client_id) as client_id,
    entry.project_id,
    entry.task_id,
    entry.invoice_id,
    project.currency,
    coalesce(project.project_type, 'unknown') as project_type,
    coalesce(task.is_time_off, false) as is_time_off,
    coalesce(entry.is_billable, false) as is_billable,
    coalesce(entry.is_billed, false) as is_billed,
    coalesce(entry.is_budgeted, false) as is_budgeted,
    coalesce(entry.is_running, false) as is_running,
    coalesce(entry.is_closed, false) as is_closed,
    entry.approval_status,
    entry.billable_rate,
    entry.cost_rate,
    coalesce(entry.hours, 0) as tracked_hours,
    coalesce(entry.rounded_hours, entry.hours, 0) as hours,
    entry.created_at,
    entry.updated_at
  from stg_time_entries as entry
  left join dim_project as project
    on entry.account_id = project.account_id
    and entry.project_id = project.project_id
  left join dim_task as task
    on entry.account_id = task.account_id
    and entry.task_id = task.task_id
),

valued as (
  select
    *,
    case when is_billable then hours else 0 end as billable_hours,
    case when is_billable and not is_billed then hours else 0 end as uninvoiced_hours,
    round(case when is_billable then hours * coalesce(billable_rate, 0) else 0 end, 9) as value_at_rates,
    round(tracked_hours * coalesce(cost_rate, 0), 9) as labour_cost,
    round(hours * coalesce(cost_rate, 0), 9) as labour_cost_rounded
  from entries
),

final as (
  select
    account_id,
    time_entry_id,
    spent_date,
    user_id,
    client_id,
    project_id,
    task_id,
    invoice_id,
    currency,
    project_type,
    is_time_off,
    is_billable,
    is_billed,
    is_budgeted,
    is_running,
    is_closed,
    approval_status,
    billable_rate,
    cost_rate,
    tracked_hours,
    hours,
    billable_hours,
    value_at_rates,
    case when project_type = 'time_and_materials' then value_at_rates else 0 end as billable_amount,
    labour_cost,
    labour_cost_rounded,
    uninvoiced_hours,
    case
      when project_type = 'time_and_materials' and not is_billed then value_at_rates
      else 0
    end as uninvoiced_amount,
    project_type = 'time_and_materials' and is_billable and billable_rate is null as is_missing_billable_rate,
    cost_rate is null as is_missing_cost_rate,
    is_billed and invoice_id is null as is_marked_invoiced_by_hand,
    created_at,
    updated_at
  from valued
)

select * from final
