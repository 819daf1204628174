-- one row per active person with capacity, and each of the eight weeks to come
with planned as (
  select
    account_id,
    user_id,
    spent_date,
    sum(case when is_time_off then tracked_hours else 0 end) as leave_hours,
    sum(case when is_time_off then 0 else tracked_hours end) as work_hours
  from fct_time_entry
  group by
    account_id,
    user_id,
    spent_date
),

recent as (
  select
    week.account_id,
    week.user_id,
    cast(sum(week.billable_hours) / 4 as decimal(38, 9)) as usual_billable_hours
  from int_person_week as week
  inner join stg_today as today
    on week.account_id = today.account_id
  where week.week_index between today.week_index - 4 and today.week_index - 1
  group by
    week.account_id,
    week.user_id
),

days as (
  select
    person.account_id,
    person.user_id,
    day.date_day,
    day.week_start,
    day.week_end,
    day.week_index,
    day.week_index - today.week_index as weeks_ahead,
    case
      when day.is_working_day
        then cast(person.weekly_capacity_hours / account.working_days_per_week as decimal(38, 9))
      else 0
    end as capacity_hours
  from dim_person as person
  inner join dim_account as account
    on person.account_id = account.account_id
  inner join stg_today as today
    on person.account_id = today.account_id
  inner join dim_date as day
    on person.account_id = day.account_id
    and day.week_index between today.week_index + 1 and today.week_index + 8
  where
    person.is_active
    and person.weekly_capacity_hours > 0
),

weeks as (
  select
    day.account_id,
    day.user_id,
    day.week_start,
    day.week_end,
    day.week_index,
    day.weeks_ahead,
    sum(day.capacity_hours) as capacity_hours,
    sum(least(coalesce(planned.leave_hours, 0), day.capacity_hours)) as planned_leave_hours,
    sum(coalesce(planned.work_hours, 0)) as planned_work_hours
  from days as day
  left join planned
    on day.account_id = planned.account_id
    and day.user_id = planned.user_id
    and day.date_day = planned.spent_date
  group by
    day.account_id,
    day.user_id,
    day.week_start,
    day.week_end,
    day.week_index,
    day.weeks_ahead
),

final as (
  select
    week.account_id,
    week.user_id,
    person.person_name,
    person.role_name,
    person.is_contractor,
    week.week_start,
    week.week_end,
    week.week_index,
    week.weeks_ahead,
    week.capacity_hours,
    week.planned_leave_hours,
    cast(week.capacity_hours - week.planned_leave_hours as decimal(38, 9)) as available_hours,
    week.planned_work_hours,
    coalesce(recent.usual_billable_hours, 0) as usual_billable_hours,
    greatest(
      cast(
        week.capacity_hours - week.planned_leave_hours - coalesce(recent.usual_billable_hours, 0) as decimal(38, 9)
      ),
      0
    ) as bench_hours
  from weeks as week
  left join dim_person as person
    on week.account_id = person.account_id
    and week.user_id = person.user_id
  left join recent
    on week.account_id = recent.account_id
    and week.user_id = recent.user_id
)

select * from final
