-- Invoices with the sum of their lines, from Stitch's tables.
select
    invoices.id as invoice_id,
    invoices.number as invoice_number,
    clients.name as client_name,
    cast(invoices.issue_date as date) as issued_on,
    invoices.amount,
    invoices.due_amount,
    sum(lines.amount) as line_amount,
    count(lines.id) as line_count
from {{ source('stitch_harvest', 'invoices') }} as invoices
left join {{ source('stitch_harvest', 'invoice_line_items') }} as lines on lines.invoice_id = invoices.id
left join {{ source('stitch_harvest', 'clients') }} as clients on clients.id = invoices.client_id
group by 1, 2, 3, 4, 5, 6
