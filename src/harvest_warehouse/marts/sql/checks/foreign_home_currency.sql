-- one row per account whose home currency in the settings is not its own
select
  account.account_id,
  account.home_currency,
  company.currency as account_currency
from dim_account as account
inner join stg_company as company
  on account.account_id = company.account_id
where account.home_currency <> company.currency
