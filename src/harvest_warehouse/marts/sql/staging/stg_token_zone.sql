-- one row per account: the time zone of the person behind the token, by Harvest's name
select
  account_id,
  max(timezone) as time_zone
from raw.users_me
group by account_id
