"""What questions come to, in plain Python, for those that neither the dashboard nor an alert answers too.

Each gives the expected rows by the values of some of their columns.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from fractions import Fraction
from typing import Any

from mart_truth import Books
from warehouse.semantics.semantic_truth import Row, last_weeks, rows_of, total

Expected = dict[tuple[Any, ...], Row]


def who_has_room(books: Books) -> Expected:
    weeks = last_weeks(books, 4)
    mine = [row for row in rows_of(books, "mart_utilisation_weekly") if row["is_active"] and row["week_start"] in weeks]
    left = total(mine, lambda row: row["available_hours"] - Fraction(row["billable_hours"]), "user_id")
    return {key: {"unused_hours": hours} for key, hours in left.items() if hours > 0}


def who_works_too_much(books: Books) -> Expected:
    weeks = last_weeks(books, 4)
    mine = [row for row in rows_of(books, "mart_utilisation_weekly") if row["week_start"] in weeks]
    tracked, capacity = (
        total(mine, lambda row, name=name: row[name], "user_id") for name in ("tracked_hours", "capacity_hours")
    )
    return {key: {"tracked_hours": hours} for key, hours in tracked.items() if hours > capacity[key]}


def unapproved_hours(books: Books) -> Expected:
    sheets = [row for row in rows_of(books, "mart_timesheet_compliance_weekly") if row["week_end"] < books.as_of]
    sums = total(sheets, lambda row: row["unapproved_hours"], "user_id")
    oldest = {
        key: min(row["week_start"] for row in sheets if (row["user_id"],) == key and row["unapproved_hours"])
        for key, hours in sums.items()
        if hours
    }
    return {key: {"unapproved_hours": sums[key], "oldest_week": week} for key, week in oldest.items()}


def time_off_by_person(books: Books) -> Expected:
    # On each day at most the day's capacity.
    weeks = [row for row in rows_of(books, "mart_utilisation_weekly") if row["time_off_hours"]]
    sums = total(weeks, lambda row: row["time_off_hours"], "user_id")
    return {key: {"time_off_hours": hours} for key, hours in sums.items()}


def running_timers(books: Books) -> Expected:
    return {
        (entry["time_entry_id"],): {"spent_date": entry["day"], "person_name": books.name_of(entry["user"])}
        for entry in books.entries
        if entry["is_running"]
    }


def _hours_by(name: str, hours: str = "hours") -> Callable[[Books], Expected]:
    column = "tracked_hours" if hours == "tracked" else "hours"

    def expected(books: Books) -> Expected:
        sums = total(books.entries, lambda row: row[hours], name)
        billable = total(books.entries, lambda row: row["billable_hours"], name)
        return {key: {column: value, "billable_hours": billable[key]} for key, value in sums.items()}

    return expected


def _unbilled_by(*keys: str) -> Callable[[Books], Expected]:
    def expected(books: Books) -> Expected:
        work = [row for row in rows_of(books, "mart_unbilled") if row["age_bucket"] not in ("fee", "future")]
        sums = total(work, lambda row: row["uninvoiced_amount"], *keys)
        return {key: {"uninvoiced_amount": amount} for key, amount in sums.items()}

    return expected


def fees_left_to_invoice(books: Books) -> Expected:
    lines = books.invoiced_lines()
    return {
        (project["id"],): {"fee_left": project["fee"] - lines.get(project["id"], 0)}
        for project in books.projects.values()
        if books.type_of(project) == "fixed_fee"
        and project["fee"] is not None
        and project["fee"] != lines.get(project["id"], 0)
        and date.fromisoformat(project["starts_on"] or project["created_at"][:10]) <= books.as_of
    }


def _invoices(books: Books, *states: str) -> list[Row]:
    return [row for row in books.invoices.values() if row["state"] in states]


def overdue_by_client(books: Books) -> Expected:
    late = [
        row
        for row in _invoices(books, "open")
        if row["due_amount"] > 0 and date.fromisoformat(row["due_date"]) < books.as_of
    ]
    made: Expected = defaultdict(lambda: {"invoices": 0, "overdue_amount": 0, "longest_overdue_days": 0})
    for row in late:
        mine = made[row["client"]["id"], row["currency"]]
        days = (books.as_of - date.fromisoformat(row["due_date"])).days
        mine["invoices"] += 1
        mine["overdue_amount"] += row["due_amount"]
        mine["longest_overdue_days"] = max(mine["longest_overdue_days"], days)
    return made


def invoiced_by_month(books: Books) -> Expected:
    made: Expected = defaultdict(lambda: {"invoices": 0, "invoiced_net": 0})
    for row in _invoices(books, "open", "paid"):
        if not books.is_deposit(row):
            mine = made[date.fromisoformat(row["issue_date"]).replace(day=1), row["currency"]]
            mine["invoices"] += 1
            mine["invoiced_net"] += books.net_of(row)
    return made


def draft_invoices(books: Books) -> Expected:
    return {(row["number"],): {"net_amount": books.net_of(row)} for row in _invoices(books, "draft")}


def days_to_pay_by_client(books: Books) -> Expected:
    days: dict[int, list[int]] = defaultdict(list)
    for row in _invoices(books, "paid"):
        if row["paid_date"]:
            waited = date.fromisoformat(row["paid_date"]) - date.fromisoformat(row["issue_date"])
            days[row["client"]["id"]].append(waited.days)
    return {
        (client,): {"paid_invoices": len(waits), "average_days": Fraction(sum(waits), len(waits))}
        for client, waits in days.items()
    }


def written_off_invoices(books: Books) -> Expected:
    paid = books.paid()
    return {
        (row["number"],): {"written_off_amount": row["amount"] - paid.get(row["id"], 0)}
        for row in _invoices(books, "closed")
        if row["amount"] != paid.get(row["id"], 0)
    }


def client_dependency(books: Books) -> Expected:
    last = max(row["month_start"] for row in rows_of(books, "dim_date") if row["is_complete_month"])
    return {
        (row["client_name"], row["currency"]): {
            "revenue_in_12_months": row["revenue_in_12_months"],
            "revenue_share_in_12_months": row["revenue_share_in_12_months"],
        }
        for row in rows_of(books, "mart_client_monthly")
        if row["month_start"] == last
    }


def fixed_fee_projects(books: Books) -> Expected:
    months = [
        row
        for row in rows_of(books, "mart_project_profitability_monthly")
        if books.type_of(books.projects[row["project_id"]]) == "fixed_fee"
    ]
    fees = total(rows_of(books, "mart_fixed_fee_revenue_monthly"), lambda row: row["revenue"], "project_id")
    worth = total(months, lambda row: row["value_at_rates"], "project_id")
    return {key: {"revenue": fees.get(key, Fraction()), "value_at_rates": value} for key, value in worth.items()}


def budget_of_a_project(books: Books) -> Expected:
    return {
        (row["project_name"], row["line_kind"], row["line_name"]): {"spent": row["spent"]}
        for row in rows_of(books, "mart_project_budget_line")
    }


def retainer_balances(books: Books) -> Expected:
    return {
        (row["project_name"],): {"used": row["used"], "rolling_balance": row["rolling_balance"]}
        for row in rows_of(books, "mart_retainer_monthly")
        if row["is_active"] and row["month_start"] == books.as_of.replace(day=1)
    }


def open_estimates(books: Books) -> Expected:
    return {
        (row["number"],): {"net_amount": books.net_of(row)}
        for row in books.truth["estimates"]
        if row["state"] in ("draft", "sent")
    }


def estimates_won(books: Books) -> Expected:
    counted = Counter((row["currency"], row["state"]) for row in books.truth["estimates"])
    return {key: {"estimates": count} for key, count in counted.items()}


def expenses_by_category(books: Books) -> Expected:
    made: Expected = defaultdict(lambda: {"expenses": 0, "amount": 0})
    for row in books.truth["expenses"]:
        mine = made[row["expense_category"]["name"], books.currency_of(row["project"]["id"])]
        mine["expenses"] += 1
        mine["amount"] += row["total_cost"]
    return made


def time_without_rates(books: Books) -> Expected:
    def without(entry: Row, is_cost: bool) -> Any:
        record = entry["record"]
        is_missing = record["cost_rate"] is None if is_cost else _has_no_rate(entry)
        return entry["hours"] if is_missing else 0

    def _has_no_rate(entry: Row) -> bool:
        return bool(entry["is_material"] and entry["record"]["billable"] and entry["record"]["billable_rate"] is None)

    bare = [one for one in books.entries if one["record"]["cost_rate"] is None or _has_no_rate(one)]
    billable = total(bare, lambda row: without(row, False), "project")
    cost = total(bare, lambda row: without(row, True), "project")
    return {
        key: {"hours_without_billable_rate": value, "hours_without_cost_rate": cost[key]}
        for key, value in billable.items()
    }


# By question: the columns that tell its rows apart, and what they come to.
EXPECTED: dict[str, tuple[Iterable[str], Callable[[Books], Expected]]] = {
    "who_has_room": (("user_id",), who_has_room),
    "who_works_too_much": (("user_id",), who_works_too_much),
    "unapproved_hours": (("user_id",), unapproved_hours),
    "time_off_by_person": (("user_id",), time_off_by_person),
    "running_timers": (("time_entry_id",), running_timers),
    "hours_by_client": (("client_id",), _hours_by("client")),
    "hours_by_project": (("project_id",), _hours_by("project")),
    "hours_by_person": (("user_id",), _hours_by("user", "tracked")),
    "hours_by_task": (("task_id",), _hours_by("task")),
    "unbilled_by_age": (("currency", "age_bucket"), _unbilled_by("currency", "age_bucket")),
    "unbilled_by_project": (("project_id",), _unbilled_by("project_id")),
    "fees_left_to_invoice": (("project_id",), fees_left_to_invoice),
    "overdue_by_client": (("client_id", "currency"), overdue_by_client),
    "invoiced_by_month": (("month_start", "currency"), invoiced_by_month),
    "draft_invoices": (("invoice_number",), draft_invoices),
    "days_to_pay_by_client": (("client_id",), days_to_pay_by_client),
    "written_off_invoices": (("invoice_number",), written_off_invoices),
    "client_dependency": (("client_name", "currency"), client_dependency),
    "fixed_fee_projects": (("project_id",), fixed_fee_projects),
    "budget_of_a_project": (("project_name", "line_kind", "line_name"), budget_of_a_project),
    "retainer_balances": (("project_name",), retainer_balances),
    "open_estimates": (("estimate_number",), open_estimates),
    "estimates_won": (("currency", "state"), estimates_won),
    "expenses_by_category": (("expense_category_name", "currency"), expenses_by_category),
    "time_without_rates": (("project_id",), time_without_rates),
}
