"""Definitions of the Harvest reports that are compared, and parsing of their rows. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from harvest_time_tracking.errors import ContractViolation

BUDGET = "project_budget"
UNINVOICED = "uninvoiced"


@dataclass(frozen=True)
class Report:
    """Definition of one of Harvest's reports.

    Attributes:
        path: path below `reports/`.
        subject: what its rows are grouped by.
        measures: columns to compare.
        params: query parameters, besides the window.
        feature: feature switch of the company that it needs; else empty.
        needs: tables for the local totals, besides time entries, projects and clients.
    """

    path: str
    subject: str
    measures: tuple[str, ...]
    params: Mapping[str, str] = field(default_factory=dict)
    feature: str = ""
    needs: tuple[str, ...] = ()


_TIME = ("total_hours", "billable_hours", "billable_amount")
_SPENT = ("total_amount", "billable_amount")
_LEFT = ("total_hours", "uninvoiced_hours", "uninvoiced_expenses", "uninvoiced_amount")
_REPORTS = (
    # With fixed fees here and without in the other two, so that both kinds of amounts are compared.
    Report("time/projects", "project", _TIME, {"include_fixed_fee": "true"}),
    Report("time/team", "user", _TIME),
    Report("time/tasks", "task", _TIME),
    Report("expenses/projects", "project", _SPENT, feature="expense_feature", needs=("expenses",)),
    Report("expenses/categories", "expense_category", _SPENT, feature="expense_feature", needs=("expenses",)),
    Report("expenses/team", "user", _SPENT, feature="expense_feature", needs=("expenses",)),
    Report(
        UNINVOICED,
        "project",
        _LEFT,
        {"include_fixed_fee": "true"},
        "invoice_feature",
        ("expenses", "invoices", "invoices__line_items"),
    ),
    Report(
        BUDGET,
        "project",
        ("budget", "budget_spent", "budget_remaining"),
        needs=("expenses", "task_assignments", "user_assignments"),
    ),
)
REPORTS = {report.path: report for report in _REPORTS}
"""Reports by path. https://help.getharvest.com/api-v2/reports-api/reports/time-reports/ and the pages beside it."""


@dataclass(frozen=True)
class TheirRow:
    """Row of a report: its subject, and the value of each measure; None if Harvest states none."""

    subject_id: int
    subject: str
    currency: str
    values: Mapping[str, Decimal | None]


def their_rows(report: Report, body: bytes) -> list[TheirRow]:
    """Parse the rows of a report, keeping every digit.

    Raises:
        ContractViolation: a figure is not a number.
    """
    try:
        return [_their_row(report, record) for record in json.loads(body, parse_float=Decimal)["results"]]
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        raise ContractViolation(
            f"Harvest's report {report.path} has something other than a number where one belongs: run again later."
        ) from error


def _their_row(report: Report, record: Mapping[str, Any]) -> TheirRow:
    values = {name: record.get(name) for name in report.measures}
    return TheirRow(
        int(record.get(f"{report.subject}_id") or 0),
        str(record.get(f"{report.subject}_name") or ""),
        str(record.get("currency") or ""),
        {name: None if value is None else Decimal(value) for name, value in values.items()},
    )
