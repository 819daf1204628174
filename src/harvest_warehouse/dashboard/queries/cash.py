"""Queries on what can be billed, is owed, and is offered."""

from __future__ import annotations

from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.reader import Reader, Row
from harvest_warehouse.definitions import (
    AS_OF,
    CLIENT_WORK,
    CREDIT,
    FEE_LEFT,
    LAST_MONTHS,
    OF_MONTH,
    OVERDUE,
    RECEIVABLE,
    UNBILLED,
)


def unbilled(read: Reader, chosen: Filters) -> list[Row]:
    """Read unbilled time and expenses, one row per client and age; of all currencies if none is chosen."""
    return read(
        f"""
        select
          fact.client_id,
          max(fact.client_name) as client_name,
          fact.currency,
          fact.age_bucket,
          min(fact.oldest_date) as oldest_date,
          sum(fact.uninvoiced_hours) as uninvoiced_hours,
          sum(fact.time_amount) as time_amount,
          sum(fact.expense_amount) as expense_amount,
          sum(fact.uninvoiced_amount) as uninvoiced_amount
        from marts.mart_unbilled as fact
        where {chosen.of_clients if chosen.currency else chosen.of_account} and {UNBILLED}
        group by fact.client_id, fact.currency, fact.age_bucket
        order by uninvoiced_amount desc, fact.client_id, fact.age_bucket
        """,
        chosen.values,
    )


def fees_left(read: Reader, chosen: Filters) -> list[Row]:
    """Read what is left of fixed fees, one row per project, negative where more was invoiced; of all currencies if none is chosen."""
    return read(
        f"""
        select
          fact.project_id,
          fact.project_name,
          fact.client_name,
          fact.currency,
          fact.oldest_date,
          fact.uninvoiced_amount
        from marts.mart_unbilled as fact
        where {chosen.of_clients if chosen.currency else chosen.of_account} and {FEE_LEFT}
        order by fact.uninvoiced_amount desc, fact.project_name, fact.project_id
        """,
        chosen.values,
    )


def receivables_by_age(read: Reader, chosen: Filters) -> list[Row]:
    """Read receivables, one row per currency and overdue bucket; of all currencies if none is chosen."""
    return read(
        f"""
        select
          fact.currency,
          fact.overdue_bucket,
          count(*) as invoices,
          sum(fact.due_amount) as open_amount
        from marts.fct_invoice as fact
        where {chosen.of_clients if chosen.currency else chosen.of_account} and {RECEIVABLE}
        group by fact.currency, fact.overdue_bucket
        """,
        chosen.values,
    )


def overpaid(read: Reader, chosen: Filters) -> list[Row]:
    """Read what clients paid too much, one row per client: negative amounts."""
    return read(
        f"""
        select
          fact.client_id,
          max(fact.client_name) as client_name,
          sum(fact.due_amount) as open_amount
        from marts.fct_invoice as fact
        where {chosen.of_clients} and {CREDIT}
        group by fact.client_id
        order by open_amount, fact.client_id
        """,
        chosen.values,
    )


def overdue_invoices(read: Reader, chosen: Filters) -> list[Row]:
    """Read overdue invoices, one row each, the largest first."""
    return read(
        f"""
        select
          fact.invoice_id,
          fact.invoice_number,
          fact.client_id,
          fact.client_name,
          fact.currency,
          fact.issue_date,
          fact.due_date,
          fact.days_overdue,
          fact.amount,
          fact.due_amount as open_amount
        from marts.fct_invoice as fact
        where {chosen.of_clients} and {OVERDUE}
        order by fact.due_amount desc, fact.days_overdue desc, fact.invoice_id
        """,
        chosen.values,
    )


def receivables_by_month(read: Reader, chosen: Filters) -> list[Row]:
    """Read receivables, one row per complete month, of the whole currency: the mart has no clients."""
    return read(
        f"""
        select
          fact.month_start,
          fact.issued,
          fact.paid,
          fact.written_off,
          fact.receivable_end,
          fact.days_sales_outstanding
        from marts.mart_receivables_monthly as fact
        {AS_OF}
        {OF_MONTH}
        where fact.account_id = :account_id and fact.currency = :currency and {LAST_MONTHS}
        order by fact.month_start
        """,
        chosen.values,
    )


def clients_of_twelve_months(read: Reader, chosen: Filters) -> list[Row]:
    """Read revenue and margin of the last twelve complete months, one row per client, the largest revenue first."""
    return read(
        f"""
        select
          fact.client_id,
          max(fact.client_name) as client_name,
          sum(fact.revenue) as revenue,
          sum(fact.margin) as margin,
          sum(fact.hours) as hours
        from marts.mart_project_profitability_monthly as fact
        {AS_OF}
        {OF_MONTH}
        where {chosen.of_clients} and {LAST_MONTHS} and {CLIENT_WORK}
        group by fact.client_id
        order by sum(fact.revenue) desc, fact.client_id
        """,
        {**chosen.values, "months": 12},
    )


def estimates(read: Reader, chosen: Filters) -> list[Row]:
    """Read estimates that are open, or were decided in the last twelve months, one row each, the largest first."""
    return read(
        f"""
        select
          fact.estimate_id,
          fact.estimate_number,
          fact.client_name,
          fact.subject,
          fact.state,
          fact.is_open,
          fact.issue_date,
          fact.decided_on,
          fact.net_amount,
          fact.not_yet_invoiced,
          fact.days_open,
          fact.age_bucket
        from marts.mart_estimate_pipeline as fact
        {AS_OF}
        left join marts.dim_date as day
          on fact.account_id = day.account_id
          and fact.decided_on = day.date_day
        where {chosen.of_clients} and (fact.is_open or day.day_number > today.day_number - 365)
        order by fact.net_amount desc, fact.estimate_id
        """,
        chosen.values,
    )
