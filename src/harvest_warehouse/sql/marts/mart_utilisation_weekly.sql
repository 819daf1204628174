-- one row per person and week in which they had capacity or tracked time
with capacity as (
  select
    capacity.account_id,
    capacity.user_id,
    day.week_start,
    sum(capacity.capacity_hours) as capacity_hours
  from fct_capacity_day as capacity
  inner join dim_date as day
    on capacity.account_id = day.account_id
    and capacity.date_day = day.date_day
  group by
    capacity.account_id,
    capacity.user_id,
    day.week_start
),

work as (
  select
    entry.account_id,
    entry.user_id,
    day.week_start,
    sum(entry.tracked_hours) as tracked_hours,
    sum(case when entry.is_time_off then entry.tracked_hours else 0 end) as time_off_hours,
    sum(entry.hours) as hours,
    sum(entry.billable_hours) as billable_hours
  from fct_time_entry as entry
  inner join dim_date as day
    on entry.account_id = day.account_id
    and entry.spent_date = day.date_day
  group by
    entry.account_id,
    entry.user_id,
    day.week_start
),

weeks as (
  select
    account_id,
    user_id,
    week_start
  from capacity
  union
  select
    account_id,
    user_id,
    week_start
  from work
),

week_facts as (
  select
    account_id,
    week_start,
    max(week_end) as week_end,
    max(week_index) as week_index,
    min(case when is_complete_week then 1 else 0 end) = 1 as is_complete_week
  from dim_date
  group by
    account_id,
    week_start
),

measures as (
  select
    weeks.account_id,
    weeks.user_id,
    person.person_name,
    person.is_contractor,
    person.is_active,
    weeks.week_start,
    week_facts.week_end,
    week_facts.week_index,
    week_facts.is_complete_week,
    coalesce(capacity.capacity_hours, 0) as capacity_hours,
    coalesce(work.time_off_hours, 0) as time_off_hours,
    greatest(coalesce(capacity.capacity_hours, 0) - coalesce(work.time_off_hours, 0), 0) as available_hours,
    coalesce(work.tracked_hours, 0) as tracked_hours,
    coalesce(work.hours, 0) as hours,
    coalesce(work.billable_hours, 0) as billable_hours
  from weeks
  inner join week_facts
    on weeks.account_id = week_facts.account_id
    and weeks.week_start = week_facts.week_start
  left join capacity
    on weeks.account_id = capacity.account_id
    and weeks.user_id = capacity.user_id
    and weeks.week_start = capacity.week_start
  left join work
    on weeks.account_id = work.account_id
    and weeks.user_id = work.user_id
    and weeks.week_start = work.week_start
  left join dim_person as person
    on weeks.account_id = person.account_id
    and weeks.user_id = person.user_id
),

final as (
  select
    *,
    case when available_hours > 0 then billable_hours / available_hours end as billable_utilisation,
    case when capacity_hours > 0 then tracked_hours / capacity_hours end as total_utilisation
  from measures
)

select * from final
