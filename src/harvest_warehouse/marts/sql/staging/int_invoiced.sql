-- one row per project that invoice lines are linked to
with final as (
  select
    account_id,
    project_id,
    sum(line_amount) as invoiced_amount
  from fct_invoice_line
  where project_id is not null
  group by
    account_id,
    project_id
)

select * from final
