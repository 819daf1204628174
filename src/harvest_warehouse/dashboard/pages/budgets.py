"""Budgets: call the client, change the scope, or stop."""

from __future__ import annotations

from harvest_warehouse.dashboard import charts, palette, queries
from harvest_warehouse.dashboard.charts import Field
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.formatting import count, day, month
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.page import Column, Page, Section, Tile, used
from harvest_warehouse.dashboard.ranking import named
from harvest_warehouse.dashboard.reader import Reader, Row
from harvest_warehouse.dashboard.requirements import BUDGETS, known
from harvest_warehouse.dashboard.sections import burn

_IN_CHART = 25
_SOON_WEEKS = 4
_COLOURS = {"over": palette.RED, "in budget": palette.TEAL}


def budgets(read: Reader, chosen: Filters, header: Header) -> Page:
    """Build the page Budgets."""
    with read.at_once():
        rows = queries.budgets(read, chosen)
        monthly = queries.retainers(read, chosen)
    counts = {status: len([row for row in rows if row["status"] == status]) for status in palette.STATUS}
    page = Page(
        "Budgets",
        "Call the client, change the scope, or stop",
        (
            Tile(
                "Over budget",
                f"{counts['over']:,}",
                f"of {count(len(rows), 'active project')} with a budget",
                counts["over"] > 0,
                BUDGETS,
            ),
            Tile(
                "Heading over",
                f"{counts['forecast_over']:,}",
                "at the pace of the last 4 weeks",
                counts["forecast_over"] > 0,
                BUDGETS,
            ),
            Tile("80 % and more", f"{counts['watch']:,}", "still within budget", basis=BUDGETS),
            Tile("No value entered", f"{counts['no_budget_value']:,}", "a budget without an amount", basis=BUDGETS),
        ),
        (burn(rows, chosen, limit=_IN_CHART), _running_out(rows, chosen), _retainers(monthly, chosen, header)),
    )
    return known(page, header.missing)


def _running_out(rows: list[Row], chosen: Filters) -> Section:
    soon = sorted(
        (
            row
            for row in rows
            if row["weeks_of_budget_left"] is not None and 0 < row["weeks_of_budget_left"] <= _SOON_WEEKS
        ),
        key=lambda row: row["weeks_of_budget_left"],
    )
    unit = f"h or {chosen.currency}"
    if not soon:
        title = f"No budget is used up within {_SOON_WEEKS} weeks at the present pace"
    elif len(soon) == 1:
        title = f"{soon[0]['project_name']} will use up its budget within {_SOON_WEEKS} weeks"
    else:
        title = f"{len(soon):,} budgets will be used up within {_SOON_WEEKS} weeks, {soon[0]['project_name']} first"
    return Section(
        title,
        soon,
        (
            Column("project_name", "Project"),
            Column("client_name", "Client"),
            Column("weeks_of_budget_left", "Weeks left", "number"),
            Column("budget_unit", "Unit"),
            Column("budget_remaining", f"Left ({unit})", "number"),
            Column("weekly_burn", f"Spent per week ({unit})", "number"),
            Column("estimate_at_completion", f"Estimate at completion ({unit})", "number"),
            Column("forecast_until", "Ends on", "date"),
        ),
        note="Pace: what was spent in the last 4 complete weeks, divided by 4. All budgets are in the table of the first chart.",
        name="budgets-running-out",
        basis=BUDGETS,
    )


def _retainers(monthly: list[Row], chosen: Filters, header: Header) -> Section:
    rows = [{**row, "month": month(row["month_start"])} for row in named(monthly, "project_name", "project_id")]
    newest = max((row["month_start"] for row in rows), default=None)
    current = [row for row in rows if row["month_start"] == newest]
    over = [row for row in current if row["budget"] is not None and row["unused"] < 0]
    if not rows or newest is None:
        title = "No active project has a monthly budget"
    elif over:
        title = f"{len(over):,} of {count(len(current), 'monthly budget')} {'is' if len(over) == 1 else 'are'} overspent in {month(newest)}, as of {day(header.as_of_date)}"
    else:
        title = f"No monthly budget is overspent in {month(newest)}, as of {day(header.as_of_date)}"
    drawn = [
        {**row, "share": row["used"] / row["budget"], "state": "over" if row["unused"] < 0 else "in budget"}
        for row in current
        if row["budget"]
    ]
    drawn.sort(key=lambda row: -row["share"])
    unit = f"h or {chosen.currency}"
    return Section(
        title,
        rows,
        (
            Column("month", "Month"),
            Column("project_name", "Project"),
            Column("client_name", "Client"),
            Column("budget_unit", "Unit"),
            Column("budget", f"Budget ({unit})", "number"),
            Column("used", f"Used ({unit})", "number"),
            Column("unused", f"Unused ({unit})", "number"),
            Column("rolling_balance", f"Balance so far ({unit})", "number"),
        ),
        charts.bars(
            drawn[:_IN_CHART],
            Field("label", "Project"),
            Field("share", "Used share of the month's budget", ".0%"),
            (
                Field("label", "Project"),
                Field("client_name", "Client"),
                Field("share", "Used", ".0%"),
                Field("budget_unit", "Budget is in"),
                Field("used", f"Used ({unit})", ",.0f"),
                Field("budget", f"Budget ({unit})", ",.0f"),
            ),
            colour=Field("state", "This month"),
            colours=_COLOURS,
            mark=charts.WHOLE,
            description=title,
        )
        if drawn
        else None,
        used(_COLOURS, drawn, "state"),
        "Past months are measured by today's budget: Harvest keeps no earlier one. What clients paid in advance cannot be known.",
        "monthly-budgets",
        BUDGETS,
    )
