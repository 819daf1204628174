-- A row for each line of an invoice, from Airbyte's list of lines; dates of invoices are text there.
select
    invoices.id as invoice_id,
    cast(invoices.issue_date as date) as issued_on,
    cast(json_extract_string(line.value, '$.id') as bigint) as line_id,
    cast(json_extract_string(line.value, '$.project.id') as bigint) as project_id,
    cast(json_extract_string(line.value, '$.amount') as decimal(18, 2)) as amount
from {{ source('airbyte_harvest', 'invoices') }} as invoices, json_each(invoices.line_items) as line
