-- one row per account
with final as (
  select
    settings.account_id,
    company.account_name,
    settings.as_of_date,
    settings.loaded_at,
    settings.time_zone,
    coalesce(settings.home_currency, company.currency) as home_currency,
    settings.week_start_day,
    settings.working_days_per_week,
    settings.target_utilisation,
    coalesce(company.has_approval, true) as has_approval,
    coalesce(company.has_expenses, true) as has_expenses,
    coalesce(company.has_invoices, true) as has_invoices
  from cfg_account as settings
  left join stg_company as company
    on settings.account_id = company.account_id
)

select * from final
