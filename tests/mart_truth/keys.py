"""The tables, and what identifies a row within an account."""

from __future__ import annotations

KEYS = {
    "dim_account": (),
    "dim_date": ("date_day",),
    "dim_client": ("client_id",),
    "dim_project": ("project_id",),
    "dim_person": ("user_id",),
    "dim_person_rate": ("user_id", "rate_kind", "rate_id"),
    "dim_task": ("task_id",),
    "fct_time_entry": ("time_entry_id",),
    "fct_expense": ("expense_id",),
    "fct_invoice": ("invoice_id",),
    "fct_invoice_line": ("invoice_line_id",),
    "fct_capacity_day": ("user_id", "date_day"),
    "mart_utilisation_weekly": ("user_id", "week_start"),
    "mart_timesheet_compliance_weekly": ("user_id", "week_start"),
    "mart_project_budget": ("project_id",),
    "mart_project_budget_line": ("project_id", "line_kind", "line_id"),
    "mart_fixed_fee_revenue_monthly": ("project_id", "month_start"),
    "mart_project_profitability_monthly": ("project_id", "month_start"),
    "mart_unbilled": ("project_id", "age_bucket"),
    "mart_receivables_monthly": ("currency", "month_start"),
    "mart_retainer_monthly": ("project_id", "month_start"),
    "mart_client_monthly": ("client_id", "month_start"),
    "mart_estimate_pipeline": ("estimate_id",),
    "mart_invoice_realisation": ("invoice_id",),
    "mart_expected_cash": ("invoice_id",),
    "mart_work_monthly": ("user_id", "project_id", "task_id", "month_start"),
    "mart_capacity_forecast_weekly": ("user_id", "week_start"),
    "mart_data_quality": ("finding",),
}
