"""Sections shared by several pages; titles state a conclusion, computed from the rows."""

from __future__ import annotations

from decimal import Decimal

from harvest_warehouse.dashboard import charts, palette
from harvest_warehouse.dashboard.charts import Field
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.formatting import count, money, percent, points, ratio, short_day, total
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.page import Column, Section, used
from harvest_warehouse.dashboard.ranking import named, ranked, top
from harvest_warehouse.dashboard.reader import Row
from harvest_warehouse.dashboard.requirements import BUDGETS, INVOICES, PEOPLE, UNBILLED

# Bars of budgets beyond this are cut here; tooltip and table have the true figure.
_LONGEST_BUDGET = Decimal("1.5")
# Number of clients with a bar of their own.
_CLIENTS = 10
_STATUS = {
    "over": "over",
    "forecast_over": "heading over",
    "watch": "80 % and more",
    "ok": "in budget",
    "no_budget_value": "no value entered",
}
_STATUS_COLOURS = {_STATUS[status]: colour for status, colour in palette.STATUS.items()}
_AGES = {"0-30": "0–30 days", "31-60": "31–60 days", "61-90": "61–90 days", "90+": "over 90 days"}
_AGE_COLOURS = {_AGES[age]: colour for age, colour in palette.AGES.items()}
_OVERDUE = {
    "not_due": "not due",
    "1-30": "1–30 days",
    "31-60": "31–60 days",
    "61-90": "61–90 days",
    "90+": "over 90 days",
}


def utilisation_by_week(weeks: list[Row], chosen: Filters, header: Header) -> Section:
    """Section on billable utilisation by week, compared with the target."""
    rows = [
        {
            **row,
            "week": short_day(row["week_start"], header.as_of_date),
            "share": ratio(row["billable_hours"], row["available_hours"]),
            "total_share": ratio(row["tracked_hours"], row["capacity_hours"]),
        }
        for row in weeks
    ]
    drawn = [row for row in rows if row["share"] is not None]
    average = ratio(total(rows, "billable_hours"), total(rows, "available_hours"))
    if average is None:
        title = "No complete week in which anybody has a capacity: no utilisation"
    else:
        gap = average - chosen.target
        side = "on" if abs(gap) < Decimal("0.005") else f"{points(gap)} {'above' if gap > 0 else 'below'}"
        title = f"Billable utilisation over {count(len(drawn), 'week')} is {percent(average)}: {side} target"
    value = Field("share", "Billable ÷ available hours", ".0%")
    return Section(
        title,
        rows,
        (
            Column("week_start", "Week of", "date"),
            Column("share", "Billable utilisation (%)", "share"),
            Column("billable_hours", "Billable (h)", "hours"),
            Column("available_hours", "Available (h)", "hours"),
            Column("total_share", "Total utilisation (%)", "share"),
            Column("tracked_hours", "Tracked (h)", "hours"),
            Column("capacity_hours", "Capacity (h)", "hours"),
        ),
        charts.line(
            drawn,
            Field("week", "Week of"),
            value,
            (
                Field("week", "Week of"),
                value,
                Field("billable_hours", "Billable (h)", ",.1f"),
                Field("available_hours", "Available (h)", ",.1f"),
            ),
            mark=chosen.target,
            description=title,
        )
        if drawn
        else None,
        note="The dashed line is the target. Hours of all clients: a person's capacity belongs to no client and no currency.",
        name="utilisation-by-week",
        basis=PEOPLE,
    )


def burn(budgets: list[Row], chosen: Filters, limit: int) -> Section:
    """Section on how far each budget is used."""
    rows = [
        {
            **row,
            "state": _STATUS[row["status"]],
            "project": f"{row['project_name']} · {row['client_name']}",
            "drawn": row["spent_share"] and min(row["spent_share"], float(_LONGEST_BUDGET)),
            "beyond": percent(row["spent_share"]) if (row["spent_share"] or 0) > _LONGEST_BUDGET else "",
        }
        for row in named(budgets, "project_name", "project_id")
    ]
    valued = [row for row in rows if row["spent_share"] is not None]
    over, heading = (len([row for row in rows if row["status"] == status]) for status in ("over", "forecast_over"))
    if not rows:
        title = "No active project with a budget"
    elif not over and not heading:
        title = f"All {len(rows):,} budgets hold" if len(rows) > 1 else "The one budget holds"
    else:
        most = over or heading
        title = f"{most:,} of {count(len(rows), 'budget')} {'is' if most == 1 else 'are'} {'overspent' if over else 'heading over'}"
        if over and heading:
            title += f", {heading:,} heading over"
    unit = f"h or {chosen.currency}"
    shown = valued[:limit]
    cut = " Longer bars end at 150 %, with their figure in them." if any(row["beyond"] for row in shown) else ""
    return Section(
        title,
        rows,
        (
            Column("project_name", "Project"),
            Column("client_name", "Client"),
            Column("state", "Status"),
            Column("spent_share", "Spent (%)", "share"),
            Column("budget_unit", "Unit"),
            Column("budget", f"Budget ({unit})", "number"),
            Column("budget_spent", f"Spent ({unit})", "number"),
            Column("budget_remaining", f"Left ({unit})", "number"),
            Column("weekly_burn", f"Spent per week ({unit})", "number"),
            Column("weeks_of_budget_left", "Weeks left", "number"),
            Column("estimate_at_completion", f"Estimate at completion ({unit})", "number"),
            Column("forecast_until", "Ends on", "date"),
        ),
        charts.bars(
            [{**row, "status_words": row["state"]} for row in shown],
            Field("label", "Project"),
            Field("drawn", "Spent share of budget", ".0%"),
            (
                Field("project", "Project"),
                Field("spent_share", "Spent", ".0%"),
                Field("state", "Status"),
                Field("budget_unit", "Budget is in"),
                Field("budget_spent", f"Spent ({unit})", ",.0f"),
                Field("budget", f"Budget ({unit})", ",.0f"),
            ),
            colour=Field("state", "Status"),
            colours=_STATUS_COLOURS,
            mark=Decimal(1),
            text=Field("beyond", "Spent"),
            description=title,
        )
        if shown
        else None,
        used(_STATUS_COLOURS, shown, "state"),
        f"Projects of clients that are billed in {chosen.currency}; the dashed line is the whole budget.{cut}",
        "budgets",
        BUDGETS,
        f"The chart shows the {limit} most used of {len(valued):,}; the table has all." if len(valued) > limit else "",
    )


