-- one row per person and week in which they had capacity or tracked time
with final as (
  select
    week.account_id,
    week.user_id,
    week.person_name,
    week.is_contractor,
    week.is_active,
    week.week_start,
    week.week_end,
    week.week_index,
    week.is_complete_week,
    week.working_days,
    week.capacity_hours,
    week.tracked_hours,
    week.missing_hours_of_week,
    week.missing_hours,
    week.empty_working_days,
    case when account.has_approval then week.unapproved_hours end as unapproved_hours,
    week.running_timers
  from int_person_week as week
  left join dim_account as account
    on week.account_id = account.account_id
)

select * from final
