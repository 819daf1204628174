"""Billing & cash: what to invoice now, whom to chase, and when cash comes in."""

from __future__ import annotations

from harvest_warehouse.dashboard import charts, queries, titles
from harvest_warehouse.dashboard.charts import SHORT, Field
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.formatting import count, day, money, month, rounds_to_zero, total
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.page import Column, Page, Section, Tile
from harvest_warehouse.dashboard.pages.incoming import expected_cash, this_month
from harvest_warehouse.dashboard.ranking import named
from harvest_warehouse.dashboard.reader import Reader, Row
from harvest_warehouse.dashboard.requirements import FEES, INVOICES, UNBILLED, known
from harvest_warehouse.dashboard.sections import receivables_by_age, unbilled_by_client


def billing(read: Reader, chosen: Filters, header: Header) -> Page:
    """Build the page Billing & cash."""
    with read.at_once():
        unbilled = queries.unbilled(read, chosen)
        fees = queries.fees_left(read, chosen)
        receivables = queries.receivables_by_age(read, chosen)
        overpaid = queries.overpaid(read, chosen)
        overdue = queries.overdue_invoices(read, chosen)
        months = queries.receivables_by_month(read, chosen)
        invoiced = queries.invoiced_by_month(read, chosen)
        expected = queries.expected_cash(read, chosen)
    late = total(overdue, "open_amount")
    credit = total(overpaid, "open_amount")
    page = Page(
        "Billing & cash",
        "What to invoice now, whom to chase, and when cash comes in",
        (
            Tile("Overdue", money(late, chosen.currency), f"on {count(len(overdue), 'invoice')}", late > 0, INVOICES),
            Tile(
                "Receivables",
                money(total(receivables, "open_amount"), chosen.currency),
                f"with taxes; credits of {money(-credit, chosen.currency)} beside it"
                if credit
                else "open invoices, with taxes",
                basis=INVOICES,
            ),
            Tile(
                "Not yet billed",
                money(total(unbilled, "uninvoiced_amount"), chosen.currency),
                "time and expenses",
                basis=UNBILLED,
            ),
            Tile(
                "Left of fixed fees",
                money(
                    total([row for row in fees if row["uninvoiced_amount"] > 0], "uninvoiced_amount"), chosen.currency
                ),
                "fees less their invoices",
                basis=FEES,
            ),
        ),
        (
            _overdue(overdue, chosen, header),
            receivables_by_age(receivables, credit, chosen),
            unbilled_by_client(unbilled, chosen),
            this_month(invoiced, unbilled, chosen, header),
            expected_cash(expected, chosen),
            _fees(fees, chosen),
            _days_outstanding(months, chosen),
        ),
    )
    return known(page, header.missing)


def by_client(invoices: list[Row]) -> list[Row]:
    """Sum overdue invoices by client and currency, most money first: one call for each client."""
    clients: dict[tuple[int, str], Row] = {}
    for row in invoices:
        key = (row["client_id"], row["currency"])
        one = clients.setdefault(key, {**row, "amount": 0, "invoices": 0, "days_overdue": 0})
        one["amount"] += row["open_amount"]
        one["invoices"] += 1
        one["days_overdue"] = max(one["days_overdue"], row["days_overdue"])
    return sorted(clients.values(), key=lambda row: (-row["amount"], row["client_name"]))


def _days_outstanding(months: list[Row], chosen: Filters) -> Section:
    rows = [{**row, "month": month(row["month_start"])} for row in months]
    drawn = [row for row in rows if row["days_sales_outstanding"] is not None]
    value = Field("days_sales_outstanding", "Days", ",.0f")
    title = titles.days_outstanding(rows, chosen.currency)
    narrowed = " The client filter does not narrow it." if chosen.client_ids else ""
    return Section(
        title,
        rows,
        (
            Column("month", "Month"),
            Column("days_sales_outstanding", "DSO (days)", "number"),
            Column("receivable_end", f"Owed at its end ({chosen.currency})", "money"),
            Column("issued", f"Invoiced ({chosen.currency})", "money"),
            Column("paid", f"Paid ({chosen.currency})", "money"),
            Column("written_off", f"Written off ({chosen.currency})", "money"),
        ),
        charts.line(
            drawn,
            Field("month", "Month"),
            Field("days_sales_outstanding", "Days sales outstanding", ",.0f"),
            (Field("month", "Month"), value, Field("receivable_end", f"Owed at its end ({chosen.currency})", ",.0f")),
            description=title,
        )
        if len(drawn) > 1
        else None,
        note=f"DSO, days sales outstanding: 90 × what is owed at the end of the month ÷ what was invoiced in the 90 days before. Complete months, all clients in {chosen.currency}.{narrowed}",
        name="days-outstanding",
        basis=INVOICES,
    )


def _fees(fees: list[Row], chosen: Filters) -> Section:
    rows = named(
        [{**row, "project": f"{row['project_name']} · {row['client_name']}"} for row in fees], "project", "project_id"
    )
    drawn = [row for row in rows if not rounds_to_zero(row["uninvoiced_amount"])]
    drawn.sort(key=lambda row: -abs(row["uninvoiced_amount"]))
    title = titles.fees(rows, chosen.currency)
    return Section(
        title,
        rows,
        (
            Column("project_name", "Project"),
            Column("client_name", "Client"),
            Column("uninvoiced_amount", f"Fee less invoices ({chosen.currency})", "money"),
            Column("oldest_date", "Since", "date"),
        ),
        charts.bars(
            drawn[:20],
            Field("label", "Project"),
            Field("uninvoiced_amount", f"Fee less invoices ({chosen.currency})", SHORT),
            (Field("label", "Project"), Field("uninvoiced_amount", f"Fee less invoices ({chosen.currency})", ",.2f")),
            label_width=230,
            description=title,
        )
        if drawn
        else None,
        note="Fees of fixed fee projects less the invoice lines that name them, over all time." if rows else "",
        name="fixed-fees",
        basis=FEES,
        rest=f"The chart shows 20 of {len(drawn):,} projects; the table has all." if len(drawn) > 20 else "",
    )


def _overdue(overdue: list[Row], chosen: Filters, header: Header) -> Section:
    return Section(
        titles.overdue(by_client(overdue), chosen.currency),
        [{**row, "url": header.link("invoices", row["invoice_id"])} for row in overdue],
        (
            Column("client_name", "Client"),
            Column("invoice_number", "Invoice"),
            Column("open_amount", f"Open ({chosen.currency})", "money"),
            Column("days_overdue", "Days overdue", "count"),
            Column("amount", f"Invoice total ({chosen.currency})", "money"),
            Column("issue_date", "Issued", "date"),
            Column("due_date", "Due", "date"),
            Column("url", "In Harvest", "link"),
        ),
        note=f"Open invoices past their due date on {day(header.as_of_date)}, the largest first." if overdue else "",
        name="overdue-invoices",
        basis=INVOICES,
    )
