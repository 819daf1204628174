-- one row per fixed fee project whose revenue cannot be spread over months: a first or last day is missing or odd
select
  project.account_id,
  project.project_id,
  project.project_name,
  project.client_name,
  project.currency,
  project.fee,
  project.starts_on,
  project.ends_on
from dim_project as project
left join (
  select distinct
    account_id,
    project_id
  from mart_fixed_fee_revenue_monthly
) as spread
  on project.account_id = spread.account_id
  and project.project_id = spread.project_id
where
  project.project_type = 'fixed_fee'
  and spread.project_id is null
