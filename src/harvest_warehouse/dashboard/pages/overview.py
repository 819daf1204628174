"""Overview: whom to call this Monday, and the whole company in one line for each currency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from harvest_warehouse.dashboard import queries
from harvest_warehouse.dashboard.calls import calls as read_calls
from harvest_warehouse.dashboard.calls import in_order
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.formatting import count, hours, money, percent, ratio, total
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.page import Page, Tile
from harvest_warehouse.dashboard.reader import Reader, Row
from harvest_warehouse.dashboard.requirements import BUDGETS, INVOICES, PEOPLE, UNBILLED, known
from harvest_warehouse.dashboard.sections import burn, target_of_weeks, utilisation_by_week
from harvest_warehouse.dashboard.sections_company import by_currency, calls, in_home

_BUDGETS = 10


def overview(read: Reader, chosen: Filters, header: Header) -> Page:
    """Build the page Overview: of the whole company, whatever currency is chosen."""
    everything = replace(chosen, currency="", client_ids=())
    with read.at_once():
        called = read_calls(read, header)
        weeks = queries.utilisation_by_week(read, chosen)
        missing = queries.missing_by_week(read, chosen, header.thresholds.missing_hours)
        budgets = queries.budgets(read, everything)
        lines = _lines(read, everything, budgets, header)
        overdue_before = queries.overdue_a_week_ago(read, everything)
        unbilled_before = queries.unbilled_a_week_ago(read, everything)
    order = "the largest of each currency first" if header.unconverted else "the most money over first"
    page = Page(
        "Overview",
        "Whom to call this Monday, and how the company stands",
        (
            _overdue(lines, overdue_before, header),
            _unbilled(lines, unbilled_before, header),
            _budgets(budgets),
            _utilisation(weeks, chosen),
            _missing(missing, header),
        ),
        (
            calls(called, header),
            by_currency(lines, chosen.months, header),
            burn(_worst_first(budgets, header), everything, _BUDGETS, order),
            utilisation_by_week(weeks, chosen, header),
        ),
    )
    return known(page, header.missing)


def _lines(read: Reader, everything: Filters, budgets: list[Row], header: Header) -> list[Row]:
    """One row for each currency of the company."""
    owed = queries.receivables_by_age(read, everything)
    work = queries.unbilled(read, everything)
    earned = queries.revenue_by_currency(read, everything)
    fees = queries.fees_left(read, everything)

    def line(currency: str) -> Row:
        mine, unbilled, months = ([row for row in rows if row["currency"] == currency] for rows in (owed, work, earned))
        late = [row for row in mine if row["overdue_bucket"] != "not_due"]
        return {
            "currency": currency,
            "overdue": total(late, "open_amount"),
            "overdue_invoices": sum(row["invoices"] for row in late),
            "receivable": total(mine, "open_amount"),
            "unbilled": total(unbilled, "uninvoiced_amount"),
            "unbilled_clients": len({row["client_id"] for row in unbilled if row["uninvoiced_amount"] > 0}),
            "unbilled_old": total([row for row in unbilled if row["age_bucket"] != "0-30"], "uninvoiced_amount"),
            "fees_left": total(
                [row for row in fees if row["currency"] == currency and row["uninvoiced_amount"] > 0],
                "uninvoiced_amount",
            ),
            "budgets_over": len([row for row in budgets if row["currency"] == currency and _is_over(row)]),
            "revenue": total(months, "revenue"),
            "revenue_home": None if any(row["unconverted"] for row in months) else total(months, "revenue_home"),
        }

    return [line(currency) for currency in header.currencies]


def _is_over(budget: Row) -> bool:
    return budget["status"] in {"over", "forecast_over"}


def _worst_first(budgets: list[Row], header: Header) -> list[Row]:
    """Budgets in the order of the calls: amounts of different currencies are compared only where they have rates."""
    over = [{**row, "amount": Decimal(row["over_amount"] or 0)} for row in budgets if _is_over(row)]
    return in_order(over, header) + [row for row in budgets if not _is_over(row)]


def _whole(rows: Sequence[Row], key: str, header: Header) -> tuple[Decimal, str] | None:
    """Sum of all currencies, and its currency; None where they cannot be added up."""
    several = [row for row in rows if row[key]]
    if len(several) == 1:
        return several[0][key], several[0]["currency"]
    whole = in_home(several, key, header)
    return None if whole is None or header.home_currency is None else (whole, header.home_currency)


def _overdue(lines: list[Row], before: list[Row], header: Header) -> Tile:
    invoices = sum(row["overdue_invoices"] for row in lines)
    earlier = sum(row["invoices"] for row in before)
    whole, was = _whole(lines, "overdue", header), _whole(before, "overdue", header)
    if whole is None:
        note = f"amounts by currency below; {earlier:,} a week ago" if before else "amounts by currency below"
        return Tile("Overdue", count(invoices, "invoice"), note, bool(before) and invoices > earlier, INVOICES)
    note = f"on {count(invoices, 'invoice')}" + (f"; {money(*was)} a week ago" if before and was else "")
    return Tile("Overdue", money(*whole), note, bool(before and was) and whole > (was or whole), INVOICES)


def _unbilled(lines: list[Row], before: list[Row], header: Header) -> Tile:
    whole, was = _whole(lines, "unbilled", header), _whole(before, "unbilled", header)
    if whole is None:
        clients = sum(row["unbilled_clients"] for row in lines)
        return Tile("Not yet billed", count(clients, "client"), "amounts by currency below", basis=UNBILLED)
    note = f"{money(*was)} a week ago" if before and was else "time and expenses"
    return Tile("Not yet billed", money(*whole), note, bool(before and was) and whole > (was or whole), UNBILLED)


def _budgets(budgets: list[Row]) -> Tile:
    bad = [row for row in budgets if _is_over(row)]
    note = f"of {count(len(budgets), 'active project')} with a budget"
    return Tile("Budgets over, or heading over", f"{len(bad):,}", note, bool(bad), BUDGETS)


def _utilisation(weeks: list[Row], chosen: Filters) -> Tile:
    label = "Billable utilisation, last week"
    if not weeks:
        return Tile(label, "–", "No complete week yet", basis=PEOPLE)
    shares = [ratio(row["billable_hours"], row["available_hours"]) for row in weeks[-2:]]
    target = target_of_weeks(weeks[-1:], chosen)
    before = f"{percent(shares[0])} the week before; " if len(shares) == 2 else ""
    last = shares[-1]
    is_worse = last is not None and last < min(target, shares[0] if shares[0] is not None else target)
    return Tile(label, percent(last), f"{before}target {percent(target)}", is_worse, PEOPLE)


def _missing(weeks: list[Row], header: Header) -> Tile:
    label = "Timesheets to chase, last week"
    if not weeks or not weeks[-1]["capacity_hours"]:
        return Tile(label, "–", "Nobody has a capacity to fill", basis=PEOPLE)
    now, before = weeks[-1], weeks[-2] if len(weeks) > 1 else None
    least = f"{header.thresholds.missing_hours.normalize():f} h"
    note = f"lacking {least} or more; {hours(now['missing_hours'])} missing in all"
    if before is None:
        return Tile(label, f"{now['to_chase']:,}", note, now["to_chase"] > 0, PEOPLE)
    note += f", {hours(before['missing_hours'])} the week before"
    return Tile(label, f"{now['to_chase']:,}", note, now["to_chase"] > before["to_chase"], PEOPLE)
