"""Titles of sections: conclusions made from the rows that the section shows, and true of all of them.

No title reads the marts. An amount that rounds to 0 counts as none, and a share is "all" only where nothing is left.
"""

from __future__ import annotations

from harvest_warehouse.dashboard.titles.budget_and_margin import (
    budget_lines,
    budgets,
    margin,
    monthly_budgets,
    projects,
    rates,
    revenue,
    running_out,
    span,
    without_rate,
)
from harvest_warehouse.dashboard.titles.cash import (
    calls,
    company,
    concentration,
    days_outstanding,
    decided,
    expected_cash,
    fees,
    month_so_far,
    overdue,
    pipeline,
    receivables,
    unbilled,
)
from harvest_warehouse.dashboard.titles.hours import (
    free,
    free_people,
    free_roles,
    full_weeks,
    leave,
    people,
    timesheets,
    utilisation,
    without_cost,
)

__all__ = [
    "budget_lines",
    "budgets",
    "calls",
    "company",
    "concentration",
    "days_outstanding",
    "decided",
    "expected_cash",
    "fees",
    "free",
    "free_people",
    "free_roles",
    "full_weeks",
    "leave",
    "margin",
    "month_so_far",
    "monthly_budgets",
    "overdue",
    "people",
    "pipeline",
    "projects",
    "rates",
    "receivables",
    "revenue",
    "running_out",
    "span",
    "timesheets",
    "unbilled",
    "utilisation",
    "without_cost",
    "without_rate",
]
