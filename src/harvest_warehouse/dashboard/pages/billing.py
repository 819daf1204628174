"""Billing & cash: what to invoice now, and whom to chase."""

from __future__ import annotations

from decimal import Decimal

from harvest_warehouse.dashboard import charts, queries
from harvest_warehouse.dashboard.charts import Field
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.formatting import count, day, money, month, total
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.page import Column, Page, Section, Tile
from harvest_warehouse.dashboard.ranking import named
from harvest_warehouse.dashboard.reader import Reader, Row
from harvest_warehouse.dashboard.requirements import FEES, INVOICES, UNBILLED, known
from harvest_warehouse.dashboard.sections import receivables_by_age, unbilled_by_client


def billing(read: Reader, chosen: Filters, header: Header) -> Page:
    """Build the page Billing & cash."""
    with read.at_once():
        unbilled = queries.unbilled(read, chosen)
        receivables = queries.receivables_by_age(read, chosen)
        overdue = queries.overdue_invoices(read, chosen)
        months = queries.receivables_by_month(read, chosen)
    fees = [row for row in unbilled if row["age_bucket"] == "fee"]
    work = total([row for row in unbilled if row["age_bucket"] != "fee"], "uninvoiced_amount")
    late = total(overdue, "open_amount")
    page = Page(
        "Billing & cash",
        "What to invoice now, and whom to chase",
        (
            Tile("Not yet billed", money(work, chosen.currency), "time and materials", basis=UNBILLED),
            Tile(
                "Left of fixed fees",
                money(total(fees, "uninvoiced_amount"), chosen.currency),
                "fee less invoices, may be negative",
                basis=FEES,
            ),
            Tile(
                "Receivables",
                money(total(receivables, "open_amount"), chosen.currency),
                "open invoices, with taxes",
                basis=INVOICES,
            ),
            Tile("Overdue", money(late, chosen.currency), f"on {count(len(overdue), 'invoice')}", late > 0, INVOICES),
        ),
        (
            unbilled_by_client(unbilled, chosen),
            receivables_by_age(receivables, chosen),
            _days_outstanding(months, chosen),
            _fees(fees, chosen),
            _overdue(overdue, chosen, header),
        ),
    )
    return known(page, header.missing)


def _days_outstanding(months: list[Row], chosen: Filters) -> Section:
    rows = [{**row, "month": month(row["month_start"])} for row in months]
    drawn = [row for row in rows if row["days_sales_outstanding"] is not None]
    value = Field("days_sales_outstanding", "Days", ",.0f")
    if not drawn:
        title = "Nothing was invoiced in these months: no days of sales outstanding"
    else:
        first, last = (Decimal(row["days_sales_outstanding"]) for row in (drawn[0], drawn[-1]))
        way = "as before" if round(first) == round(last) else f"{'up' if last > first else 'down'} from {first:,.0f}"
        title = (
            f"Clients owe what was invoiced in {last:,.0f} days, {way}"
            if round(last)
            else f"Clients owe nothing of what was invoiced: 0 days of sales, {way}"
        )
    narrowed = " The client filter does not narrow it." if chosen.client_ids else ""
    return Section(
        title,
        rows,
        (
            Column("month", "Month"),
            Column("days_sales_outstanding", "Days of sales outstanding", "number"),
            Column("receivable_end", f"Owed at its end ({chosen.currency})", "money"),
            Column("issued", f"Invoiced ({chosen.currency})", "money"),
            Column("paid", f"Paid ({chosen.currency})", "money"),
            Column("written_off", f"Written off ({chosen.currency})", "money"),
        ),
        charts.line(
            drawn,
            Field("month", "Month"),
            Field("days_sales_outstanding", "Days of sales outstanding", ",.0f"),
            (Field("month", "Month"), value, Field("receivable_end", f"Owed at its end ({chosen.currency})", ",.0f")),
            description=title,
        )
        if drawn
        else None,
        note=f"90 × what is owed at the end of the month ÷ what was invoiced in the 90 days before. All clients in {chosen.currency}.{narrowed}",
        name="days-outstanding",
        basis=INVOICES,
    )


def _fees(fees: list[Row], chosen: Filters) -> Section:
    rows = [row for row in named(fees, "client_name", "client_id") if row["uninvoiced_amount"]]
    rows.sort(key=lambda row: -row["uninvoiced_amount"])
    left = total([row for row in rows if row["uninvoiced_amount"] > 0], "uninvoiced_amount")
    over = total([row for row in rows if row["uninvoiced_amount"] < 0], "uninvoiced_amount")
    title = (
        f"{money(left, chosen.currency)} of fixed fees is not invoiced yet" if left else "All fixed fees are invoiced"
    )
    if over:
        title += f"; {money(-over, chosen.currency)} was invoiced beyond the fee"
    amount = Field("uninvoiced_amount", f"Fee less invoices ({chosen.currency})", "~s")
    return Section(
        title,
        rows,
        (
            Column("client_name", "Client"),
            Column("uninvoiced_amount", f"Fee less invoices ({chosen.currency})", "money"),
            Column("oldest_date", "Since", "date"),
        ),
        charts.bars(
            rows[:20],
            Field("label", "Client"),
            amount,
            (Field("label", "Client"), Field("uninvoiced_amount", f"Fee less invoices ({chosen.currency})", ",.2f")),
            description=title,
        )
        if rows
        else None,
        note="Fees of fixed fee projects less the invoice lines that name them, over all time." if rows else "",
        name="fixed-fees",
        basis=FEES,
    )


def _overdue(overdue: list[Row], chosen: Filters, header: Header) -> Section:
    title = (
        f"Chase first: {overdue[0]['client_name']}, {money(overdue[0]['open_amount'], chosen.currency)} overdue for {count(overdue[0]['days_overdue'], 'day')}"
        if overdue
        else "No invoice is overdue"
    )
    return Section(
        title,
        overdue,
        (
            Column("client_name", "Client"),
            Column("invoice_number", "Invoice"),
            Column("days_overdue", "Days overdue", "count"),
            Column("open_amount", f"Open ({chosen.currency})", "money"),
            Column("amount", f"Invoice total ({chosen.currency})", "money"),
            Column("issue_date", "Issued", "date"),
            Column("due_date", "Due", "date"),
        ),
        note=f"Open invoices past their due date on {day(header.as_of_date)}, the longest first." if overdue else "",
        name="overdue-invoices",
        basis=INVOICES,
    )
