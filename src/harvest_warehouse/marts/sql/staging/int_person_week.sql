-- one row per person and week in which they had capacity or tracked time
with work as (
  select
    entry.account_id,
    entry.user_id,
    entry.spent_date as date_day,
    sum(entry.tracked_hours) as tracked_hours,
    sum(entry.hours) as hours,
    sum(entry.billable_hours) as billable_hours,
    sum(
      case when entry.project_type in ('time_and_materials', 'fixed_fee') then entry.hours else 0 end
    ) as client_hours,
    sum(
      case when entry.project_type in ('time_and_materials', 'fixed_fee') then entry.hours - entry.billable_hours else 0 end
    ) as non_billable_client_hours,
    sum(case when entry.is_billable or task.is_productive then entry.hours else 0 end) as productive_hours,
    sum(case when entry.is_time_off then entry.tracked_hours else 0 end) as time_off_hours,
    sum(case when entry.is_closed then 0 else entry.tracked_hours end) as unapproved_hours,
    sum(case when entry.is_running then 1 else 0 end) as running_timers
  from fct_time_entry as entry
  left join dim_task as task
    on entry.account_id = task.account_id
    and entry.task_id = task.task_id
  group by
    entry.account_id,
    entry.user_id,
    entry.spent_date
),

days as (
  select
    coalesce(work.account_id, capacity.account_id) as account_id,
    coalesce(work.user_id, capacity.user_id) as user_id,
    coalesce(work.date_day, capacity.date_day) as date_day,
    coalesce(capacity.capacity_hours, 0) as capacity_hours,
    coalesce(work.tracked_hours, 0) as tracked_hours,
    coalesce(work.hours, 0) as hours,
    coalesce(work.billable_hours, 0) as billable_hours,
    coalesce(work.client_hours, 0) as client_hours,
    coalesce(work.non_billable_client_hours, 0) as non_billable_client_hours,
    coalesce(work.productive_hours, 0) as productive_hours,
    coalesce(work.time_off_hours, 0) as time_off_hours,
    coalesce(work.unapproved_hours, 0) as unapproved_hours,
    coalesce(work.running_timers, 0) as running_timers
  from work
  full outer join fct_capacity_day as capacity
    on work.account_id = capacity.account_id
    and work.user_id = capacity.user_id
    and work.date_day = capacity.date_day
),

weeks as (
  select
    days.account_id,
    days.user_id,
    calendar.week_start,
    calendar.week_end,
    calendar.week_index,
    calendar.is_complete_week,
    sum(days.capacity_hours) as capacity_hours,
    sum(days.tracked_hours) as tracked_hours,
    sum(days.hours) as hours,
    sum(days.billable_hours) as billable_hours,
    sum(days.client_hours) as client_hours,
    sum(days.non_billable_client_hours) as non_billable_client_hours,
    sum(days.productive_hours) as productive_hours,
    -- leave on a holiday or a weekend takes nothing from a capacity that is not there
    sum(least(days.time_off_hours, days.capacity_hours)) as time_off_hours,
    sum(days.unapproved_hours) as unapproved_hours,
    cast(sum(days.running_timers) as bigint) as running_timers,
    sum(case when days.capacity_hours > 0 then 1 else 0 end) as working_days,
    sum(greatest(days.capacity_hours - days.tracked_hours, 0)) as missing_hours,
    sum(case when days.capacity_hours > 0 and days.tracked_hours = 0 then 1 else 0 end) as empty_working_days
  from days
  inner join dim_date as calendar
    on days.account_id = calendar.account_id
    and days.date_day = calendar.date_day
  group by
    days.account_id,
    days.user_id,
    calendar.week_start,
    calendar.week_end,
    calendar.week_index,
    calendar.is_complete_week
),

final as (
  select
    weeks.account_id,
    weeks.user_id,
    person.person_name,
    person.is_contractor,
    person.is_active,
    weeks.week_start,
    weeks.week_end,
    weeks.week_index,
    weeks.is_complete_week,
    weeks.capacity_hours,
    weeks.tracked_hours,
    weeks.hours,
    weeks.billable_hours,
    weeks.client_hours,
    weeks.non_billable_client_hours,
    weeks.productive_hours,
    weeks.time_off_hours,
    weeks.unapproved_hours,
    weeks.running_timers,
    cast(weeks.working_days as bigint) as working_days,
    greatest(weeks.capacity_hours - weeks.tracked_hours, 0) as missing_hours_of_week,
    weeks.missing_hours,
    cast(weeks.empty_working_days as bigint) as empty_working_days
  from weeks
  left join dim_person as person
    on weeks.account_id = person.account_id
    and weeks.user_id = person.user_id
)

select * from final