def unbilled_by_client(unbilled: list[Row], chosen: Filters) -> Section:
    """Section on unbilled work, by client and age."""
    rows = named([row for row in unbilled if row["age_bucket"] != "fee"], "client_name", "client_id")
    rows = [{**row, "age": _AGES[row["age_bucket"]]} for row in rows]
    amount = total(rows, "uninvoiced_amount")
    labels = ranked(rows, lambda some: total(some, "uninvoiced_amount"))
    most = total([row for row in rows if row["label"] in labels[:1]], "uninvoiced_amount")
    if not rows:
        title = f"Nothing is waiting to be billed in {chosen.currency}"
    elif len(labels) == 1:
        title = f"{money(amount, chosen.currency)} can be billed, all of it to {labels[0]}"
    else:
        title = f"{money(amount, chosen.currency)} can be billed to {len(labels):,} clients: {labels[0]} has {percent(ratio(most, amount))} of it"
    drawn = top(rows, labels, _CLIENTS, ("uninvoiced_amount", "uninvoiced_hours"), "age", "client")
    rest = ""
    others = total([row for row in drawn if row["label"] not in labels], "uninvoiced_amount")
    if others > most:
        # The bar of the others would make all bars too short to compare.
        drawn = [row for row in drawn if row["label"] in labels]
        rest = (
            f"The chart shows the {_CLIENTS} clients with most; {count(len(labels) - _CLIENTS, 'other')} have "
            f"{money(others, chosen.currency)} together."
        )
    value = Field("uninvoiced_amount", f"Not yet billed ({chosen.currency})", "~s")
    return Section(
        title,
        sorted(rows, key=lambda row: (labels.index(row["label"]), row["age_bucket"])),
        (
            Column("client_name", "Client"),
            Column("age", "Age of the work"),
            Column("uninvoiced_amount", f"Not yet billed ({chosen.currency})", "money"),
            Column("time_amount", f"Time ({chosen.currency})", "money"),
            Column("expense_amount", f"Expenses ({chosen.currency})", "money"),
            Column("uninvoiced_hours", "Hours (h)", "hours"),
            Column("oldest_date", "Oldest", "date"),
        ),
        charts.bars(
            drawn,
            Field("label", "Client"),
            value,
            (
                Field("label", "Client"),
                Field("age", "Age of the work"),
                Field("uninvoiced_amount", f"Not yet billed ({chosen.currency})", ",.2f"),
                Field("uninvoiced_hours", "Hours (h)", ",.2f"),
            ),
            colour=Field("age", "Days since the work"),
            colours=_AGE_COLOURS,
            description=title,
        )
        if drawn
        else None,
        used(_AGE_COLOURS, drawn, "age"),
        "Time and materials: billable time and expenses that are on no invoice; what is left of fixed fees is no part of it.",
        "unbilled-by-client",
        UNBILLED,
        rest,
    )


def receivables_by_age(receivables: list[Row], chosen: Filters) -> Section:
    """Section on receivables, by how long they are overdue."""
    by_age = {row["overdue_bucket"]: row for row in receivables}
    rows = (
        [
            {**by_age.get(age, {"invoices": 0, "open_amount": Decimal(0)}), "age": words}
            for age, words in _OVERDUE.items()
        ]
        if receivables
        else []
    )
    owed = total(rows, "open_amount")
    overdue = total(rows[1:], "open_amount")
    if not rows:
        title = f"No invoice is open in {chosen.currency}"
    elif not overdue:
        title = f"{money(owed, chosen.currency)} is open, and nothing is overdue"
    else:
        title = f"{percent(ratio(overdue, owed))} of {money(owed, chosen.currency)} receivables is overdue"
    return Section(
        title,
        rows,
        (
            Column("age", "Overdue"),
            Column("open_amount", f"Open ({chosen.currency})", "money"),
            Column("invoices", "Invoices", "count"),
        ),
        charts.bars(
            rows,
            Field("age", "Overdue"),
            Field("open_amount", f"Open invoices ({chosen.currency})", "~s"),
            (
                Field("age", "Overdue"),
                Field("open_amount", f"Open ({chosen.currency})", ",.2f"),
                Field("invoices", "Invoices", ",d"),
            ),
            colour=Field("age", "Overdue"),
            colours={_OVERDUE[age]: colour for age, colour in palette.OVERDUE.items()},
            description=title,
        )
        if rows
        else None,
        note="Open invoices with taxes; drafts and written off ones are no receivables.",
        name="receivables-by-age",
        basis=INVOICES,
    )
