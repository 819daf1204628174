"""Catalogue of alerts, as data. Adding an alert is adding an entry here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harvest_warehouse.definitions import (
    AS_OF,
    LAST_MONTHS,
    LAST_WEEK,
    MISSING_HOURS,
    OF_MONTH,
    OVER_AMOUNT,
    OVER_BUDGET,
    OVERDUE,
    PROJECT_RATES,
    UNBILLED_EXPENSES,
    UNBILLED_TIME,
)

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
        loss_line: the same where `loss_amount` is above 0; empty for no other text.
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
    loss_line: str = ""


# The largest amount of each currency comes first: currencies are not compared.
_PLACE = "row_number() over (partition by {row}.account_id, {row}.currency order by {by} desc, {key})"

ALERTS = (
    Alert(
        name="overdue_invoices",
        severity="urgent",
        nouns=("invoice", "invoices"),
        words="overdue by {overdue_days} or more",
        line="{client_name}: invoice {invoice_number}, {open_amount}, due {due_date}, {days_overdue} days overdue",
        query=f"""
            select
              fact.account_id,
              fact.client_id,
              fact.client_name,
              fact.invoice_id,
              fact.invoice_number,
              fact.currency,
              fact.due_amount as open_amount,
              fact.due_date,
              fact.days_overdue,
              {_PLACE.format(row="fact", by="fact.due_amount", key="fact.invoice_id")} as place
            from marts.fct_invoice as fact
            where {OVERDUE} and fact.days_overdue >= :overdue_days
            order by place, currency
        """,
        total="open_amount",
    ),
    Alert(
        name="budget",
        severity="urgent",
        nouns=("budget", "budgets"),
        words="spent to {budget_share} or more, or heading past 100%",
        line="{client_name}, {project_name}: {budget_spent} of {budget} {unit} spent ({spent_share}), forecast {forecast_share}",
        query=f"""
            with budget as (
              select
                fact.*,
                case when fact.budget_unit = 'money' then fact.currency else 'hours' end as unit,
                case when fact.budget > 0 then fact.estimate_at_completion / fact.budget end as forecast_share,
                {OVER_AMOUNT} as over_amount
              from marts.mart_project_budget as fact
              {PROJECT_RATES}
              where
                fact.is_active
                and fact.budget is not null
                and ({OVER_BUDGET} or fact.spent_share >= :budget_share)
            )

            select
              budget.account_id,
              budget.client_id,
              budget.client_name,
              budget.project_id,
              budget.project_name,
              budget.currency,
              budget.unit,
              budget.budget,
              budget.budget_spent,
              budget.spent_share,
              budget.forecast_share,
              budget.weeks_of_budget_left,
              budget.forecast_until,
              budget.status,
              budget.over_amount,
              {_PLACE.format(row="budget", by="coalesce(budget.over_amount, 0)", key="coalesce(budget.spent_share, 1000) desc, budget.project_id")} as place
            from budget
            order by place, currency
        """,
    ),
    Alert(
        name="unbilled",
        severity="urgent",
        nouns=("client", "clients"),
        words="with work unbilled for more than {unbilled_days}",
        line="{client_name}: {uninvoiced_amount} not billed, the oldest of {oldest_date}",
        query=f"""
            with item as (
              select
                fact.account_id,
                fact.client_id,
                fact.spent_date,
                fact.currency,
                fact.uninvoiced_hours,
                fact.uninvoiced_amount
              from marts.fct_time_entry as fact
              where {UNBILLED_TIME}
              union all
              select
                fact.account_id,
                fact.client_id,
                fact.spent_date,
                fact.currency,
                0 as uninvoiced_hours,
                fact.uninvoiced_amount
              from marts.fct_expense as fact
              where {UNBILLED_EXPENSES}
            ),

            waiting as (
              select
                item.account_id,
                item.client_id,
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
            )

            select
              waiting.*,
              {_PLACE.format(row="waiting", by="waiting.uninvoiced_amount", key="waiting.client_id")} as place
            from waiting
            order by place, currency
        """,
        total="uninvoiced_amount",
    ),
    Alert(
        name="margin",
        severity="urgent",
        nouns=("project", "projects"),
        words="with less than {margin_share} left of the revenue of {margin_months}",
        line="{client_name}, {project_name}: {margin_amount} left of {revenue_amount}, {kept_share}",
        loss_line="{client_name}, {project_name}: lost {loss_amount} on revenue of {revenue_amount}",
        query=f"""
            with project as (
              select
                fact.account_id,
                fact.client_id,
                max(fact.client_name) as client_name,
                fact.project_id,
                max(fact.project_name) as project_name,
                fact.currency,
                min(fact.month_start) as from_month,
                sum(fact.revenue) as revenue_amount,
                sum(fact.margin) as margin_amount,
                -sum(fact.margin) as loss_amount,
                sum(fact.margin) / sum(fact.revenue) as kept_share
              from marts.mart_project_profitability_monthly as fact
              {AS_OF}
              {OF_MONTH}
              where {LAST_MONTHS.replace(":months", ":margin_months")} and fact.margin is not null
              group by fact.account_id, fact.client_id, fact.project_id, fact.currency
              having sum(fact.revenue) > 0 and sum(fact.margin) < :margin_share * sum(fact.revenue)
            )

            select
              project.*,
              {_PLACE.format(row="project", by="project.loss_amount", key="project.project_id")} as place
            from project
            order by place, currency
        """,
    ),
    Alert(
        name="missing_timesheets",
        severity="soon",
        nouns=("timesheet", "timesheets"),
        words="of the last complete week missing {missing_hours} or more",
        line="{person_name}: {missing_hours} missing in the week of {week_start}",
        query=f"""
            select
              fact.account_id,
              fact.person_name,
              fact.week_start,
              {MISSING_HOURS} as missing_hours,
              fact.tracked_hours,
              fact.capacity_hours,
              fact.empty_working_days
            from marts.mart_timesheet_compliance_weekly as fact
            {AS_OF}
            where
              {LAST_WEEK}
              and fact.is_active
              and {MISSING_HOURS} > 0
              and {MISSING_HOURS} >= :missing_hours
            order by {MISSING_HOURS} desc, fact.person_name, fact.user_id
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
