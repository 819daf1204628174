-- one row per account with tasks, none of which counts as leave
select
  account_id,
  count(*) as tasks
from dim_task
group by account_id
having sum(case when is_time_off then 1 else 0 end) = 0
