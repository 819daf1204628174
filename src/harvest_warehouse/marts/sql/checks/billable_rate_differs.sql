-- one row per time entry that is billed at the person's default rate, and has none of that person's for that day
select
  entry.account_id,
  entry.time_entry_id,
  entry.spent_date,
  entry.user_id,
  entry.project_id,
  entry.billable_rate,
  min(rate.amount) as dated_rate
from fct_time_entry as entry
inner join dim_project as project
  on entry.account_id = project.account_id
  and entry.project_id = project.project_id
inner join stg_user_assignments as assignment
  on entry.account_id = assignment.account_id
  and entry.project_id = assignment.project_id
  and entry.user_id = assignment.user_id
inner join dim_person_rate as rate
  on entry.account_id = rate.account_id
  and entry.user_id = rate.user_id
  and rate.rate_kind = 'billable'
  and entry.spent_date between rate.valid_from and rate.valid_to
  and rate.amount is not null
where
  lower(project.bill_by) = 'people'
  and assignment.use_default_rates
  and entry.billable_rate is not null
group by
  entry.account_id, entry.time_entry_id, entry.spent_date, entry.user_id, entry.project_id, entry.billable_rate
having sum(case when entry.billable_rate = rate.amount then 1 else 0 end) = 0
