"""Sections shared by several pages."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from harvest_warehouse.dashboard import charts, palette, titles
from harvest_warehouse.dashboard.charts import SHORT, Field
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.formatting import (
    count,
    money,
    percent,
    ratio,
    rounds_to_zero,
    short_day,
    short_money,
    total,
)
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.page import Column, Section, used
from harvest_warehouse.dashboard.ranking import named, ranked, top
from harvest_warehouse.dashboard.reader import Row
from harvest_warehouse.dashboard.requirements import BUDGETS, INVOICES, PEOPLE, UNBILLED

# Bars of budgets beyond this are cut here; tooltip and table have the true figure.
_LONGEST_BUDGET = Decimal("1.5")
_ROOM_FOR_TEXT = Decimal("1.25")
# Number of clients with a bar of their own.
_CLIENTS = 10
_WITH_CLIENT = 230
_STATUS = {
    "over": "over",
    "forecast_over": "heading over",
    "watch": "80% and more",
    "ok": "in budget",
    "no_budget_value": "no amount entered",
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


def target_of_weeks(weeks: Sequence[Row], chosen: Filters) -> Decimal:
    """Target of all people together: the chosen one, or the mean of their own by available hours."""
    if not chosen.has_own_targets:
        return chosen.target
    mean = ratio(total(weeks, "target_hours"), total(weeks, "available_hours"))
    return chosen.target if mean is None else mean


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
    target = target_of_weeks(rows, chosen)
    title = titles.utilisation(rows, target)
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
            mark=target,
            has_zero=False,
            description=title,
        )
        if drawn
        else None,
        note="The dashed line is the target"
        + (" of these people together" if chosen.has_own_targets else "")
        + "; the axis does not start at 0. Hours of all clients, in all currencies.",
        name="utilisation-by-week",
        basis=PEOPLE,
    )


def burn(budgets: list[Row], chosen: Filters, limit: int, order: str = "the most money over first") -> Section:
    """Section on how far each budget is used, in the order of the rows."""
    named_rows = named(
        [{**row, "project": f"{row['project_name']} · {row['client_name']}"} for row in budgets],
        "project",
        "project_id",
    )
    rows = [
        {
            **row,
            "state": _STATUS[row["status"]],
            "unit": row["currency"] if row["budget_unit"] == "money" else "h",
            "drawn": row["spent_share"] and min(row["spent_share"], float(_LONGEST_BUDGET)),
            "beyond": _beyond(row),
        }
        for row in named_rows
    ]
    valued = [row for row in rows if row["spent_share"] is not None]
    title = titles.budgets(rows)
    shown = valued[:limit]
    is_cut = any(row["spent_share"] > _LONGEST_BUDGET for row in shown)
    of = f"Projects of clients that are billed in {chosen.currency}" if chosen.currency else "Projects of all clients"
    return Section(
        title,
        rows,
        (
            Column("project_name", "Project"),
            Column("client_name", "Client"),
            Column("state", "Status"),
            Column("over_amount", "Over by, in money", "money"),
            Column("currency", "Currency"),
            Column("spent_share", "Spent (%)", "share"),
            Column("unit", "Budget is in"),
            Column("budget", "Budget", "number"),
            Column("budget_spent", "Spent", "number"),
            Column("budget_remaining", "Left", "number"),
            Column("weekly_burn", "Spent per week", "number"),
            Column("weeks_of_budget_left", "Weeks left", "number"),
            Column("estimate_at_completion", "Estimate at completion", "number"),
            Column("forecast_until", "Ends on", "date"),
        ),
        charts.bars(
            shown,
            Field("label", "Project"),
            Field("drawn", "Spent share of budget", ".0%"),
            (
                Field("label", "Project"),
                Field("spent_share", "Spent", ".0%"),
                Field("state", "Status"),
                Field("unit", "Budget is in"),
                Field("budget_spent", "Spent", ",.0f"),
                Field("budget", "Budget", ",.0f"),
                Field("over_amount", "Over by, in money", ",.0f"),
            ),
            colour=Field("state", "Status"),
            colours=_STATUS_COLOURS,
            mark=Decimal(1),
            text=Field("beyond", "Over"),
            label_width=_WITH_CLIENT,
            description=title,
        )
        if shown
        else None,
        used(_STATUS_COLOURS, shown, "state"),
        f"{of}, {order}: hours count at the project's average rate. The dashed line is the whole budget."
        + (" Longer bars end at 150%." if is_cut else ""),
        "budgets",
        BUDGETS,
        f"The chart shows the first {limit} of {len(valued):,}; the table has all." if len(valued) > limit else "",
    )


def _beyond(row: Row) -> str:
    """Text in the bar of an overspent budget where it has room: its share if the bar is cut, and the money."""
    if row["status"] != "over" or (row["spent_share"] or 0) < _ROOM_FOR_TEXT:
        return ""
    share = percent(row["spent_share"]) if row["spent_share"] > _LONGEST_BUDGET else ""
    over = row["over_amount"]
    amount = "" if not over or rounds_to_zero(over) else f"+{short_money(Decimal(over), row['currency'])}"
    return ", ".join(filter(None, (share, amount)))


def unbilled_by_client(unbilled: list[Row], chosen: Filters) -> Section:
    """Section on unbilled work, by client and age."""
    rows = [
        {**row, "age": _AGES.get(row["age_bucket"], row["age_bucket"])}
        for row in named(unbilled, "client_name", "client_id")
    ]
    title = titles.unbilled(rows, chosen.currency)
    labels = ranked(rows, lambda some: total(some, "uninvoiced_amount"))
    positive = [label for label in labels if not _is_small([row for row in rows if row["label"] == label])]
    drawn = [row for row in rows if row["label"] in positive and row["uninvoiced_amount"] > 0]
    most = total([row for row in rows if row["label"] in positive[:1]], "uninvoiced_amount")
    drawn = top(drawn, positive, _CLIENTS, ("uninvoiced_amount", "uninvoiced_hours"), "age", "client")
    rest = ""
    others = total([row for row in drawn if row["label"] not in positive], "uninvoiced_amount")
    if others > most:
        # The bar of the others would make all bars too short to compare.
        drawn = [row for row in drawn if row["label"] in positive]
        rest = (
            f"The chart shows the {_CLIENTS} clients with most; {count(len(positive) - _CLIENTS, 'other')} have "
            f"{money(others, chosen.currency)} together."
        )
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
            Field("uninvoiced_amount", f"Not yet billed ({chosen.currency})", SHORT),
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
        "Billable time and expenses that are on no invoice; what is left of fixed fees is no part of it.",
        "unbilled-by-client",
        UNBILLED,
        rest,
    )


def _is_small(rows: list[Row]) -> bool:
    amount = total(rows, "uninvoiced_amount")
    return amount < 0 or rounds_to_zero(amount)


def receivables_by_age(receivables: list[Row], credit: Decimal, chosen: Filters) -> Section:
    """Section on receivables, by how long they are overdue."""
    by_age = {row["overdue_bucket"]: row for row in receivables}
    nothing = {"invoices": 0, "open_amount": Decimal(0)}
    rows = (
        [{**nothing, "overdue_bucket": age, **by_age.get(age, {}), "age": words} for age, words in _OVERDUE.items()]
        if receivables
        else []
    )
    title = titles.receivables(rows, credit, chosen.currency)
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
            Field("open_amount", f"Open invoices ({chosen.currency})", SHORT),
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
        note="What clients owe on open invoices, with taxes: no drafts, none written off, no credits.",
        name="receivables-by-age",
        basis=INVOICES,
    )
