"""Queries for the values of a week ago, to compare with."""

from __future__ import annotations

from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.reader import Reader, Row
from harvest_warehouse.definitions import AS_OF

_DAYS_AGO = "today.day_number - 7"


def overdue_a_week_ago(read: Reader, chosen: Filters) -> list[Row]:
    """Read what was overdue seven days before the day of the figures, one row per currency; none without payments."""
    if not read.has("invoice_payments"):
        return []
    return read(
        f"""
        with paid as (
          select
            payment.invoice_id,
            sum(payment.amount) as amount
          from invoice_payments as payment
          inner join marts.dim_date as today
            on payment.account_id = today.account_id
            and today.is_as_of_date
          inner join marts.dim_date as day
            on payment.account_id = day.account_id
            and payment.paid_date = day.date_day
          where payment.account_id = :account_id and day.day_number <= {_DAYS_AGO}
          group by payment.invoice_id
        )

        select
          fact.currency,
          count(*) as invoices,
          sum(fact.amount - coalesce(paid.amount, 0)) as overdue
        from marts.fct_invoice as fact
        {AS_OF}
        inner join marts.dim_date as issued
          on fact.account_id = issued.account_id
          and fact.issue_date = issued.date_day
        inner join marts.dim_date as due
          on fact.account_id = due.account_id
          and fact.due_date = due.date_day
        left join marts.dim_date as closed
          on fact.account_id = closed.account_id
          and fact.closed_on = closed.date_day
        left join paid
          on fact.invoice_id = paid.invoice_id
        where
          fact.account_id = :account_id
          and fact.state <> 'draft'
          and issued.day_number <= {_DAYS_AGO}
          and due.day_number < {_DAYS_AGO}
          and (fact.state <> 'closed' or closed.day_number > {_DAYS_AGO})
          and fact.amount - coalesce(paid.amount, 0) > 0
        group by fact.currency
        """,
        {"account_id": chosen.account_id},
    )


def unbilled_a_week_ago(read: Reader, chosen: Filters) -> list[Row]:
    """Read work that was done and not billed seven days before the day of the figures, one row per currency.

    What was billed since is known by the dates of its invoices.
    """
    return read(
        f"""
        with work as (
          select account_id, currency, spent_date, invoice_id, is_billed, billable_amount
          from marts.fct_time_entry
          where project_type = 'time_and_materials' and is_billable
          union all
          select account_id, currency, spent_date, invoice_id, is_billed, billable_amount
          from marts.fct_expense
          where project_type in ('time_and_materials', 'fixed_fee') and is_billable
        )

        select
          fact.currency,
          sum(fact.billable_amount) as unbilled
        from work as fact
        {AS_OF}
        inner join marts.dim_date as day
          on fact.account_id = day.account_id
          and fact.spent_date = day.date_day
        left join marts.fct_invoice as invoice
          on fact.account_id = invoice.account_id
          and fact.invoice_id = invoice.invoice_id
        left join marts.dim_date as billed
          on invoice.account_id = billed.account_id
          and invoice.issue_date = billed.date_day
        where
          fact.account_id = :account_id
          and day.day_number <= {_DAYS_AGO}
          and (not fact.is_billed or billed.day_number > {_DAYS_AGO})
        group by fact.currency
        """,
        {"account_id": chosen.account_id},
    )
