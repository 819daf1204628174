"""Metrics and questions computed a second time, in plain Python, from the marts' independent computation (`mart_truth`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from fractions import Fraction
from functools import cache
from typing import Any

from mart_truth import KEYS, Books

Row = dict[str, Any]


@cache
def rows_of(books: Books, table: str) -> list[Row]:
    """Rows of a mart with the columns of its key."""
    found: Mapping[tuple[Any, ...], Row] = getattr(books, table)()
    return [{**dict(zip(KEYS[table], key, strict=True)), **row} for key, row in found.items()]


def total(rows: Iterable[Row], value: Callable[[Row], Any], *keys: str) -> dict[tuple[Any, ...], Fraction]:
    """Sum of a value by the values of the keys; of nothing where every value is None."""
    sums: dict[tuple[Any, ...], Fraction] = defaultdict(Fraction)
    for row in rows:
        if (part := value(row)) is not None:
            sums[tuple(row[key] for key in keys)] += Fraction(part)
    return dict(sums)


def metric_truth(books: Books, name: str) -> dict[tuple[Any, ...], Fraction | None]:
    """Every metric by what it is split by: its value over the whole account."""
    entries, invoices = rows_of(books, "fct_time_entry"), rows_of(books, "fct_invoice")
    weeks, sheets = rows_of(books, "mart_utilisation_weekly"), rows_of(books, "mart_timesheet_compliance_weekly")
    months, unbilled = rows_of(books, "mart_project_profitability_monthly"), rows_of(books, "mart_unbilled")
    owed, budgets = rows_of(books, "mart_receivables_monthly"), rows_of(books, "mart_project_budget")
    past = [week for week in weeks if week["week_end"] < books.as_of]
    home = [month for month in months if month["currency"] == books.home]
    work = [row for row in unbilled if row["age_bucket"] not in ("fee", "future")]
    opened = [invoice for invoice in invoices if invoice["state"] == "open" and invoice["due_amount"] > 0]
    net = [one for one in invoices if one["state"] in ("open", "paid") and not one["is_deposit"]]

    def column(rows: list[Row], name: str, *keys: str) -> dict[tuple[Any, ...], Fraction | None]:
        return dict(total(rows, lambda row: row[name], *keys))

    def ratio(rows: list[Row], above: str, below: str, *keys: str) -> dict[tuple[Any, ...], Fraction | None]:
        over, under = total(rows, lambda row: row[above], *keys), total(rows, lambda row: row[below], *keys)
        groups = {tuple(row[key] for key in keys) for row in rows}
        return {key: over[key] / under[key] if over.get(key) is not None and under.get(key) else None for key in groups}

    made: dict[str, Callable[[], dict[tuple[Any, ...], Fraction | None]]] = {
        "tracked_hours": lambda: {(): sum((Fraction(row["hours"]) for row in books.truth["time_entries"]), Fraction())},
        "hours": lambda: {(): sum((Fraction(row["rounded_hours"]) for row in books.truth["time_entries"]), Fraction())},
        "billable_hours": lambda: {
            (): sum(
                (Fraction(row["rounded_hours"]) for row in books.truth["time_entries"] if row["billable"]), Fraction()
            )
        },
        "value_at_rates": lambda: column(entries, "value_at_rates", "currency"),
        "billable_amount": lambda: column(entries, "billable_amount", "currency"),
        "labour_cost": lambda: column(entries, "labour_cost"),
        "time_off_hours": lambda: column(weeks, "time_off_hours"),
        "capacity_hours": lambda: {(): sum((Fraction(hours) for _, _, hours in books.capacity()), Fraction())},
        "available_hours": lambda: column(weeks, "available_hours"),
        "billable_utilisation": lambda: ratio(past, "billable_hours", "available_hours"),
        "total_utilisation": lambda: ratio(past, "tracked_hours", "capacity_hours"),
        "missing_hours": lambda: column(
            [one for one in sheets if one["week_end"] < books.as_of], "missing_hours_of_week"
        ),
        "unapproved_hours": lambda: column(sheets, "unapproved_hours"),
        "expense_amount": lambda: _expenses(books, is_billable=False),
        "billable_expense_amount": lambda: _expenses(books, is_billable=True),
        "unbilled_amount": lambda: column(work, "uninvoiced_amount", "currency"),
        "unbilled_hours": lambda: column(work, "uninvoiced_hours"),
        "unbilled_fee": lambda: column(
            [row for row in unbilled if row["age_bucket"] == "fee"], "uninvoiced_amount", "currency"
        ),
        "invoiced_amount": lambda: column([one for one in invoices if one["state"] != "draft"], "amount", "currency"),
        "invoiced_net": lambda: column(net, "net_amount", "currency"),
        "paid_amount": lambda: column(owed, "paid", "currency"),
        "written_off_amount": lambda: column(owed, "written_off", "currency"),
        "receivables": lambda: column(opened, "due_amount", "currency"),
        "overdue_amount": lambda: column(
            [one for one in opened if one["due_date"] < books.as_of], "due_amount", "currency"
        ),
        "revenue": lambda: column(months, "revenue", "currency"),
        "cost": lambda: {(): sum((Fraction(row["labour_cost"] + row["expense_cost"]) for row in home), Fraction())},
        "margin": lambda: {
            (): sum((Fraction(row["revenue"] - row["labour_cost"] - row["expense_cost"]) for row in home), Fraction())
        },
        "margin_share": lambda: ratio(home, "margin", "revenue"),
        "effective_rate": lambda: ratio(work_of(months), "of_work", "hours", "currency"),
        "rate_realisation": lambda: ratio(work_of(months), "of_work", "value_at_rates", "currency"),
        "budget_spent": lambda: column(budgets, "budget_spent", "budget_unit", "currency"),
        "budget_remaining": lambda: column(budgets, "budget_remaining", "budget_unit", "currency"),
        "open_estimates_amount": lambda: _estimates(books),
    }
    return made[name]()


def work_of(months: list[Row]) -> list[Row]:
    """Months with what work alone brought: fees, and hours at rates."""
    return [{**month, "of_work": month["time_revenue"] + month["fixed_fee_revenue"]} for month in months]


def _expenses(books: Books, *, is_billable: bool) -> dict[tuple[Any, ...], Fraction | None]:
    sums: dict[tuple[Any, ...], Fraction | None] = {}
    for row in books.truth["expenses"]:
        key = (books.currency_of(row["project"]["id"]),)
        counted = Fraction(row["total_cost"]) if row["billable"] or not is_billable else Fraction()
        sums[key] = (sums.get(key) or Fraction()) + counted
    return sums


def _estimates(books: Books) -> dict[tuple[Any, ...], Fraction | None]:
    sums: dict[tuple[Any, ...], Fraction | None] = {}
    for row in books.truth["estimates"]:
        if row["state"] in ("draft", "sent"):
            key = (row["currency"],)
            sums[key] = (sums.get(key) or Fraction()) + Fraction(books.net_of(row))
    return sums


def last_weeks(books: Books, count: int) -> set[date]:
    """First days of the last complete weeks, so many."""
    firsts = sorted({row["week_start"] for row in rows_of(books, "dim_date") if row["is_complete_week"]})
    return set(firsts[-count:])


def months_in_view(books: Books, count: int) -> tuple[date, date]:
    """First month that the last complete weeks touch, as the dashboard shows them, and the last."""
    weeks = last_weeks(books, count)
    days = [row for row in rows_of(books, "dim_date") if row["week_start"] >= min(weeks)]
    return min(row["month_start"] for row in days), books.as_of
