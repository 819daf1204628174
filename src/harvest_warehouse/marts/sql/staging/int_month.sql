-- one row per account and month of the calendar
with final as (
  select
    account_id,
    month_start,
    month_end,
    month_index,
    is_complete_month,
    max(day_number) as last_day_number
  from dim_date
  group by
    account_id,
    month_start,
    month_end,
    month_index,
    is_complete_month
)

select * from final
