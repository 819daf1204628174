-- one row per person and week in which they had capacity or tracked time
with tracked as (
  select
    account_id,
    user_id,
    spent_date,
    sum(tracked_hours) as tracked_hours,
    sum(case when is_closed then 0 else tracked_hours end) as unapproved_hours,
    sum(case when is_running then 1 else 0 end) as running_timers
  from fct_time_entry
  group by
    account_id,
    user_id,
    spent_date
),

expected as (
  select
    capacity.account_id,
    capacity.user_id,
    day.week_start,
    sum(capacity.capacity_hours) as capacity_hours,
    count(*) as working_days,
    sum(greatest(capacity.capacity_hours - coalesce(tracked.tracked_hours, 0), 0)) as missing_hours,
    sum(case when coalesce(tracked.tracked_hours, 0) = 0 then 1 else 0 end) as empty_working_days
  from fct_capacity_day as capacity
  inner join dim_date as day
    on capacity.account_id = day.account_id
    and capacity.date_day = day.date_day
  left join tracked
    on capacity.account_id = tracked.account_id
    and capacity.user_id = tracked.user_id
    and capacity.date_day = tracked.spent_date
  group by
    capacity.account_id,
    capacity.user_id,
    day.week_start
),

entered as (
  select
    tracked.account_id,
    tracked.user_id,
    day.week_start,
    sum(tracked.tracked_hours) as tracked_hours,
    sum(tracked.unapproved_hours) as unapproved_hours,
    sum(tracked.running_timers) as running_timers
  from tracked
  inner join dim_date as day
    on tracked.account_id = day.account_id
    and tracked.spent_date = day.date_day
  group by
    tracked.account_id,
    tracked.user_id,
    day.week_start
),

weeks as (
  select
    account_id,
    user_id,
    week_start
  from expected
  union
  select
    account_id,
    user_id,
    week_start
  from entered
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

final as (
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
    coalesce(expected.working_days, 0) as working_days,
    coalesce(expected.capacity_hours, 0) as capacity_hours,
    coalesce(entered.tracked_hours, 0) as tracked_hours,
    coalesce(expected.missing_hours, 0) as missing_hours,
    cast(coalesce(expected.empty_working_days, 0) as bigint) as empty_working_days,
    case when account.has_approval then coalesce(entered.unapproved_hours, 0) end as unapproved_hours,
    cast(coalesce(entered.running_timers, 0) as bigint) as running_timers
  from weeks
  inner join week_facts
    on weeks.account_id = week_facts.account_id
    and weeks.week_start = week_facts.week_start
  left join expected
    on weeks.account_id = expected.account_id
    and weeks.user_id = expected.user_id
    and weeks.week_start = expected.week_start
  left join entered
    on weeks.account_id = entered.account_id
    and weeks.user_id = entered.user_id
    and weeks.week_start = entered.week_start
  left join dim_person as person
    on weeks.account_id = person.account_id
    and weeks.user_id = person.user_id
  left join dim_account as account
    on weeks.account_id = account.account_id
)

select * from final
