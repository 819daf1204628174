"""Margin: what to reprice, drop, or staff differently."""

from __future__ import annotations

from decimal import Decimal

from harvest_warehouse.dashboard import charts, palette, queries, titles
from harvest_warehouse.dashboard.charts import Field
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.formatting import ZERO, money, month, percent, ratio, total
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.page import Column, Page, Section, Tile
from harvest_warehouse.dashboard.ranking import named
from harvest_warehouse.dashboard.reader import Reader, Row
from harvest_warehouse.dashboard.requirements import REVENUE, known
from harvest_warehouse.dashboard.sections_company import COSTS, INTERNAL, company_margin

_IN_CHART = 15
_TYPES = {
    "time_and_materials": "time and materials",
    "fixed_fee": "fixed fee",
    "non_billable": "non-billable",
    "unknown": "unknown",
}


def margin(read: Reader, chosen: Filters, header: Header) -> Page:
    """Build the page Margin; for a foreign currency only with revenue."""
    is_home = chosen.currency == header.home_currency
    with read.at_once():
        months = queries.profitability(read, chosen, "month_start")
        clients = queries.profitability(read, chosen, "client")
        projects = queries.profitability(read, chosen, "project")
        internal = queries.internal_cost(read, chosen)
        company = queries.revenue_by_currency(read, chosen)
    revenue, expenses = total(months, "revenue"), total(months, "expense_revenue")
    effective = ratio(revenue - expenses, total(months, "hours"))
    standard = ratio(total(months, "value_at_rates"), total(months, "billable_hours"))
    tiles = [Tile("Revenue", money(revenue, chosen.currency), titles.span(months), basis=REVENUE)]
    if is_home:
        earned = total(months, "margin")
        share = f"{percent(ratio(earned, revenue))} of it" if revenue > 0 else "there is no revenue"
        tiles += [
            Tile("Margin of client work", money(earned, chosen.currency), share, earned < 0, REVENUE),
            Tile(INTERNAL, money(total(internal, "cost"), chosen.currency), "cost of the whole company", basis=REVENUE),
        ]
    tiles += [
        Tile("Standard rate", _rate(standard, chosen), "value at rates ÷ billable hours", basis=REVENUE),
        Tile(
            "Effective rate", _rate(effective, chosen), "revenue without expenses ÷ hours of client work", basis=REVENUE
        ),
    ]
    page = Page(
        "Margin",
        "What to reprice, drop, or staff differently",
        tuple(tiles),
        (
            company_margin(company, internal, header),
            _by_month(months, internal if is_home else [], chosen, header, is_home=is_home),
            _rates(clients, chosen),
            _projects(projects, chosen, is_home=is_home),
        ),
    )
    return known(page, header.missing)


def _rate(rate: Decimal | None, chosen: Filters) -> str:
    return "–" if rate is None else f"{chosen.currency} {rate:,.2f} / h"


def _why_not(chosen: Filters, header: Header) -> str:
    if header.home_currency is None:
        return "No cost and no margin: the home currency is not known. Set it in the marts' settings (`dlt-harvest doctor` says how)."
    return f"No cost and no margin: costs are in {header.home_currency}, this revenue is in {chosen.currency}, and Harvest converts nothing."


