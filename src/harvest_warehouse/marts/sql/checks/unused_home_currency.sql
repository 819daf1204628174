-- one row per account with clients, none of which has the home currency
select
  account.account_id,
  account.home_currency,
  count(*) as clients
from dim_account as account
inner join dim_client as client
  on account.account_id = client.account_id
group by
  account.account_id,
  account.home_currency
having sum(case when client.currency = account.home_currency then 1 else 0 end) = 0
