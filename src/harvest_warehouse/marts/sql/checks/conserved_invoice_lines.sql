-- one row per project whose invoice lines are not all in the facts
with above as (
  select
    account_id,
    coalesce(project_id, 0) as project_id,
    count(*) as lines,
    sum(amount) as amount
  from stg_invoice_lines
  group by
    account_id,
    coalesce(project_id, 0)
),

below as (
  select
    account_id,
    coalesce(project_id, 0) as project_id,
    count(*) as lines,
    sum(line_amount) as amount
  from fct_invoice_line
  group by
    account_id,
    coalesce(project_id, 0)
)

select
  coalesce(above.account_id, below.account_id) as account_id,
  coalesce(above.project_id, below.project_id) as project_id,
  above.lines as lines_before,
  below.lines as lines_after,
  above.amount as amount_before,
  below.amount as amount_after
from above
full outer join below
  on above.account_id = below.account_id
  and above.project_id = below.project_id
where
  coalesce(above.lines, 0) <> coalesce(below.lines, 0)
  or coalesce(above.amount, 0) <> coalesce(below.amount, 0)
