"""Margin: what to reprice, drop, or staff differently."""

from __future__ import annotations

from decimal import Decimal

from harvest_warehouse.dashboard import charts, palette, queries
from harvest_warehouse.dashboard.charts import Field
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.formatting import count, money, month, percent, ratio, total
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.page import Column, Page, Section, Tile
from harvest_warehouse.dashboard.ranking import named
from harvest_warehouse.dashboard.reader import Reader, Row
from harvest_warehouse.dashboard.requirements import REVENUE, known

_IN_CHART = 15
# Share of the standard rate that rounds to 100 %.
_FULL = Decimal("0.995")
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
    revenue, worth = total(months, "revenue"), total(months, "value_at_rates")
    effective = ratio(revenue, total(months, "hours"))
    standard = ratio(worth, total(months, "billable_hours"))
    tiles = [Tile("Revenue", money(revenue, chosen.currency), _since(months), basis=REVENUE)]
    if is_home:
        earned = total(months, "margin")
        tiles.append(
            Tile(
                "Margin",
                money(earned, chosen.currency),
                f"{percent(ratio(earned, revenue))} of revenue",
                earned < 0,
                REVENUE,
            )
        )
    tiles += [
        Tile("Standard rate", _rate(standard, chosen), "value at rates ÷ billable hours", basis=REVENUE),
        Tile("Effective rate", _rate(effective, chosen), "revenue ÷ all hours", basis=REVENUE),
    ]
    page = Page(
        "Margin",
        "What to reprice, drop, or staff differently",
        tuple(tiles),
        (
            _by_month(months, chosen, header, is_home=is_home),
            _rates(clients, chosen),
            _projects(projects, chosen, is_home=is_home),
        ),
    )
    return known(page, header.missing)


def _since(months: list[Row]) -> str:
    return f"{month(months[0]['month_start'])} to {month(months[-1]['month_start'])}" if months else "no months"


def _rate(rate: object, chosen: Filters) -> str:
    return "–" if rate is None else f"{chosen.currency} {rate:,.2f} / h"


def _why_not(chosen: Filters, header: Header) -> str:
    if header.home_currency is None:
        return "No cost and no margin: the home currency is not known. Set it in the marts' settings (`dlt-harvest doctor` says how)."
    return f"No cost and no margin: costs are in {header.home_currency}, this revenue is in {chosen.currency}, and Harvest converts nothing."


def _by_month(months: list[Row], chosen: Filters, header: Header, *, is_home: bool) -> Section:
    rows = [{**row, "month": month(row["month_start"])} for row in months]
    revenue = Field("revenue", "Revenue")
    if not rows:
        title = f"No revenue in {chosen.currency} in these months"
    elif is_home:
        earned = total(rows, "margin")
        kept = ratio(earned, total(rows, "revenue"))
        said = "Costs are higher than revenue" if earned < 0 else f"{percent(kept)} of revenue is left after costs"
        title = f"{said}: {money(earned, chosen.currency)} {'lost' if earned < 0 else 'earned'}".replace(
            f"{chosen.currency} -", f"{chosen.currency} "
        )
    else:
        best = max(rows, key=lambda row: row["revenue"])
        title = f"{money(total(rows, 'revenue'), chosen.currency)} of revenue, most in {best['month']}"
    columns = [
        Column("month", "Month"),
        Column("revenue", f"Revenue ({chosen.currency})", "money"),
        *(
            (
                Column("cost", f"Cost ({chosen.currency})", "money"),
                Column("margin", f"Margin ({chosen.currency})", "money"),
            )
            if is_home
            else ()
        ),
        Column("invoiced_net", f"Invoiced net ({chosen.currency})", "money"),
        Column("hours", "Hours (h)", "hours"),
        Column("billable_hours", "Billable (h)", "hours"),
    ]
    values = {revenue: palette.BLUE} | ({Field("cost", "Cost"): palette.ORANGE} if is_home else {})
    note = (
        "The last month may not be over. Cost is labour at cost rates and all expenses."
        if is_home
        else _why_not(chosen, header)
    )
    if is_home and header.without_cost_rate:
        note += f" {header.without_cost_rate:,} time entries have no cost rate and count as free."
    return Section(
        title,
        rows,
        columns,
        charts.pairs(rows, Field("month", "Month"), values, chosen.currency, title) if rows else None,
        {field.title: colour for field, colour in values.items()} if is_home else {},
        note,
        "revenue-by-month",
        REVENUE,
    )


def _rates(clients: list[Row], chosen: Filters) -> Section:
    rows = [
        {
            **row,
            "standard": ratio(row["value_at_rates"], row["billable_hours"]),
            "effective": ratio(row["revenue"], row["hours"]),
        }
        for row in named([{**row, "client_id": index} for index, row in enumerate(clients)], "client_name", "client_id")
    ]
    drawn = [row for row in rows if row["standard"] and row["effective"] is not None][:_IN_CHART]
    if drawn:
        worst = min(drawn, key=lambda row: row["effective"] / row["standard"])
        share = worst["effective"] / worst["standard"]
        title = (
            f"{worst['label']} pays {percent(share)} of its standard rate for each hour worked"
            if share < _FULL
            else f"{'Each client' if len(drawn) == len(rows) else 'Each of these clients'} pays its standard rate for each hour worked"
        )
    else:
        title = "No rates to compare"
    rest = f"The {_IN_CHART} clients with most revenue; the table has all. " if len(rows) > _IN_CHART else ""
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
        {"Standard rate": palette.GREY, "Effective rate": palette.BLUE},
        f"{rest}Standard: value at rates ÷ billable hours. Effective: revenue ÷ all hours, unbilled ones included.",
        "rates-by-client",
        REVENUE,
    )


def _projects(projects: list[Row], chosen: Filters, *, is_home: bool) -> Section:
    rows = [
        {
            **row,
            "type": _TYPES[row["project_type"]],
            "margin_share": ratio(row["margin"], row["revenue"]),
            "effective": ratio(row["revenue"], row["hours"]),
        }
        for row in projects
    ]
    if is_home:
        rows.sort(key=lambda row: row["margin"])
        # Non-billable projects are expected to cost money.
        paid = [row for row in rows if row["project_type"] != "non_billable"]
        losing = [row for row in paid if row["margin"] < 0]
        unpaid = total([row for row in rows if row["project_type"] == "non_billable"], "cost")
        if not paid:
            title = "No billable project had hours or revenue in these months"
        elif losing:
            verb = "costs more than it earns" if len(losing) == 1 else "cost more than they earn"
            most = "" if len(losing) == 1 else " most"
            title = (
                f"{len(losing):,} of {count(len(paid), 'billable project')} {verb}, {losing[0]['project_name']}{most}"
            )
        else:
            title = "No billable project costs more than it earns"
        if unpaid:
            title += f"; non-billable ones cost {money(unpaid, chosen.currency)}"
    else:
        title = f"{rows[0]['project_name']} brings most revenue" if rows else ""
    if not rows:
        title = "No project had hours or revenue in these months"
    return Section(
        title,
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
        name="projects",
        basis=REVENUE,
    )
