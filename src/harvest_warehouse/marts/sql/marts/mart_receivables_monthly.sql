-- one row per currency and month, from the first invoice or payment in it to now
with spans as (
  select
    event.account_id,
    event.currency,
    min(event.month_index) as first_month_index,
    greatest(max(event.month_index), max(today.month_index)) as last_month_index
  from int_receivable_event as event
  inner join stg_today as today
    on event.account_id = today.account_id
  group by
    event.account_id,
    event.currency
),

months as (
  select
    span.account_id,
    span.currency,
    month.month_start,
    month.month_end,
    month.month_index,
    case
      when month.month_index = today.month_index then today.day_number
      else month.last_day_number
    end as end_day_number,
    month.is_complete_month
  from spans as span
  inner join stg_today as today
    on span.account_id = today.account_id
  inner join int_month as month
    on span.account_id = month.account_id
    and month.month_index between span.first_month_index and span.last_month_index
),

movements as (
  select
    event.account_id,
    event.currency,
    event.month_index,
    sum(event.issued) as issued,
    sum(event.paid) as paid,
    sum(event.written_off) as written_off,
    sum(
      case
        when event.month_index = today.month_index and event.day_number > today.day_number
          then event.issued - event.paid - event.written_off
        else 0
      end
    ) as still_to_come
  from int_receivable_event as event
  inner join stg_today as today
    on event.account_id = today.account_id
  group by
    event.account_id,
    event.currency,
    event.month_index
),

invoiced_in_90_days as (
  select
    months.account_id,
    months.currency,
    months.month_index,
    sum(event.issued) as issued
  from months
  inner join int_receivable_event as event
    on months.account_id = event.account_id
    and months.currency = event.currency
    and event.day_number between months.end_day_number - 89 and months.end_day_number
  group by
    months.account_id,
    months.currency,
    months.month_index
),

balances as (
  select
    months.account_id,
    months.currency,
    months.month_start,
    months.month_end,
    months.month_index,
    months.is_complete_month,
    coalesce(movement.issued, 0) as issued,
    coalesce(movement.paid, 0) as paid,
    coalesce(movement.written_off, 0) as written_off,
    sum(coalesce(movement.issued, 0) - coalesce(movement.paid, 0) - coalesce(movement.written_off, 0)) over (
      partition by months.account_id, months.currency
      order by months.month_index nulls first
      rows between unbounded preceding and current row
    ) as receivable_end,
    coalesce(movement.still_to_come, 0) as still_to_come,
    coalesce(recent.issued, 0) as issued_in_90_days
  from months
  left join movements as movement
    on months.account_id = movement.account_id
    and months.currency = movement.currency
    and months.month_index = movement.month_index
  left join invoiced_in_90_days as recent
    on months.account_id = recent.account_id
    and months.currency = recent.currency
    and months.month_index = recent.month_index
),

final as (
  select
    account_id,
    currency,
    month_start,
    month_end,
    month_index,
    is_complete_month,
    issued,
    paid,
    written_off,
    receivable_end,
    cast(receivable_end - still_to_come as decimal(38, 9)) as receivable_so_far,
    issued_in_90_days,
    case
      when issued_in_90_days > 0 then (receivable_end - still_to_come) * 90 / issued_in_90_days
    end as days_sales_outstanding
  from balances
)

select * from final
