-- one row per person and working day in their span
with final as (
  select
    person.account_id,
    person.user_id,
    day.date_day,
    cast(person.weekly_capacity_hours / account.working_days_per_week as decimal(38, 9)) as capacity_hours
  from dim_person as person
  inner join dim_account as account
    on person.account_id = account.account_id
  inner join dim_date as day
    on person.account_id = day.account_id
    and day.date_day >= person.span_start
    and day.date_day <= person.span_end
  where
    day.is_working_day
    and person.weekly_capacity_hours > 0
)

select * from final
