"""Definitions that people see in more than one place, as SQL on the marts: dashboard, weekly report and alerts share them.

In each query the mart has the alias `fact`; `AS_OF` adds the day of the figures as `today`, `OF_MONTH` the month of a row.
"""

from __future__ import annotations

AS_OF = "inner join marts.dim_date as today on fact.account_id = today.account_id and today.is_as_of_date"
OF_MONTH = (
    "inner join marts.dim_date as month on fact.account_id = month.account_id and fact.month_start = month.date_day"
)

LAST_WEEK = "fact.week_index = today.week_index - 1"
"""The last complete week."""

LAST_WEEKS = "fact.week_index between today.week_index - :weeks and today.week_index - 1"
"""The last `:weeks` complete weeks."""

LAST_MONTHS = "month.month_index between today.month_index - :months and today.month_index - 1"
"""The last `:months` complete months: of the running month, costs are known only so far, fees are spread to its end."""

RECEIVABLE = "fact.state = 'open' and fact.due_amount > 0"
"""Invoices on which a client owes something: no drafts, none written off, none of zero, no credits."""

CREDIT = "fact.state = 'open' and fact.due_amount < 0"
"""Invoices on which a client has paid too much."""

OVERDUE = f"{RECEIVABLE} and fact.days_overdue > 0"
"""Invoices on which a client owes something after the due date."""

UNBILLED = "fact.age_bucket not in ('fee', 'future')"
"""Rows of mart_unbilled with billable time and expenses that are on no invoice, and not dated ahead."""

FEE_LEFT = "fact.age_bucket = 'fee'"
"""Rows of mart_unbilled with what is left of fixed fees, negative where more was invoiced."""

UNBILLED_TIME = "fact.project_type = 'time_and_materials' and fact.is_billable and not fact.is_billed"
UNBILLED_EXPENSES = (
    "fact.project_type in ('time_and_materials', 'fixed_fee') and fact.is_billable and not fact.is_billed"
)
"""Time entries and expenses behind the rows of UNBILLED: time on fixed fee projects is part of the fee, expenses are not."""

MISSING_HOURS = "fact.missing_hours_of_week"
"""Hours missing from a timesheet: of the whole week, since four long days are a full week, too."""

OVER_BUDGET = "fact.status in ('over', 'forecast_over')"
"""Budgets that are overspent, or will be at their present pace."""

PROJECT_RATES = """
  left join (
    select
      account_id,
      project_id,
      sum(value_at_rates) / sum(billable_hours) as rate
    from marts.mart_project_profitability_monthly
    group by
      account_id,
      project_id
    having sum(billable_hours) > 0 and sum(value_at_rates) > 0
  ) as rates
    on fact.account_id = rates.account_id
    and fact.project_id = rates.project_id
"""
OVER_AMOUNT = """
  case
    when fact.budget is null then null
    when fact.status = 'over' then fact.budget_spent - fact.budget
    when fact.status = 'forecast_over' then fact.estimate_at_completion - fact.budget
    else 0
  end * case when fact.budget_unit = 'money' or fact.status not in ('over', 'forecast_over') then 1 else rates.rate end
"""
"""Money by which a budget is, or will be, exceeded: hours at the project's average billable rate, null without one.

With PROJECT_RATES.
"""

CLIENT_WORK = "fact.project_type <> 'non_billable'"
"""Projects that clients pay for; the others are internal work and leave."""
