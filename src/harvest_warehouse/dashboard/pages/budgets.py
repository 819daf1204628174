"""Budgets: call the client, change the scope, or stop."""

from __future__ import annotations

from decimal import Decimal

from harvest_warehouse.dashboard import charts, palette, queries, titles
from harvest_warehouse.dashboard.charts import Field
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.formatting import count, month, ratio
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
        lines = queries.budget_lines(read, chosen)
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
            Tile("80% and more", f"{counts['watch']:,}", "spent, and still in budget", basis=BUDGETS),
            Tile("No amount entered", f"{counts['no_budget_value']:,}", "so nobody knows when to stop", basis=BUDGETS),
        ),
        (
            burn(rows, chosen, limit=_IN_CHART),
            _running_out(rows),
            _retainers(monthly, rows, header),
            _lines(lines),
        ),
    )
    return known(page, header.missing)


def is_running_out(row: Row) -> bool:
    """True for a budget that will be used up within some weeks, and before its project or its month ends."""
    left, estimate = row["weeks_of_budget_left"], row["estimate_at_completion"]
    is_soon = left is not None and row["budget_remaining"] > 0 and 0 < left <= _SOON_WEEKS
    return bool(is_soon and (estimate is None or estimate > row["budget"]))


def _running_out(rows: list[Row]) -> Section:
    soon = sorted(filter(is_running_out, rows), key=lambda row: row["weeks_of_budget_left"])
    used_up = len([row for row in rows if row["budget"] is not None and row["budget_remaining"] <= 0])
    rows = [{**row, "unit": row["currency"] if row["budget_unit"] == "money" else "h"} for row in soon]
    return Section(
        titles.running_out(soon, used_up, _SOON_WEEKS),
        rows,
        (
            Column("project_name", "Project"),
            Column("client_name", "Client"),
            Column("weeks_of_budget_left", "Weeks left", "number"),
            Column("unit", "Budget is in"),
            Column("budget_remaining", "Left", "number"),
            Column("weekly_burn", "Spent per week", "number"),
            Column("estimate_at_completion", "Estimate at completion", "number"),
            Column("forecast_until", "Ends on", "date"),
        ),
        note="Budgets that are used up before their project, or their month, ends.",
        name="budgets-running-out",
        basis=BUDGETS,
    )


def _retainers(monthly: list[Row], budgets: list[Row], header: Header) -> Section:
    rows = [
        {**row, "month": month(row["month_start"]), "project": f"{row['project_name']} · {row['client_name']}"}
        for row in monthly
    ]
    rows = named(rows, "project", "project_id")
    newest = max((row["month_start"] for row in rows), default=None)
    current = [row for row in rows if row["month_start"] == newest and row["budget"] is not None]
    blank = len([row for row in budgets if row["budget_is_monthly"] and row["budget"] is None])
    title = titles.monthly_budgets(current, blank, header.as_of_date)
    drawn = [
        {**row, "share": row["used"] / row["budget"], "state": "over" if row["unused"] < 0 else "in budget"}
        for row in current
        if row["budget"]
    ]
    drawn.sort(key=lambda row: -row["share"])
    return Section(
        title,
        rows,
        (
            Column("month", "Month"),
            Column("project_name", "Project"),
            Column("client_name", "Client"),
            Column("budget_unit", "Unit"),
            Column("budget", "Budget", "number"),
            Column("used", "Used", "number"),
            Column("unused", "Unused", "number"),
            Column("rolling_balance", "Balance so far", "number"),
        ),
        charts.bars(
            drawn[:_IN_CHART],
            Field("label", "Project"),
            Field("share", "Used share of the month's budget", ".0%"),
            (
                Field("label", "Project"),
                Field("share", "Used", ".0%"),
                Field("budget_unit", "Budget is in"),
                Field("used", "Used", ",.0f"),
                Field("budget", "Budget", ",.0f"),
            ),
            colour=Field("state", "This month"),
            colours=_COLOURS,
            mark=charts.WHOLE,
            label_width=230,
            description=title,
        )
        if drawn
        else None,
        used(_COLOURS, drawn, "state"),
        "Past months are measured by today's budget: Harvest keeps no earlier one. What clients paid in advance cannot be known.",
        "monthly-budgets",
        BUDGETS,
    )


def _lines(lines: list[Row]) -> Section:
    """Table of what tasks and people spent of the budgets that are over, or heading there."""
    spent: dict[tuple[int, str], Decimal] = {}
    for row in lines:
        key = (row["project_id"], row["line_kind"])
        spent[key] = spent.get(key, Decimal(0)) + Decimal(row["spent"])
    rows = [{**row, "share": ratio(row["spent"], spent[row["project_id"], row["line_kind"]])} for row in lines]
    return Section(
        titles.budget_lines(rows),
        rows,
        (
            Column("project_name", "Project"),
            Column("client_name", "Client"),
            Column("line_kind", "By"),
            Column("line_name", "Task or person"),
            Column("spent", "Spent", "number"),
            Column("share", "Share of the time spent (%)", "share"),
            Column("budget", "Budget of its own", "number"),
            Column("budget_unit", "Unit"),
        ),
        note="Time only: expenses have no task. Of a monthly budget, the running month." if rows else "",
        name="budget-by-task-and-person",
        basis=BUDGETS,
    )
