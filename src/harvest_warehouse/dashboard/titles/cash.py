"""Titles on what can be billed, is owed, and is offered."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from harvest_warehouse.dashboard.formatting import (
    ZERO,
    count,
    hours,
    joined,
    money,
    month,
    percent,
    ratio,
    rounds_to_zero,
    total,
)
from harvest_warehouse.dashboard.reader import Row


def unbilled(rows: Sequence[Row], currency: str) -> str:
    """Title on unbilled work, from rows by client (`label`) and age; credits and time without a rate are named apart."""
    amounts = {label: total(_of(rows, label), "uninvoiced_amount") for label in _labels(rows)}
    due = {label: amount for label, amount in amounts.items() if amount > 0 and not rounds_to_zero(amount)}
    overpaid = {label: -amount for label, amount in amounts.items() if amount < 0 and not rounds_to_zero(amount)}
    asked = sum(due.values(), ZERO)
    if not due:
        title = f"Nothing can be billed in {currency}"
    elif len(due) == 1:
        title = f"{money(asked, currency)} can be billed, all of it to {next(iter(due))}"
    else:
        most = max(due.values())
        first = [label for label, amount in due.items() if amount == most]
        title = f"{money(asked, currency)} can be billed to {len(due):,} clients"
        if len(first) == len(due):
            title += f", {money(most, currency)} to each"
        elif len(first) == 1:
            title += f": {first[0]} has {percent(ratio(most, asked))} of it"
    if overpaid:
        who = next(iter(overpaid)) if len(overpaid) == 1 else f"{len(overpaid):,} clients"
        title += f"; {who} {'has' if len(overpaid) == 1 else 'have'} a credit of {money(sum(overpaid.values(), ZERO), currency)}"
    without = total([row for row in rows if not row["time_amount"]], "uninvoiced_hours")
    if not rounds_to_zero(without):
        title += f"; {hours(without)} without a rate cannot be valued"
    return title


def receivables(rows: Sequence[Row], credit: Decimal, currency: str) -> str:
    """Title on receivables, from rows by age (`overdue_bucket`) on which something is owed.

    Args:
        rows: receivables by age.
        credit: sum of what clients paid too much, 0 or negative.
        currency: their currency.
    """
    owed = total(rows, "open_amount")
    overdue = total([row for row in rows if row["overdue_bucket"] != "not_due"], "open_amount")
    if rounds_to_zero(owed):
        title = f"Clients owe nothing in {currency}"
    elif not overdue:
        title = f"Clients owe {money(owed, currency)}, and nothing is overdue"
    elif overdue == owed:
        title = f"All of the {money(owed, currency)} that clients owe is overdue"
    else:
        title = f"{percent(ratio(overdue, owed))} of the {money(owed, currency)} that clients owe is overdue"
    return title if rounds_to_zero(credit) else f"{title}; credits of {money(-credit, currency)} are not deducted"


def days_outstanding(months: Sequence[Row], currency: str) -> str:
    """Title on days sales outstanding, from rows of complete months, oldest first."""
    known = [row for row in months if row["days_sales_outstanding"] is not None]
    if not known:
        return f"Nothing was invoiced in {currency} in the 90 days before any of these month ends: there are no days of sales"
    first, last = (Decimal(row["days_sales_outstanding"]) for row in (known[0], known[-1]))
    end = f"at the end of {month(known[-1]['month_start'])}"
    if last < 0 and not rounds_to_zero(last):
        return f"Clients had more in credit than they owed {end}"
    title = (
        f"Clients take {count(round(last), 'day')} to pay (DSO {end})" if round(last) else f"Clients owed nothing {end}"
    )
    if len(known) == 1:
        return title
    start = month(known[0]["month_start"])
    if round(first) == round(last):
        return f"{title}, the same as in {start}"
    return f"{title}, {'up' if last > first else 'down'} from {round(first):,} in {start}"


def fees(rows: Sequence[Row], currency: str) -> str:
    """Title on fixed fees, from rows by project; what is left of one is not set off against what is over on another."""
    left = total([row for row in rows if row["uninvoiced_amount"] > 0], "uninvoiced_amount")
    over = -total([row for row in rows if row["uninvoiced_amount"] < 0], "uninvoiced_amount")
    said = [
        *([] if rounds_to_zero(left) else [f"{money(left, currency)} of fixed fees is not invoiced yet"]),
        *([] if rounds_to_zero(over) else [f"{money(over, currency)} was invoiced beyond the fees"]),
    ]
    return "; ".join(said) or f"No fixed fee in {currency} differs from what was invoiced of it"


def overdue(clients: Sequence[Row], currency: str) -> str:
    """Title on overdue invoices, from rows by client, most money first."""
    clients = [row for row in clients if not rounds_to_zero(row["amount"])]
    if not clients:
        return f"No invoice is overdue in {currency}"
    most = clients[0]["amount"]
    first = [row["client_name"] for row in clients if row["amount"] == most]
    if len(first) > 2:
        return f"{len(first):,} clients owe most: {money(most, currency)} overdue each"
    if len(first) == 2:
        return f"Call {joined(first)} first: {money(most, currency)} overdue each"
    [top, *_] = clients
    late = f"{'the oldest ' if top['invoices'] > 1 else ''}for {count(top['days_overdue'], 'day')}"
    return f"Call {first[0]} first: {money(most, currency)} overdue on {count(top['invoices'], 'invoice')}, {late}"


def company(rows: Sequence[Row], in_home: Decimal | None, home: str | None) -> str:
    """Title on the company, from rows by currency (`overdue`); currencies are added up only where all have a rate.

    Args:
        rows: one row for each currency.
        in_home: what is overdue in all currencies together, in home currency; None where a rate is missing.
        home: the home currency.
    """
    late = [row for row in rows if not rounds_to_zero(row["overdue"])]
    if not late:
        return "Nothing is overdue" + (" in any currency" if len(rows) > 1 else "")
    if len(late) > 1 and in_home is not None and home:
        return f"{money(in_home, home)} is overdue, in {len(late):,} currencies together"
    return f"{joined([money(row['overdue'], row['currency']) for row in late])} {'is' if len(late) == 1 else 'are'} overdue"


def calls(rows: Sequence[Row], *, has_one_scale: bool) -> str:
    """Title on whom to call, from rows with `client_name`, `amount`, `currency`, `kind` and `what`, in the order to call.

    Args:
        rows: the calls.
        has_one_scale: whether amounts can be compared: in one currency, or converted.
    """
    if not rows:
        return "Nobody to call about invoices, budgets, unbilled work or margins"
    firsts = {row["currency"]: row for row in reversed(rows)}
    if has_one_scale or len(firsts) == 1:
        [top, *_] = rows
        return f"Call first: {top['client_name']}, {money(top['amount'], top['currency'])} {top['what']}"
    in_order = [row for row in rows if row is firsts[row["currency"]]]
    each = [f"{row['client_name']} ({money(row['amount'], row['currency'])} {row['kind']})" for row in in_order]
    return f"Call first, the largest in each currency: {joined(each)}"


def concentration(clients: Sequence[Row], currency: str) -> str:
    """Title on how much revenue of twelve months depends on the largest clients, from rows by client, largest first."""
    paying = [row for row in clients if row["revenue"] > 0 and not rounds_to_zero(row["revenue"])]
    if not paying:
        return f"No client brought revenue in {currency} in these twelve months"
    if len(paying) == 1:
        return (
            f"{paying[0]['client_name']} brought all revenue of twelve months: {money(paying[0]['revenue'], currency)}"
        )
    whole = total(paying, "revenue")
    most = paying[0]["revenue"]
    first = [row["client_name"] for row in paying if row["revenue"] == most]
    share = f"{percent(ratio(most, whole))} of revenue of twelve months"
    if len(first) == 1:
        title = f"{share} comes from {first[0]}"
    else:
        title = f"{joined(first) if len(first) == 2 else f'{len(first):,} clients'} brought {share} each"
    if len(paying) <= 3:
        return title
    return f"{title}, {percent(ratio(total(paying[:3], 'revenue'), whole))} from the three largest of {len(paying):,}"


def pipeline(open_estimates: Sequence[Row], decided: Sequence[Row], currency: str) -> str:
    """Title on estimates: what is open, and the share of what was decided that was won.

    Args:
        open_estimates: drafts and sent ones.
        decided: accepted and declined ones of twelve months.
        currency: their currency.
    """
    sent = [row for row in open_estimates if row["state"] == "sent"]
    amount = total(sent, "net_amount")
    title = (
        f"{money(amount, currency)} is offered in {count(len(sent), 'open estimate')}"
        if sent
        else f"No estimate in {currency} is out with a client"
    )
    won, whole = (
        total(rows, "net_amount") for rows in ([row for row in decided if row["state"] == "accepted"], decided)
    )
    if whole > 0:
        title += f"; {percent(ratio(won, whole))} of {money(whole, currency)} decided in twelve months was won"
    return title


def decided(rows: Sequence[Row], currency: str) -> str:
    """Title on decided estimates: how many were won, and what of them is not invoiced yet."""
    won = [row for row in rows if row["state"] == "accepted"]
    left = total([row for row in won if row["not_yet_invoiced"] > 0], "not_yet_invoiced")
    if not rows:
        return f"No estimate in {currency} was decided in twelve months"
    title = f"{len(won):,} of {count(len(rows), 'estimate')} decided in twelve months {'was' if 1 in (len(won), len(rows)) else 'were'} won"
    return title if rounds_to_zero(left) else f"{title}; {money(left, currency)} of what was won is not invoiced yet"


def month_so_far(months: Sequence[Row], currency: str) -> str:
    """Title on the running month's invoicing, from rows by month, the running one last.

    Of it, rows have `invoiced`, `drafted` and `unbilled`; of the months before, `invoiced` and `months_ago`.
    """
    if not months:
        return f"Nothing was invoiced in {currency} in thirteen months"
    [*before, running] = months
    invoiced = running["invoiced"]
    name = month(running["month_start"])
    said = (
        f"{money(invoiced, currency)} is invoiced"
        if not rounds_to_zero(invoiced)
        else f"Nothing is invoiced in {currency}"
    )
    more = running["drafted"] + running["unbilled"]
    title = f"{said} for {name} so far" + (
        "" if rounds_to_zero(more) or more < 0 else f", and {money(more, currency)} more can be"
    )
    if not before:
        return title
    # Months without an invoice count, those before the first one do not.
    span = max(row["months_ago"] for row in before)
    usual = total(before, "invoiced") / span
    past = "the month before had" if span == 1 else f"the {span} months before had, on average,"
    return f"{title}; {past} {money(usual, currency)}"


def expected_cash(invoices: Sequence[Row], currency: str) -> str:
    """Title on when clients pay, from rows by invoice (`due_amount`, `expected_in_days`)."""
    owed = total(invoices, "due_amount")
    if rounds_to_zero(owed):
        return f"Clients owe nothing in {currency}"
    soon = [row for row in invoices if row["expected_in_days"] is not None and 0 <= row["expected_in_days"] <= 30]
    late = [row for row in invoices if row["expected_in_days"] is not None and row["expected_in_days"] < 0]
    title = f"{money(total(soon, 'due_amount'), currency)} of {money(owed, currency)} owed is expected within 30 days"
    if rounds_to_zero(total(soon, "due_amount")):
        title = f"None of the {money(owed, currency)} owed is expected within 30 days"
    overdue = total(late, "due_amount")
    return title if rounds_to_zero(overdue) else f"{title}; {money(overdue, currency)} is later than expected"


def _labels(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row["label"] for row in rows))


def _of(rows: Sequence[Row], label: str) -> list[Row]:
    return [row for row in rows if row["label"] == label]
