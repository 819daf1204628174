"""Sections on what comes in: the running month's invoicing, and when open invoices are paid."""

from __future__ import annotations

from collections.abc import Sequence

from harvest_warehouse.dashboard import charts, palette, titles
from harvest_warehouse.dashboard.charts import SHORT, Field
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.formatting import ZERO, month, total
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.page import Column, Section, used
from harvest_warehouse.dashboard.ranking import named, ranked, top
from harvest_warehouse.dashboard.reader import Row
from harvest_warehouse.dashboard.requirements import INVOICES

_CLIENTS = 10
_KINDS = {"invoiced": palette.TEAL, "in drafts": palette.PURPLE, "not yet billed": palette.BLUE}
_WHEN = {
    "late": "later than expected",
    "0-7": "within 7 days",
    "8-30": "in 8–30 days",
    "31-60": "in 31–60 days",
    "60+": "after 60 days",
    None: "without a date",
}
_WHEN_COLOURS = dict(
    zip(
        _WHEN.values(),
        (palette.RED, palette.GREEN, palette.TEAL, palette.BLUE, palette.PURPLE, palette.GREY),
        strict=True,
    )
)


def this_month(months: Sequence[Row], unbilled: Sequence[Row], chosen: Filters, header: Header) -> Section:
    """Section on what was invoiced in the running month, what still can be, and the months before."""
    running: Row = {
        "month_start": header.as_of_date.replace(day=1),
        "months_ago": 0,
        "invoiced": ZERO,
        "invoices": 0,
        **{key: value for row in months if row["months_ago"] == 0 for key, value in row.items()},
        "drafted": total(months, "drafted"),
        "unbilled": total([row for row in unbilled if row["uninvoiced_amount"] > 0], "uninvoiced_amount"),
    }
    before = [{**row, "drafted": None, "unbilled": None} for row in months if row["months_ago"] > 0]
    rows = [{**row, "month": month(row["month_start"])} for row in (*before, running)] if months or unbilled else []
    title = titles.month_so_far(rows, chosen.currency)
    drawn = [
        {"month": row["month"], "kind": kind, "amount": row[key]}
        for row in rows
        for kind, key in (("invoiced", "invoiced"), ("in drafts", "drafted"), ("not yet billed", "unbilled"))
        if row[key]
    ]
    return Section(
        title,
        rows,
        (
            Column("month", "Month"),
            Column("invoiced", f"Invoiced, without taxes ({chosen.currency})", "money"),
            Column("invoices", "Invoices", "count"),
            Column("drafted", f"In drafts ({chosen.currency})", "money"),
            Column("unbilled", f"Not yet billed ({chosen.currency})", "money"),
        ),
        charts.bars(
            drawn,
            Field("month", "Month"),
            Field("amount", f"Without taxes ({chosen.currency})", SHORT),
            (Field("month", "Month"), Field("kind", "Kind"), Field("amount", f"Amount ({chosen.currency})", ",.2f")),
            colour=Field("kind", "Kind"),
            colours=_KINDS,
            description=title,
        )
        if drawn
        else None,
        used(_KINDS, drawn, "kind"),
        "By date of the invoice, without deposits on retainers. Drafts of these months and all unbilled time and expenses "
        "stand in the running month; what is left of fixed fees is no part of it."
        if rows
        else "",
        "invoiced-by-month",
        INVOICES,
    )


def expected_cash(invoices: Sequence[Row], chosen: Filters) -> Section:
    """Section on when clients are expected to pay what they owe, from how they paid in the last twelve months."""
    groups: dict[tuple[object, object], Row] = {}
    for row in invoices:
        key = (row["client_id"], row["expected_bucket"])
        group = groups.setdefault(
            key, {**row, "when": _WHEN[row["expected_bucket"]], "due_amount": ZERO, "invoices": 0}
        )
        group["due_amount"] += row["due_amount"]
        group["invoices"] += 1
    rows = named(list(groups.values()), "client_name", "client_id")
    labels = ranked(rows, lambda some: total(some, "due_amount"))
    drawn = top(rows, labels, _CLIENTS, ("due_amount", "invoices"), "when", "client")
    title = titles.expected_cash(invoices, chosen.currency)
    return Section(
        title,
        sorted(rows, key=lambda row: (labels.index(row["label"]), list(_WHEN).index(row["expected_bucket"]))),
        (
            Column("client_name", "Client"),
            Column("when", "Expected"),
            Column("due_amount", f"Open ({chosen.currency})", "money"),
            Column("invoices", "Invoices", "count"),
            Column("expected_date", "First expected", "date"),
            Column("days_to_pay", "Usually pays after (days)", "count"),
            Column("paid_invoices", "Invoices paid in a year", "count"),
        ),
        charts.bars(
            drawn,
            Field("label", "Client"),
            Field("due_amount", f"Open invoices ({chosen.currency})", SHORT),
            (
                Field("label", "Client"),
                Field("when", "Expected"),
                Field("due_amount", f"Open ({chosen.currency})", ",.2f"),
                Field("invoices", "Invoices", ",d"),
            ),
            colour=Field("when", "Expected"),
            colours=_WHEN_COLOURS,
            description=title,
        )
        if drawn
        else None,
        used(_WHEN_COLOURS, drawn, "when"),
        "Expected: the date of the invoice and the days the client took on average, by amount, for invoices paid in the last "
        "twelve months; the due date where the client has paid none."
        if rows
        else "",
        "expected-cash",
        INVOICES,
    )
