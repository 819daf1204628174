"""What is behind a tile, a bar or a row of a table: the address of the records that it is computed from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.url import address, path_of

Row = Mapping[str, Any]
Pairs = list[tuple[str, object]]


class Behind:
    """Addresses of what is behind the figures of a page, with the page's filters.

    Args:
        chosen: the page's filters.
        query: the query that asks for them.
    """

    def __init__(self, chosen: Filters, query: list[tuple[str, str]]) -> None:
        self._chosen = chosen
        self._query = query

    def tile(self, label: str) -> str | None:
        """Address of what is behind a tile; None for a tile without an entry here."""
        if label in _TABLES:
            page, table = _TABLES[label]
            return f"{address(path_of(page), self._query)}#{table}"
        if label not in _TILES:
            return None
        kind, pairs = _TILES[label]
        return self._records(kind, pairs(self._chosen))

    def row(self, section: str, row: Row) -> str | None:
        """Address of what is behind a row of a section, or behind a bar that is drawn from it; None if there is nothing."""
        if section not in _ROWS:
            return None
        kind, keys, pairs = _ROWS[section]
        if any(row.get(key) is None for key in keys):
            # The bar sums up several rows, or shows none.
            return None
        said = pairs(row, self._chosen)
        return self._records(kind, said) if said else None

    def without_rate(self) -> str:
        """Address of the billable time entries without a rate."""
        return self._records("time", [("only", "without-rate")])

    def _records(self, kind: str, pairs: Pairs) -> str:
        account = [pair for pair in self._query if pair[0] == "account"]
        return address(f"/rows/{kind}", [*account, *pairs])


def _money(chosen: Filters) -> Pairs:
    return [
        *([("currency", chosen.currency)] if chosen.currency else []),
        *(("client", key) for key in chosen.client_ids),
    ]


def _people(chosen: Filters) -> Pairs:
    return [] if chosen.has_contractors else [("only", "employees")]


def _week(row: Row) -> Pairs:
    first = _date(row["week_start"])
    return [("from", first), ("to", first + timedelta(days=6))]


def _month(row: Row) -> Pairs:
    first = _date(row["month_start"])
    return [("from", first), ("to", (first + timedelta(days=31)).replace(day=1) - timedelta(days=1))]


def _date(value: Any) -> date:
    # Rows have dates, a chart's data has their text.
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])


_TILES: Mapping[str, tuple[str, Callable[[Filters], Pairs]]] = {
    "Billable utilisation, last week": (
        "time",
        lambda chosen: [("only", "billable"), *_people(chosen), ("weeks", 1)],
    ),
    "Not yet billed": ("unbilled", _money),
    "Receivables": ("invoices", lambda chosen: [("only", "open"), *_money(chosen)]),
    "Overdue": ("invoices", lambda chosen: [("only", "overdue"), *_money(chosen)]),
}
_TABLES: Mapping[str, tuple[str, str]] = {
    "Runs that failed": ("Runs", "runs"),
    "Failed in a row": ("Runs", "runs"),
    "Last run took": ("Runs", "run-durations"),
    "Requests of the last run": ("Runs", "run-requests"),
    "Timesheets to chase, last week": ("People", "timesheets-to-chase"),
    "Budgets over, or heading over": ("Budgets", "budgets"),
    "Over budget": ("Budgets", "budgets"),
    "Heading over": ("Budgets", "budgets"),
    "80% and more": ("Budgets", "budgets"),
    "No amount entered": ("Budgets", "budgets"),
    "People with capacity": ("People", "people"),
    "Room until target, a week": ("People", "people"),
    "Above 100% on average": ("People", "people"),
    "On leave this week": ("People", "on-leave"),
    "Free next week": ("Capacity", "free-people"),
    "Free in eight weeks": ("Capacity", "free-people"),
    "A day free next week": ("Capacity", "free-people"),
    "Planned leave": ("Capacity", "capacity-by-week"),
    "Left of fixed fees": ("Billing & cash", "fixed-fees"),
    "Revenue": ("Margin", "revenue-by-month"),
    "Margin of client work": ("Margin", "revenue-by-month"),
    "Internal work and leave": ("Margin", "revenue-by-month"),
    "Largest client": ("Clients & pipeline", "clients-by-revenue"),
    "Revenue of twelve months": ("Clients & pipeline", "clients-by-revenue"),
    "Offered": ("Clients & pipeline", "open-estimates"),
    "Won": ("Clients & pipeline", "decided-estimates"),
    "Standard rate": ("Margin", "rates-by-client"),
    "Effective rate": ("Margin", "rates-by-client"),
    "Figures equal to Harvest's": ("Trust", "reconciliation"),
    "Things to fix or look at": ("Trust", "findings"),
    "Lists not read completely": ("Trust", "last-load"),
    "The data is old": ("Trust", "last-load"),
    "Deleted in Harvest": ("Trust", "deletions"),
}
_FINDINGS = {"missing_billable_rate": "without-rate", "missing_cost_rate": "without-cost-rate"}
# Kind of records, keys that a row must have, and the conditions.
_ROWS: Mapping[str, tuple[str, tuple[str, ...], Callable[[Row, Filters], Pairs]]] = {
    "utilisation-by-week": ("time", ("week_start",), lambda row, chosen: [*_people(chosen), *_week(row)]),
    "budgets": ("time", ("project_id",), lambda row, _: [("project", row["project_id"])]),
    "budgets-running-out": ("time", ("project_id",), lambda row, _: [("project", row["project_id"])]),
    "monthly-budgets": (
        "time",
        ("project_id", "month_start"),
        lambda row, _: [("project", row["project_id"]), *_month(row)],
    ),
    "unbilled-by-client": (
        "unbilled",
        ("client_id", "age_bucket"),
        lambda row, chosen: [("currency", chosen.currency), ("client", row["client_id"]), ("age", row["age_bucket"])],
    ),
    "receivables-by-age": (
        "invoices",
        ("overdue_bucket",),
        lambda row, chosen: (
            [("only", "open"), *_money(chosen), ("overdue", row["overdue_bucket"])] if row.get("invoices", 1) else []
        ),
    ),
    "overdue-invoices": (
        "invoices",
        ("invoice_number",),
        lambda row, chosen: [("currency", chosen.currency), ("number", row["invoice_number"])],
    ),
    "people": ("time", ("user_id",), lambda row, chosen: [("person", row["user_id"]), ("weeks", chosen.weeks)]),
    "people-by-week": ("time", ("user_id", "week_start"), lambda row, _: [("person", row["user_id"]), *_week(row)]),
    "free-people": ("time", ("user_id",), lambda row, _: [("person", row["user_id"]), ("weeks", 4)]),
    "timesheets-to-chase": ("time", ("user_id",), lambda row, _: [("person", row["user_id"]), ("weeks", 1)]),
    "revenue-by-month": (
        "time",
        ("month_start",),
        lambda row, chosen: [*_money(chosen), *_month(row)],
    ),
    "entries-without-a-rate": (
        "time",
        ("project_id",),
        lambda row, _: [("only", "without-rate"), ("project", row["project_id"])],
    ),
    "entries-without-a-cost-rate": (
        "time",
        ("user_id",),
        lambda row, _: [("only", "without-cost-rate"), ("person", row["user_id"])],
    ),
    "findings": (
        "time",
        ("finding",),
        lambda row, _: [("only", _FINDINGS[row["finding"]])] if row["finding"] in _FINDINGS else [],
    ),
}
