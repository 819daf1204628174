"""Overview: what to talk about this Monday."""

from __future__ import annotations

from decimal import Decimal

from harvest_warehouse.dashboard import queries
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.formatting import count, hours, money, percent, ratio, short_day, total
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.page import Page, Tile
from harvest_warehouse.dashboard.reader import Reader, Row
from harvest_warehouse.dashboard.requirements import BUDGETS, INVOICES, PEOPLE, UNBILLED, known
from harvest_warehouse.dashboard.sections import burn, receivables_by_age, unbilled_by_client, utilisation_by_week


def overview(read: Reader, chosen: Filters, header: Header) -> Page:
    """Build the page Overview."""
    with read.at_once():
        weeks = queries.utilisation_by_week(read, chosen)
        missing = queries.missing_timesheets(read, chosen)
        budgets = queries.budgets(read, chosen)
        unbilled = queries.unbilled(read, chosen)
        receivables = queries.receivables_by_age(read, chosen)
    page = Page(
        "Overview",
        "What to talk about this Monday",
        (
            _utilisation(weeks, chosen, header),
            _missing(missing, weeks),
            _unbilled(unbilled, chosen),
            _receivables(receivables, chosen),
            _budgets(budgets),
        ),
        (
            utilisation_by_week(weeks, chosen, header),
            burn(budgets, chosen, limit=10),
            unbilled_by_client(unbilled, chosen),
            receivables_by_age(receivables, chosen),
        ),
    )
    return known(page, header.missing)


def _utilisation(weeks: list[Row], chosen: Filters, header: Header) -> Tile:
    label = "Billable utilisation, last week"
    if not weeks:
        return Tile(label, "–", "No complete week yet", basis=PEOPLE)
    last = weeks[-1]
    share = ratio(last["billable_hours"], last["available_hours"])
    note = f"week of {short_day(last['week_start'], header.as_of_date)} · target {percent(chosen.target)}"
    return Tile(label, percent(share), note, share is not None and share < chosen.target, PEOPLE)


def _missing(missing: list[Row], weeks: list[Row]) -> Tile:
    if not weeks or not weeks[-1]["capacity_hours"]:
        return Tile("Missing hours, last week", "–", "Nobody has a capacity to fill", basis=PEOPLE)
    late = [row for row in missing if row["missing_hours"] > 0]
    note = f"on timesheets of {count(len(late), 'person', 'people')}" if late else "every timesheet is full"
    return Tile("Missing hours, last week", hours(total(late, "missing_hours")), note, bool(late), PEOPLE)


def _unbilled(unbilled: list[Row], chosen: Filters) -> Tile:
    work = [row for row in unbilled if row["age_bucket"] != "fee"]
    old = total([row for row in work if row["age_bucket"] != "0-30"], "uninvoiced_amount")
    return Tile(
        "Not yet billed",
        money(total(work, "uninvoiced_amount"), chosen.currency),
        f"{money(old, chosen.currency)} older than 30 days",
        old > 0,
        UNBILLED,
    )


def _receivables(receivables: list[Row], chosen: Filters) -> Tile:
    overdue = total([row for row in receivables if row["overdue_bucket"] != "not_due"], "open_amount")
    return Tile(
        "Receivables",
        money(total(receivables, "open_amount"), chosen.currency),
        f"{money(overdue, chosen.currency)} overdue",
        overdue > Decimal(0),
        INVOICES,
    )


def _budgets(budgets: list[Row]) -> Tile:
    bad = [row for row in budgets if row["status"] in {"over", "forecast_over"}]
    note = f"of {count(len(budgets), 'active project')} with a budget"
    return Tile("Budgets over, or heading over", f"{len(bad):,}", note, bool(bad), BUDGETS)
