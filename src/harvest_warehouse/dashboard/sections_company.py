"""Sections on the whole company: whom to call, and figures of all currencies."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from harvest_warehouse.dashboard import charts, palette, titles
from harvest_warehouse.dashboard.charts import Field
from harvest_warehouse.dashboard.formatting import ZERO, count, joined, month, ratio, total
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.page import Column, Section
from harvest_warehouse.dashboard.reader import Row
from harvest_warehouse.dashboard.requirements import COMPANY, REVENUE

INTERNAL = "Internal work and leave"
COSTS = {
    Field("revenue", "Revenue"): palette.BLUE,
    Field("cost", "Cost of client work"): palette.ORANGE,
    Field("internal", INTERNAL): palette.GREY,
}
"""Bars of a month: revenue, and the two kinds of cost that it has to bear."""


def calls(rows: list[Row], header: Header) -> Section:
    """Section on whom to call, the most money first."""
    order = (
        "The most money first"
        if not header.unconverted
        else "The largest of each currency first: currencies are not compared"
    )
    return Section(
        titles.calls(rows, has_one_scale=not header.unconverted),
        rows,
        (
            Column("client_name", "Client"),
            Column("amount", "Amount", "money"),
            Column("currency", "Currency"),
            Column("what", "What about"),
            Column("contact", "Contact"),
            Column("contact_email", "Contact's e-mail"),
            Column("manager", "Project manager"),
            Column("manager_email", "Manager's e-mail"),
            Column("url", "In Harvest", "link"),
        ),
        note=f"{order}. Overdue invoices, budgets exceeded, work not billed and losses, as in `dlt-harvest alerts`."
        if rows
        else "",
        name="who-to-call",
        basis=COMPANY,
    )


def by_currency(rows: list[Row], months: int, header: Header) -> Section:
    """Section with one line for each currency, and a total in home currency where every currency has a rate."""
    whole = in_home(rows, "overdue", header)
    lines = list(rows)
    if whole is not None and len(rows) > 1:
        keys = ("overdue", "receivable", "unbilled", "unbilled_old", "fees_left")
        lines.append(
            {
                "currency": f"all, in {header.home_currency}",
                **{key: in_home(rows, key, header) for key in keys},
                "revenue": total(rows, "revenue_home")
                if all(row["revenue_home"] is not None for row in rows)
                else None,
                "budgets_over": sum(row["budgets_over"] for row in rows),
            }
        )
    return Section(
        titles.company(rows, whole, header.home_currency),
        lines,
        (
            Column("currency", "Currency"),
            Column("overdue", "Overdue", "money"),
            Column("receivable", "Receivables", "money"),
            Column("unbilled", "Not yet billed", "money"),
            Column("unbilled_old", "of it older than 30 days", "money"),
            Column("fees_left", "Left of fixed fees", "money"),
            Column("budgets_over", "Budgets over or heading over", "count"),
            Column("revenue", f"Revenue of {count(months, 'complete month')}", "money"),
        ),
        note=conversion(header),
        name="by-currency",
        basis=COMPANY,
    )


def in_home(rows: Sequence[Row], key: str, header: Header) -> Decimal | None:
    """Sum a column of rows with a currency in home currency; None where a rate is missing."""
    amounts = [header.in_home(row[key], row["currency"]) for row in rows]
    known = [amount for amount in amounts if amount is not None]
    return sum(known, ZERO) if len(known) == len(amounts) else None


def conversion(header: Header) -> str:
    """How currencies were converted, or how to have them converted."""
    foreign = [name for name in header.currencies if name != header.home_currency]
    if not foreign:
        return ""
    if header.unconverted:
        home = header.home_currency or "one currency"
        return (
            f"Currencies are never added up without a rate: set `exchange_rates` for {joined(header.unconverted)} in "
            f"`[harvest_marts]` and build again to see a total in {home}."
        )
    rates = [
        f"1 {name} = {header.rates[name].value.normalize():f} ({month(header.rates[name].month_start)})"
        for name in foreign
    ]
    return f"Converted to {header.home_currency} at the rates in the settings: {joined(rates)}."


def company_margin(months: list[Row], internal: list[Row], header: Header) -> Section:
    """Section on the margin of client work in all currencies, in home currency."""
    missing = sorted({row["currency"] for row in months if row["unconverted"]})
    home = header.home_currency
    rows = [
        {
            "month_start": row["month_start"],
            "currency": row["currency"],
            "month": month(row["month_start"]),
            "revenue": row["revenue_home"],
            "cost": row["cost_home"],
            "margin": row["margin_home"],
            "share": ratio(row["margin_home"], row["revenue_home"]) if (row["revenue_home"] or 0) > 0 else None,
            "tracked_hours": row["tracked_hours"],
            "costless_hours": row["costless_hours"],
        }
        for row in months
    ]
    if missing or not home:
        why = f"there is no rate for {joined(missing)}" if home else "the home currency is not known"
        name = "exchange_rates" if home else "home_currency"
        title = (
            f"The margin of the whole company is not known: {why}. Set `{name}` in `[harvest_marts]` and build again"
        )
        return Section(title, (), (), name="company-margin", basis=REVENUE)
    title = titles.margin(rows, total(internal, "cost"), home, "Client work in all currencies")
    beside = {row["month_start"]: row["cost"] for row in internal}
    by_month = [
        {
            "month": month(start),
            **{key: total([row for row in rows if row["month_start"] == start], key) for key in ("revenue", "cost")},
            "internal": beside.get(start, ZERO),
        }
        for start in sorted({row["month_start"] for row in rows})
    ]
    return Section(
        title,
        rows,
        (
            Column("month", "Month"),
            Column("currency", "Billed in"),
            Column("revenue", f"Revenue ({home})", "money"),
            Column("cost", f"Cost ({home})", "money"),
            Column("margin", f"Margin ({home})", "money"),
            Column("share", "Margin (%)", "share"),
        ),
        charts.pairs(by_month, Field("month", "Month"), COSTS, home, title) if by_month else None,
        {field.title: colour for field, colour in COSTS.items()} if by_month else {},
        note=conversion(header),
        name="company-margin",
        basis=REVENUE,
    )
