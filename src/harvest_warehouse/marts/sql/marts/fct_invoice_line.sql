-- one row per invoice line
with final as (
  select
    line.account_id,
    line.invoice_line_id,
    invoice.invoice_id,
    invoice.client_id,
    line.project_id,
    invoice.currency,
    invoice.state,
    invoice.issue_date,
    invoice.retainer_id is not null as is_retainer,
    invoice.retainer_id is not null and billing.invoice_id is null as is_deposit,
    line.kind,
    line.description,
    coalesce(line.quantity, 0) as quantity,
    coalesce(line.unit_price, 0) as unit_price,
    coalesce(line.amount, 0) as line_amount,
    cast(
      coalesce(line.amount, 0) - coalesce(line.amount, 0) * coalesce(invoice.discount, 0) * 0.01 as decimal(38, 9)
    ) as line_amount_after_discount
  from stg_invoice_lines as line
  inner join stg_invoices as invoice
    on line.account_id = invoice.account_id
    and line.parent_row_id = invoice.row_id
  left join stg_billing_invoices as billing
    on invoice.account_id = billing.account_id
    and invoice.invoice_id = billing.invoice_id
)

select * from final
