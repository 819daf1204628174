"""Queries across currencies: the company's revenue, leave, clients and estimates, and last week's values."""

from __future__ import annotations

from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.queries import COSTLESS
from harvest_warehouse.dashboard.reader import Reader, Row
from harvest_warehouse.definitions import AS_OF, CLIENT_WORK, LAST_MONTHS, OF_MONTH, UNBILLED_WORK

_DAYS_AGO = "today.day_number - 7"


def revenue_by_currency(read: Reader, chosen: Filters) -> list[Row]:
    """Read client work of the whole company, one row per currency and complete month, also in home currency.

    `revenue_home` and the other amounts in home currency are null where a rate is missing.
    """
    return read(
        f"""
        select
          fact.currency,
          fact.month_start,
          sum(fact.revenue) as revenue,
          sum(fact.revenue_home) as revenue_home,
          sum(fact.cost_home) as cost_home,
          sum(fact.margin_home) as margin_home,
          sum(fact.tracked_hours) as tracked_hours,
          sum(coalesce(costless.hours, 0)) as costless_hours,
          sum(case when fact.margin_home is null then 1 else 0 end) as unconverted
        from marts.mart_project_profitability_monthly as fact
        {AS_OF}
        {OF_MONTH}
        {COSTLESS}
        where fact.account_id = :account_id and {LAST_MONTHS} and {CLIENT_WORK}
        group by fact.currency, fact.month_start
        order by fact.currency, fact.month_start
        """,
        chosen.values,
    )


def on_leave(read: Reader, chosen: Filters) -> list[Row]:
    """Read leave of this week and the next, one row per person, week and source."""
    rows = read(
        f"""
        select
          fact.user_id,
          max(person.person_name) as person_name,
          case when day.week_index = today.week_index then 'this week' else 'next week' end as when_words,
          min(fact.spent_date) as from_date,
          max(fact.spent_date) as to_date,
          sum(fact.tracked_hours) as leave_hours
        from marts.fct_time_entry as fact
        {AS_OF}
        inner join marts.dim_date as day
          on fact.account_id = day.account_id
          and fact.spent_date = day.date_day
        inner join marts.dim_person as person
          on fact.account_id = person.account_id
          and fact.user_id = person.user_id
        where
          fact.account_id = :account_id
          and fact.is_time_off
          and fact.tracked_hours > 0
          and day.week_index between today.week_index and today.week_index + 1
        group by fact.user_id, case when day.week_index = today.week_index then 'this week' else 'next week' end
        order by min(fact.spent_date), max(person.person_name), fact.user_id
        """,
        {"account_id": chosen.account_id},
    )
    found = [{**row, "when": row["when_words"], "source": "time entries"} for row in rows]
    return found + (_requested_leave(read, chosen) if read.has("pto_requests") else [])


def _requested_leave(read: Reader, chosen: Filters) -> list[Row]:
    rows = read(
        """
        select
          request.user__id as user_id,
          request.user__name as person_name,
          case when day.week_index = today.week_index then 'this week' else 'next week' end as when_words,
          min(day.date_day) as from_date,
          max(day.date_day) as to_date
        from pto_requests as request
        inner join marts.dim_date as today
          on request.account_id = today.account_id
          and today.is_as_of_date
        inner join marts.dim_date as day
          on request.account_id = day.account_id
          and day.date_day between request.start_date and request.end_date
        where
          request.account_id = :account_id
          and request.status like 'approved%'
          and day.is_working_day
          and day.week_index between today.week_index and today.week_index + 1
        group by
          request.user__id,
          request.user__name,
          case when day.week_index = today.week_index then 'this week' else 'next week' end
        order by min(day.date_day), request.user__name, request.user__id
        """,
        {"account_id": chosen.account_id},
    )
    return [{**row, "when": row["when_words"], "leave_hours": None, "source": "time-off requests"} for row in rows]


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
          select account_id, currency, spent_date, invoice_id, is_billed, billable_amount, project_type, is_billable
          from marts.fct_time_entry
          union all
          select account_id, currency, spent_date, invoice_id, is_billed, billable_amount, project_type, is_billable
          from marts.fct_expense
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
          and (({UNBILLED_WORK}) or (fact.project_type = 'time_and_materials' and fact.is_billable and billed.day_number > {_DAYS_AGO}))
        group by fact.currency
        """,
        {"account_id": chosen.account_id},
    )
