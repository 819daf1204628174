"""Catalogue of alerts, as data. Adding an alert is adding an entry here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["urgent", "soon"]


@dataclass(frozen=True)
class Alert:
    """Definition of an alert: something that somebody should act on.

    Attributes:
        name: identifier.
        severity: `urgent` if it costs money every day, `soon` if it can wait until the end of the week.
        nouns: what a row is, in singular and plural.
        words: what the rows have in common; `{name}` is replaced by a threshold.
        line: text of one row; `{column}` is replaced by a value.
        query: query for the rows, worst first, in DuckDB's SQL on `marts.`, with thresholds as `:name`, and
            `finding.<check>` for the rows that a check of the last build found. Every row has an `account_id`.
        total: column to add up, by currency if the rows have one.
    """

    name: str
    severity: Severity
    nouns: tuple[str, str]
    words: str
    line: str
    query: str
    total: str | None = None


ALERTS = (
    Alert(
        name="budget",
        severity="urgent",
        nouns=("budget", "budgets"),
        words="spent to {budget_share} or more, or heading past 100 %",
        line="{client_name}, {project_name}: {budget_spent} of {budget} {unit} spent ({spent_share}), forecast {forecast_share}",
        query="""
            select
              account_id,
              client_name,
              project_name,
              case when budget_unit = 'money' then currency else 'hours' end as unit,
              budget,
              budget_spent,
              spent_share,
              case when budget > 0 then estimate_at_completion / budget end as forecast_share,
              weeks_of_budget_left,
              forecast_until,
              status
            from marts.mart_project_budget
            where
              is_active
              and budget is not null
              and (budget_spent > budget or spent_share >= :budget_share or estimate_at_completion > budget)
            order by coalesce(spent_share, 1000) desc, client_name, project_name, project_id
        """,
    ),
    Alert(
        name="overdue_invoices",
        severity="urgent",
        nouns=("invoice", "invoices"),
        words="overdue by {overdue_days} or more",
        line="{client_name}: invoice {invoice_number}, {open_amount}, due {due_date}, {days_overdue} days overdue",
        query="""
            select
              account_id,
              client_name,
              invoice_number,
              currency,
              open_amount,
              due_date,
              days_overdue
            from marts.fct_invoice
            where state = 'open' and open_amount > 0 and days_overdue > 0 and days_overdue >= :overdue_days
            order by days_overdue desc, open_amount desc, invoice_id
        """,
        total="open_amount",
    ),
    Alert(
        name="unbilled",
        severity="urgent",
        nouns=("client", "clients"),
        words="with work unbilled for more than {unbilled_days}",
        line="{client_name}: {uninvoiced_amount} not billed, the oldest of {oldest_date}",
        query="""
            with item as (
              select
                account_id,
                client_id,
                spent_date,
                currency,
                uninvoiced_hours,
                uninvoiced_amount
              from marts.fct_time_entry
              where project_type = 'time_and_materials' and is_billable and not is_billed
              union all
              select
                account_id,
                client_id,
                spent_date,
                currency,
                0 as uninvoiced_hours,
                uninvoiced_amount
              from marts.fct_expense
              where project_type in ('time_and_materials', 'fixed_fee') and is_billable and not is_billed
            )

            select
              item.account_id,
              max(client.client_name) as client_name,
              item.currency,
              sum(item.uninvoiced_amount) as uninvoiced_amount,
              sum(item.uninvoiced_hours) as uninvoiced_hours,
              min(item.spent_date) as oldest_date
            from item
            inner join marts.dim_client as client
              on item.account_id = client.account_id
              and item.client_id = client.client_id
            inner join marts.dim_date as today
              on item.account_id = today.account_id
              and today.is_as_of_date
            inner join marts.dim_date as day
              on item.account_id = day.account_id
              and item.spent_date = day.date_day
            where today.day_number - day.day_number > :unbilled_days
            group by item.account_id, item.client_id, item.currency
            having sum(item.uninvoiced_amount) > 0
            order by sum(item.uninvoiced_amount) desc, item.client_id
        """,
        total="uninvoiced_amount",
    ),
    Alert(
        name="margin",
        severity="urgent",
        nouns=("project", "projects"),
        words="with less than {margin_share} left of the revenue of {margin_months}",
        line="{client_name}, {project_name}: {margin_amount} left of {revenue_amount}, {kept_share}",
        query="""
            select
              monthly.account_id,
              max(monthly.client_name) as client_name,
              max(monthly.project_name) as project_name,
              monthly.currency,
              sum(monthly.revenue) as revenue_amount,
              sum(monthly.margin) as margin_amount,
              sum(monthly.margin) / sum(monthly.revenue) as kept_share
            from marts.mart_project_profitability_monthly as monthly
            inner join marts.dim_date as month
              on monthly.account_id = month.account_id
              and monthly.month_start = month.date_day
            inner join marts.dim_date as today
              on monthly.account_id = today.account_id
              and today.is_as_of_date
            where
              monthly.is_complete_month
              and monthly.margin is not null
              and month.month_index >= today.month_index - :margin_months
            group by monthly.account_id, monthly.project_id, monthly.currency
            having sum(monthly.revenue) > 0 and sum(monthly.margin) < :margin_share * sum(monthly.revenue)
            order by sum(monthly.margin) / sum(monthly.revenue), monthly.project_id
        """,
    ),
    Alert(
        name="missing_timesheets",
        severity="soon",
        nouns=("timesheet", "timesheets"),
        words="of the last complete week missing {missing_hours} or more",
        line="{person_name}: {missing_hours} missing in the week of {week_start}",
        query="""
            select
              sheet.account_id,
              sheet.person_name,
              sheet.week_start,
              sheet.missing_hours,
              sheet.tracked_hours,
              sheet.capacity_hours,
              sheet.empty_working_days
            from marts.mart_timesheet_compliance_weekly as sheet
            inner join marts.dim_date as today
              on sheet.account_id = today.account_id
              and today.is_as_of_date
            where
              sheet.week_index = today.week_index - 1
              and sheet.is_active
              and sheet.missing_hours > 0
              and sheet.missing_hours >= :missing_hours
            order by sheet.missing_hours desc, sheet.person_name, sheet.user_id
        """,
        total="missing_hours",
    ),
    Alert(
        name="timers_over_night",
        severity="soon",
        nouns=("timer", "timers"),
        words="running since an earlier day",
        line="{person_name}: a timer of {spent_date} on {project_name}, {tracked_hours} when it was read",
        query="""
            select
              timer.account_id,
              timer.person_name,
              timer.project_name,
              timer.spent_date,
              timer.tracked_hours
            from finding.running_timer as timer
            inner join marts.dim_account as account
              on timer.account_id = account.account_id
            where timer.spent_date < account.as_of_date
            order by timer.spent_date, timer.person_name, timer.time_entry_id
        """,
    ),
    Alert(
        name="changed_after_invoicing",
        severity="soon",
        nouns=("time entry", "time entries"),
        words="changed after the invoice was sent, within {changed_days}",
        line="{person_name}, {project_name}: {entry_hours} of {spent_date} changed after invoice {invoice_number}",
        query="""
            select
              entry.account_id,
              entry.person_name,
              entry.project_name,
              entry.spent_date,
              entry.invoice_number,
              entry.sent_at,
              entry.updated_at,
              entry.hours as entry_hours,
              entry.currency,
              entry.value_at_rates as entry_amount
            from finding.changed_after_invoicing as entry
            inner join marts.dim_date as today
              on entry.account_id = today.account_id
              and today.is_as_of_date
            inner join marts.dim_date as day
              on entry.account_id = day.account_id
              and cast(entry.updated_at as date) = day.date_day
            where today.day_number - day.day_number <= :changed_days
            order by entry.updated_at desc, entry.time_entry_id
        """,
        total="entry_amount",
    ),
)
