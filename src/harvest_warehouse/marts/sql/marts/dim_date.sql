-- one row per account and day, from the first day that any record names to the last
with final as (
  select
    account_id,
    date_day,
    day_number,
    weekday_number,
    is_working_day,
    week_start,
    week_end,
    week_index,
    is_complete_week,
    month_start,
    month_end,
    month_index,
    days_in_month,
    is_complete_month,
    quarter_start,
    year_start,
    is_as_of_date,
    is_far_off
  from cfg_date
)

select * from final
