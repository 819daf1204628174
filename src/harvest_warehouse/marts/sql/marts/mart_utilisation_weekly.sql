-- one row per person and week in which they had capacity or tracked time
with measures as (
  select
    account_id,
    user_id,
    person_name,
    is_contractor,
    is_active,
    week_start,
    week_end,
    week_index,
    is_complete_week,
    capacity_hours,
    time_off_hours,
    greatest(capacity_hours - time_off_hours, 0) as available_hours,
    tracked_hours,
    hours,
    billable_hours,
    client_hours,
    non_billable_client_hours,
    productive_hours
  from int_person_week
),

final as (
  select
    *,
    case when available_hours > 0 then billable_hours / available_hours end as billable_utilisation,
    case when capacity_hours > 0 then tracked_hours / capacity_hours end as total_utilisation,
    case when client_hours > 0 then non_billable_client_hours / client_hours end as non_billable_share,
    case when available_hours > 0 then productive_hours / available_hours end as productive_utilisation
  from measures
)

select * from final
