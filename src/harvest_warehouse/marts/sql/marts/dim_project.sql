-- one row per project
with mentions as (
  select
    account_id,
    project_id,
    client_id,
    project_name,
    project_code
  from int_unlisted_work
  union all
  select
    line.account_id,
    line.project_id,
    invoice.client_id,
    line.project_name,
    line.project_code
  from stg_invoice_lines as line
  inner join stg_invoices as invoice
    on line.account_id = invoice.account_id
    and line.parent_row_id = invoice.row_id
),

mentioned as (
  select
    account_id,
    project_id,
    max(client_id) as client_id,
    max(project_name) as project_name,
    max(project_code) as project_code
  from mentions
  where project_id is not null
  group by
    account_id,
    project_id
),

unlisted as (
  select
    mentioned.account_id,
    mentioned.project_id,
    mentioned.client_id,
    mentioned.project_name,
    mentioned.project_code
  from mentioned
  left join stg_projects as listed
    on mentioned.account_id = listed.account_id
    and mentioned.project_id = listed.project_id
  where listed.project_id is null
),

projects as (
  select
    account_id,
    project_id,
    client_id,
    project_name,
    project_code,
    coalesce(is_active, true) as is_active,
    true as is_listed,
    case
      when not coalesce(is_billable, false) then 'non_billable'
      when is_fixed_fee then 'fixed_fee'
      else 'time_and_materials'
    end as project_type,
    bill_by,
    hourly_rate,
    coalesce(budget_by, 'none') as budget_by,
    coalesce(budget_is_monthly, false) as budget_is_monthly,
    budget,
    cost_budget,
    coalesce(cost_budget_include_expenses, false) as cost_budget_include_expenses,
    fee,
    starts_on,
    ends_on,
    cast(created_at as date) as created_on
  from stg_projects
  union all
  select
    account_id,
    project_id,
    client_id,
    project_name,
    project_code,
    false as is_active,
    false as is_listed,
    'unknown' as project_type,
    cast(null as text) as bill_by,
    cast(null as decimal(38, 9)) as hourly_rate,
    'none' as budget_by,
    false as budget_is_monthly,
    cast(null as decimal(38, 9)) as budget,
    cast(null as decimal(38, 9)) as cost_budget,
    false as cost_budget_include_expenses,
    cast(null as decimal(38, 9)) as fee,
    cast(null as date) as starts_on,
    cast(null as date) as ends_on,
    cast(null as date) as created_on
  from unlisted
),

final as (
  select
    project.account_id,
    project.project_id,
    coalesce(project.project_name, 'Project ' || cast(project.project_id as text)) as project_name,
    project.project_code,
    project.client_id,
    client.client_name,
    client.currency,
    coalesce(client.currency = account.home_currency, false) as is_home_currency,
    project.is_active,
    project.is_listed,
    project.project_type,
    project.bill_by,
    project.hourly_rate,
    project.budget_by,
    case
      when project.budget_by in ('project', 'task', 'person') then 'hours'
      when project.budget_by in ('project_cost', 'task_fees') then 'money'
    end as budget_unit,
    project.budget_is_monthly,
    project.budget,
    project.cost_budget,
    project.cost_budget_include_expenses,
    project.fee,
    project.starts_on,
    project.ends_on,
    coalesce(project.starts_on, project.created_on) as effective_starts_on
  from projects as project
  left join dim_client as client
    on project.account_id = client.account_id
    and project.client_id = client.client_id
  left join dim_account as account
    on project.account_id = account.account_id
)

select * from final
