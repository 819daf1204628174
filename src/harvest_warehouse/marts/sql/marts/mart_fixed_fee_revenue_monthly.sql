-- one row per fixed fee project with a first and a last day, and month between them
with projects as (
  select
    project.account_id,
    project.project_id,
    project.project_name,
    project.client_id,
    project.client_name,
    project.currency,
    whole.currency is not null as is_in_whole_units,
    project.starts_on,
    project.ends_on,
    ends.day_number - starts.day_number + 1 as project_days,
    project.fee,
    coalesce(invoiced.invoiced_amount, 0) as invoiced_amount,
    greatest(coalesce(project.fee, 0), coalesce(invoiced.invoiced_amount, 0)) as project_revenue
  from dim_project as project
  inner join dim_date as starts
    on project.account_id = starts.account_id
    and project.starts_on = starts.date_day
  inner join dim_date as ends
    on project.account_id = ends.account_id
    and project.ends_on = ends.date_day
  left join stg_whole_currencies as whole
    on project.currency = whole.currency
  left join int_invoiced as invoiced
    on project.account_id = invoiced.account_id
    and project.project_id = invoiced.project_id
  where
    project.project_type = 'fixed_fee'
    and project.starts_on <= project.ends_on
),

months as (
  select
    project.account_id,
    project.project_id,
    day.month_start,
    count(*) as days_in_month,
    sum(case when day.day_number <= today.day_number then 1 else 0 end) as days_so_far
  from projects as project
  inner join dim_date as day
    on project.account_id = day.account_id
    and day.date_day between project.starts_on and project.ends_on
  inner join stg_today as today
    on project.account_id = today.account_id
  group by
    project.account_id,
    project.project_id,
    day.month_start
),

progress as (
  select
    account_id,
    project_id,
    month_start,
    days_in_month,
    days_so_far,
    sum(days_in_month) over (
      partition by account_id, project_id
      order by month_start nulls first
      rows between unbounded preceding and current row
    ) as days_to_date,
    sum(days_in_month) over (partition by account_id, project_id) as calendar_days
  from months
),

shares as (
  select
    project.account_id,
    project.project_id,
    project.project_name,
    project.client_id,
    project.client_name,
    project.currency,
    project.is_in_whole_units,
    progress.month_start,
    progress.days_in_month,
    project.project_days,
    project.fee,
    project.invoiced_amount,
    project.project_revenue,
    cast(project.project_revenue * progress.days_to_date / project.project_days as decimal(38, 9)) as to_date,
    cast(
      project.project_revenue * (progress.days_to_date - progress.days_in_month) / project.project_days
      as decimal(38, 9)
    ) as before,
    cast(
      project.project_revenue * (progress.days_to_date - progress.days_in_month + progress.days_so_far)
      / project.project_days
      as decimal(38, 9)
    ) as so_far
  from projects as project
  inner join progress
    on project.account_id = progress.account_id
    and project.project_id = progress.project_id
  where progress.calendar_days = project.project_days
),

-- rounded to date, so that the months add up to the whole, to the cent or the whole unit
recognised as (
  select
    *,
    case
      when is_in_whole_units then cast(round(to_date, 0) as decimal(38, 9))
      else cast(round(to_date, 2) as decimal(38, 9))
    end as revenue_to_date,
    case
      when is_in_whole_units then cast(round(before, 0) as decimal(38, 9))
      else cast(round(before, 2) as decimal(38, 9))
    end as revenue_before,
    case
      when is_in_whole_units then cast(round(so_far, 0) as decimal(38, 9))
      else cast(round(so_far, 2) as decimal(38, 9))
    end as revenue_until_today
  from shares
),

final as (
  select
    account_id,
    project_id,
    project_name,
    client_id,
    client_name,
    currency,
    month_start,
    days_in_month,
    project_days,
    fee,
    invoiced_amount,
    project_revenue,
    cast(revenue_to_date - revenue_before as decimal(38, 9)) as revenue,
    cast(revenue_until_today - revenue_before as decimal(38, 9)) as revenue_so_far
  from recognised
)

select * from final
