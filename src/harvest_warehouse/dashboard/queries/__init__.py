"""Queries on the marts: hours and money are summed here, ratios are computed from the sums where they are shown."""

from __future__ import annotations

from harvest_warehouse.dashboard.queries.a_week_ago import overdue_a_week_ago, unbilled_a_week_ago
from harvest_warehouse.dashboard.queries.ahead import capacity_ahead, expected_cash, invoiced_by_month
from harvest_warehouse.dashboard.queries.cash import (
    clients_of_twelve_months,
    estimates,
    fees_left,
    overdue_invoices,
    overpaid,
    receivables_by_age,
    receivables_by_month,
    unbilled,
)
from harvest_warehouse.dashboard.queries.people import (
    missing_by_week,
    missing_timesheets,
    on_leave,
    utilisation_by_person,
    utilisation_by_person_and_week,
    utilisation_by_week,
)
from harvest_warehouse.dashboard.queries.projects import (
    budget_lines,
    budgets,
    internal_cost,
    profitability,
    retainers,
    revenue_by_currency,
)

__all__ = [
    "budget_lines",
    "budgets",
    "capacity_ahead",
    "clients_of_twelve_months",
    "estimates",
    "expected_cash",
    "fees_left",
    "internal_cost",
    "invoiced_by_month",
    "missing_by_week",
    "missing_timesheets",
    "on_leave",
    "overdue_a_week_ago",
    "overdue_invoices",
    "overpaid",
    "profitability",
    "receivables_by_age",
    "receivables_by_month",
    "retainers",
    "revenue_by_currency",
    "unbilled",
    "unbilled_a_week_ago",
    "utilisation_by_person",
    "utilisation_by_person_and_week",
    "utilisation_by_week",
]
