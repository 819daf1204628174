-- one row per project that invoice lines in its currency are linked to
with final as (
  select
    line.account_id,
    line.project_id,
    sum(line.line_amount) as invoiced_amount
  from fct_invoice_line as line
  inner join dim_project as project
    on line.account_id = project.account_id
    and line.project_id = project.project_id
    and line.currency = project.currency
  group by
    line.account_id,
    line.project_id
)

select * from final