def _by_month(months: list[Row], internal: list[Row], chosen: Filters, header: Header, *, is_home: bool) -> Section:
    beside = {row["month_start"]: row["cost"] for row in internal}
    rows = [
        {**row, "month": month(row["month_start"]), "internal": beside.get(row["month_start"], ZERO)} for row in months
    ]
    title = (
        titles.margin(rows, total(internal, "cost"), chosen.currency)
        if is_home
        else titles.revenue(rows, chosen.currency)
    )
    of_costs = (
        Column("cost", f"Cost of client work ({chosen.currency})", "money"),
        Column("margin", f"Margin of client work ({chosen.currency})", "money"),
        Column("internal", f"{INTERNAL} ({chosen.currency})", "money"),
        Column("costless_hours", "Without a cost rate (h)", "hours"),
    )
    values = COSTS if is_home else {Field("revenue", "Revenue"): palette.BLUE}
    return Section(
        title,
        rows,
        (
            Column("month", "Month"),
            Column("revenue", f"Revenue ({chosen.currency})", "money"),
            *(of_costs if is_home else ()),
            Column("invoiced_net", f"Invoiced net ({chosen.currency})", "money"),
            Column("hours", "Hours (h)", "hours"),
            Column("billable_hours", "Billable (h)", "hours"),
        ),
        charts.pairs(rows, Field("month", "Month"), values, chosen.currency, title) if rows else None,
        {field.title: colour for field, colour in values.items()} if is_home else {},
        f"Complete months. Cost is labour at cost rates and all expenses. Revenue and cost of client work are of clients billed in "
        f"{chosen.currency}; {INTERNAL.lower()} is of the whole company, not split over currencies, and without expenses in currencies that have no rate."
        if is_home
        else f"Complete months. {_why_not(chosen, header)}",
        "revenue-by-month",
        REVENUE,
    )


def _rates(clients: list[Row], chosen: Filters) -> Section:
    rows = [
        {
            **row,
            "standard": ratio(row["value_at_rates"], row["billable_hours"]),
            "effective": ratio(row["revenue"] - row["expense_revenue"], row["hours"]),
        }
        for row in named(clients, "client_name", "client_id")
        if row["revenue"] or row["hours"]
    ]
    drawn = [row for row in rows if row["standard"] and row["effective"] is not None][:_IN_CHART]
    title = titles.rates(rows)
    return Section(
        title,
        rows,
        (
            Column("client_name", "Client"),
            Column("standard", f"Standard rate ({chosen.currency}/h)", "money"),
            Column("effective", f"Effective rate ({chosen.currency}/h)", "money"),
            Column("revenue", f"Revenue ({chosen.currency})", "money"),
            Column("hours", "Hours (h)", "hours"),
            Column("billable_hours", "Billable (h)", "hours"),
        ),
        charts.spans(
            drawn,
            Field("label", "Client"),
            Field("standard", "Standard rate"),
            Field("effective", "Effective rate"),
            f"{chosen.currency} per hour",
            title,
        )
        if drawn
        else None,
        {"Standard rate": palette.GREY, "Effective rate": palette.BLUE} if drawn else {},
        "Standard: value at rates ÷ billable hours. Effective: revenue without expenses ÷ all hours on the client's projects, "
        "unbilled ones included.",
        "rates-by-client",
        REVENUE,
        f"The chart shows the {_IN_CHART} clients with most revenue; title and table have all. "
        if len([row for row in rows if row["standard"]]) > _IN_CHART
        else "",
    )


def _projects(projects: list[Row], chosen: Filters, *, is_home: bool) -> Section:
    rows = [
        {
            **row,
            "type": _TYPES.get(row["project_type"], row["project_type"]),
            "margin_share": ratio(row["margin"], row["revenue"]) if row["revenue"] > 0 else None,
            "effective": ratio(row["revenue"] - row["expense_revenue"], row["hours"]),
        }
        for row in projects
        if row["revenue"] or row["hours"] or row["cost"]
    ]
    if is_home:
        rows.sort(key=lambda row: row["margin"])
    return Section(
        titles.projects(rows, has_margin=is_home),
        rows,
        (
            Column("project_name", "Project"),
            Column("client_name", "Client"),
            Column("type", "Type"),
            Column("revenue", f"Revenue ({chosen.currency})", "money"),
            *(
                (
                    Column("cost", f"Cost ({chosen.currency})", "money"),
                    Column("margin", f"Margin ({chosen.currency})", "money"),
                    Column("margin_share", "Margin (%)", "share"),
                )
                if is_home
                else ()
            ),
            Column("effective", f"Effective rate ({chosen.currency}/h)", "money"),
            Column("hours", "Hours (h)", "hours"),
        ),
        note="Projects that clients pay for; internal work and leave are in the chart by month." if rows else "",
        name="projects",
        basis=REVENUE,
    )
