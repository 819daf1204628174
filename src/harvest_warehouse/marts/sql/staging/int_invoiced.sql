-- one row per project that invoice lines in its currency are linked to
with lines as (
  select
    line.account_id,
    line.project_id,
    line.line_amount,
    coalesce(category.is_expense, false) as is_expense
  from fct_invoice_line as line
  inner join dim_project as project
    on line.account_id = project.account_id
    and line.project_id = project.project_id
    and line.currency = project.currency
  left join stg_invoice_item_categories as category
    on line.account_id = category.account_id
    and line.kind = category.kind
),

final as (
  select
    account_id,
    project_id,
    sum(line_amount) as invoiced_amount,
    sum(case when is_expense then 0 else line_amount end) as invoiced_fee
  from lines
  group by
    account_id,
    project_id
)

select * from final
