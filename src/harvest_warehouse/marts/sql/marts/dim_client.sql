-- one row per client
with mentions as (
  select
    account_id,
    client_id,
    client_name,
    client_currency as currency
  from int_unlisted_work
  union all
  select
    account_id,
    client_id,
    client_name,
    client_currency as currency
  from stg_projects
  union all
  select
    account_id,
    client_id,
    client_name,
    currency
  from stg_invoices
  union all
  select
    account_id,
    client_id,
    client_name,
    currency
  from stg_estimates
),

mentioned as (
  select
    account_id,
    client_id,
    max(client_name) as client_name,
    max(currency) as currency
  from mentions
  where client_id is not null
  group by
    account_id,
    client_id
),

clients as (
  select
    listed.account_id,
    listed.client_id,
    coalesce(listed.client_name, mentioned.client_name) as client_name,
    coalesce(listed.currency, mentioned.currency) as currency,
    listed.is_active,
    true as is_listed
  from stg_clients as listed
  left join mentioned
    on listed.account_id = mentioned.account_id
    and listed.client_id = mentioned.client_id
  union all
  select
    mentioned.account_id,
    mentioned.client_id,
    mentioned.client_name,
    mentioned.currency,
    false as is_active,
    false as is_listed
  from mentioned
  left join stg_clients as listed
    on mentioned.account_id = listed.account_id
    and mentioned.client_id = listed.client_id
  where listed.client_id is null
),

final as (
  select
    clients.account_id,
    clients.client_id,
    coalesce(clients.client_name, 'Client ' || cast(clients.client_id as text)) as client_name,
    coalesce(clients.currency, account.home_currency) as currency,
    coalesce(clients.is_active, true) as is_active,
    clients.is_listed
  from clients
  left join dim_account as account
    on clients.account_id = account.account_id
)

select * from final
