"""Clients & pipeline: on whom the company depends, and what it has offered."""

from __future__ import annotations

from harvest_warehouse.dashboard import charts, palette, queries, titles
from harvest_warehouse.dashboard.charts import SHORT, Field
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.formatting import count, money, percent, ratio, rounds_to_zero, total
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.page import Column, Page, Section, Tile, used
from harvest_warehouse.dashboard.ranking import named, ranked, top
from harvest_warehouse.dashboard.reader import Reader, Row
from harvest_warehouse.dashboard.requirements import ESTIMATES, REVENUE, known

_CLIENTS = 12
_COLOURS = {"draft": palette.GREY, "sent": palette.BLUE}


def clients(read: Reader, chosen: Filters, header: Header) -> Page:
    """Build the page Clients & pipeline."""
    with read.at_once():
        revenue = queries.clients_of_twelve_months(read, chosen)
        estimates = queries.estimates(read, chosen)
    paying = [row for row in revenue if row["revenue"] > 0]
    whole = total(paying, "revenue")
    offered, decided = [row for row in estimates if row["is_open"]], [row for row in estimates if not row["is_open"]]
    sent = [row for row in offered if row["state"] == "sent"]
    won = [row for row in decided if row["state"] == "accepted"]
    rate = ratio(total(won, "net_amount"), total(decided, "net_amount"))
    page = Page(
        "Clients & pipeline",
        "Which clients the company depends on, and what is on offer",
        (
            Tile(
                "Largest client",
                percent(ratio(paying[0]["revenue"], whole)) if paying else "–",
                f"of revenue of twelve months: {paying[0]['client_name']}" if paying else "no revenue in twelve months",
                basis=REVENUE,
            ),
            Tile(
                "Revenue of twelve months",
                money(whole, chosen.currency),
                f"from {count(len(paying), 'client')}",
                basis=REVENUE,
            ),
            Tile(
                "Offered",
                money(total(sent, "net_amount"), chosen.currency),
                f"in {count(len(sent), 'estimate')} sent and not decided",
                basis=ESTIMATES,
            ),
            Tile(
                "Won",
                percent(rate),
                f"of {money(total(decided, 'net_amount'), chosen.currency)} decided in twelve months",
                basis=ESTIMATES,
            ),
        ),
        (
            _concentration(revenue, chosen, header),
            _offered(offered, decided, chosen, header),
            _decided(decided, chosen),
        ),
    )
    return known(page, header.missing)


def _concentration(clients: list[Row], chosen: Filters, header: Header) -> Section:
    whole = total([row for row in clients if row["revenue"] > 0], "revenue")
    rows = [
        {**row, "share": ratio(row["revenue"], whole) if row["revenue"] > 0 else None, "one": ""}
        for row in named(clients, "client_name", "client_id")
    ]
    paying = [row for row in rows if row["revenue"] > 0 and not rounds_to_zero(row["revenue"])]
    title = titles.concentration(paying, chosen.currency)
    drawn = top(
        paying, ranked(paying, lambda some: total(some, "revenue")), _CLIENTS, ("revenue", "share"), "one", "client"
    )
    is_home = chosen.currency == header.home_currency
    return Section(
        title,
        rows,
        (
            Column("client_name", "Client"),
            Column("revenue", f"Revenue ({chosen.currency})", "money"),
            Column("share", "Share (%)", "share"),
            *((Column("margin", f"Margin ({chosen.currency})", "money"),) if is_home else ()),
            Column("hours", "Hours (h)", "hours"),
        ),
        charts.bars(
            drawn,
            Field("label", "Client"),
            Field("revenue", f"Revenue of twelve months ({chosen.currency})", SHORT),
            (
                Field("label", "Client"),
                Field("revenue", f"Revenue ({chosen.currency})", ",.0f"),
                Field("share", "Share", ".1%"),
            ),
            description=title,
        )
        if drawn
        else None,
        note=f"The last twelve complete months of clients billed in {chosen.currency}.",
        name="clients-by-revenue",
        basis=REVENUE,
    )


def _offered(offered: list[Row], decided: list[Row], chosen: Filters, header: Header) -> Section:
    rows = [
        {
            **row,
            "label": f"{row['estimate_number'] or row['estimate_id']} · {row['client_name']}",
            "url": header.link("estimates", row["estimate_id"]),
        }
        for row in offered
    ]
    rows = named([{**row, "words": row["label"]} for row in rows], "words", "estimate_id")
    title = titles.pipeline(offered, decided, chosen.currency)
    return Section(
        title,
        rows,
        (
            Column("client_name", "Client"),
            Column("subject", "Subject"),
            Column("state", "State"),
            Column("net_amount", f"Net ({chosen.currency})", "money"),
            Column("days_open", "Days open", "count"),
            Column("issue_date", "Date", "date"),
            Column("url", "In Harvest", "link"),
        ),
        charts.bars(
            rows[:_CLIENTS],
            Field("label", "Estimate"),
            Field("net_amount", f"Net ({chosen.currency})", SHORT),
            (
                Field("label", "Estimate"),
                Field("state", "State"),
                Field("net_amount", f"Net ({chosen.currency})", ",.2f"),
                Field("days_open", "Days open", ",d"),
            ),
            colour=Field("state", "State"),
            colours=_COLOURS,
            label_width=200,
            description=title,
        )
        if rows
        else None,
        used(_COLOURS, rows[:_CLIENTS], "state"),
        "Estimates without taxes. Drafts are no offers yet.",
        "open-estimates",
        ESTIMATES,
        f"The chart shows the {_CLIENTS} largest of {len(rows):,}." if len(rows) > _CLIENTS else "",
    )


def _decided(decided: list[Row], chosen: Filters) -> Section:
    return Section(
        titles.decided(decided, chosen.currency),
        decided,
        (
            Column("client_name", "Client"),
            Column("subject", "Subject"),
            Column("state", "State"),
            Column("net_amount", f"Net ({chosen.currency})", "money"),
            Column("not_yet_invoiced", f"Not invoiced yet ({chosen.currency})", "money"),
            Column("decided_on", "Decided", "date"),
        ),
        name="decided-estimates",
        basis=ESTIMATES,
    )
