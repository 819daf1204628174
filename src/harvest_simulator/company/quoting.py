"""Generate the company's estimates, up to today."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random

from harvest_simulator.account.correspondence import estimate_message
from harvest_simulator.account.documents import Estimate
from harvest_simulator.account.invoicing import PRODUCT, SERVICE, new_line
from harvest_simulator.account.tables import Tables
from harvest_simulator.account.workdays import seconds_at
from harvest_simulator.company.portfolio import Portfolio

_STATES = ("accepted", "sent", "draft", "declined", "accepted", "sent")


def fill_estimates(tables: Tables, rng: Random, portfolio: Portfolio, first_day: date, today: date) -> None:
    """Add about one estimate per six invoices, in all four states; the second has no lines."""
    creator_id = next(iter(tables.users))
    count = max(6, len(tables.invoices) // 6)
    span_days = (today - first_day).days - 12
    for number in range(count):
        job = portfolio.jobs[(number * 3) % len(portfolio.jobs)]
        issue_date = first_day + timedelta(days=3 + span_days * number // count)
        created_at = max(
            seconds_at(issue_date, 14, rng.randrange(60)), tables.clients[job.project.client_id].created_at
        )
        estimate = Estimate(
            id=tables.take_id("estimate"),
            client_id=job.project.client_id,
            creator_id=creator_id,
            number=str(1 + number),
            client_key=f"{rng.getrandbits(160):040x}",
            currency=tables.clients[job.project.client_id].currency,
            issue_date=issue_date,
            created_at=created_at,
            updated_at=created_at,
            tax=Decimal("5.0") if number % 2 == 0 else None,
            tax2=Decimal("2.0") if number % 4 == 0 else None,
            discount=Decimal("10.0") if number % 3 == 0 else None,
            subject=f"{job.project.name}: offer" if number % 3 else "",
            notes="" if number % 2 else "Valid for 30 days.",
            purchase_order="" if number % 4 else "5678",
        )
        if number != 1:
            days = Decimal(rng.randrange(4, 60))
            estimate.lines.append(new_line(tables, SERVICE, "Conception and build", days, Decimal(960)))
            estimate.lines.append(new_line(tables, PRODUCT, "Licences", Decimal(1), Decimal(rng.randrange(100, 900))))
            estimate.lines[0].taxed = estimate.tax is not None
            estimate.lines[0].taxed2 = estimate.tax2 is not None
        tables.estimates[estimate.id] = estimate
        _settle(tables, estimate, _STATES[number % len(_STATES)])
    _bill_the_first(tables)


def _settle(tables: Tables, estimate: Estimate, state: str) -> None:
    if state == "draft":
        return
    sent_at = estimate.created_at + 1_800
    estimate.state, estimate.sent_at, estimate.updated_at = "sent", sent_at, sent_at
    estimate_message(tables, estimate, sent_at, None)
    answered_at = sent_at + 86_400 * 4
    if state == "sent" or answered_at >= tables.clock.now_seconds():
        return
    estimate.state, estimate.updated_at = state, answered_at
    if state == "accepted":
        estimate.accepted_at = answered_at
    else:
        estimate.declined_at = answered_at
    estimate_message(tables, estimate, answered_at, "accept" if state == "accepted" else "decline")


def _bill_the_first(tables: Tables) -> None:
    """Link an invoice to the estimate that it was made from."""
    for estimate in tables.estimates.values():
        if estimate.state != "accepted":
            continue
        for invoice in tables.invoices.values():
            if invoice.client_id == estimate.client_id and invoice.created_at > estimate.updated_at:
                invoice.estimate_id = estimate.id
                return
