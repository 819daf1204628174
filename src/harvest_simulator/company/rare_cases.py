"""Generate what few accounts have, and some always do.

Other currencies, draws on a retainer, credits, overpaid invoices, leave of somebody who has left.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from harvest_simulator.account.correspondence import payment_row
from harvest_simulator.account.documents import Invoice
from harvest_simulator.account.invoicing import SERVICE, lines_of_work, mark_billed, new_line
from harvest_simulator.account.rows import TimeEntry
from harvest_simulator.account.tables import Tables
from harvest_simulator.account.workdays import seconds_at
from harvest_simulator.company.portfolio import Job, Portfolio


def add_rare_cases(tables: Tables, portfolio: Portfolio, today: date) -> None:
    """Add the cases; called after everything else, so that few other generated rows change."""
    jobs = [job for job in portfolio.jobs if job.project.is_billable and not job.project.is_fixed_fee]
    _bill_in_yen(tables, jobs[0], today)
    for job in jobs[1:]:
        if _draw_on_a_retainer(tables, job, today):
            break
    _credit_and_overpay(tables, jobs[0], today)
    _leave_after_leaving(tables, portfolio, today)


def _bill_in_yen(tables: Tables, job: Job, today: date) -> None:
    """Add an open invoice in a currency that no client has, for a project."""
    invoice = _invoice(tables, job.project.client_id, today - timedelta(days=50), "JPY")
    invoice.lines = [new_line(tables, SERVICE, "Workshop in Osaka", Decimal(1), Decimal(450_000), job.project.id)]


def _draw_on_a_retainer(tables: Tables, job: Job, today: date) -> bool:
    """Add a paid deposit, and a paid invoice of the same retainer that bills open time; False if there is none."""
    day = today - timedelta(days=20)
    unbilled = [
        entry
        for entry in tables.time_entries.values()
        if entry.project_id == job.project.id and entry.billable and not entry.is_billed and entry.spent_date < day
    ][:5]
    if not unbilled:
        return False
    retainer = tables.take_id("retainer")
    currency = tables.currency_of_project(job.project.id)
    deposit = _invoice(tables, job.project.client_id, day - timedelta(days=60), currency)
    deposit.lines = [new_line(tables, SERVICE, "Deposit", Decimal(1), Decimal(6_000))]
    drawing = _invoice(tables, job.project.client_id, day, currency)
    days = [entry.spent_date for entry in unbilled]
    drawing.lines = lines_of_work(tables, unbilled, [], min(days), max(days))
    mark_billed(unbilled, drawing.id, drawing.created_at)
    for invoice in (deposit, drawing):
        invoice.retainer_id = retainer
        _pay(tables, invoice, sum((line.amount for line in invoice.lines), Decimal(0)))
    return True


def _credit_and_overpay(tables: Tables, job: Job, today: date) -> None:
    """Add a credit, and an invoice of which more was paid than it asked for: both stay open with less than nothing due."""
    currency = tables.currency_of_project(job.project.id)
    credit = _invoice(tables, job.project.client_id, today - timedelta(days=70), currency)
    credit.lines = [new_line(tables, SERVICE, "Credit", Decimal(1), Decimal("-250.00"))]
    overpaid = _invoice(tables, job.project.client_id, today - timedelta(days=65), currency)
    overpaid.lines = [new_line(tables, SERVICE, "Review", Decimal(1), Decimal("400.00"))]
    at = overpaid.created_at + 86_400
    tables.invoice_payments[overpaid.id].append(
        payment_row(tables, overpaid, Decimal("440.00"), overpaid.issue_date + timedelta(days=1), at)
    )
    overpaid.updated_at = at


def _leave_after_leaving(tables: Tables, portfolio: Portfolio, today: date) -> None:
    """Let somebody who has left have vacation on the two days after, planned before."""
    last_days: dict[int, date] = {}
    for entry in tables.time_entries.values():
        last_days[entry.user_id] = max(last_days.get(entry.user_id, entry.spent_date), entry.spent_date)
    for user in tables.users.values():
        last_day = last_days.get(user.id)
        if user.is_active or last_day is None or last_day + timedelta(days=2) > today:
            continue
        job, at = portfolio.time_off, seconds_at(last_day, 9, 0)
        for ahead in (1, 2):
            entry = TimeEntry(
                id=tables.take_id("time_entry"),
                spent_date=last_day + timedelta(days=ahead),
                user_id=user.id,
                project_id=job.project.id,
                task_id=portfolio.tasks["Vacation"].id,
                hours_hundredths=800,
                notes=None,
                billable=False,
                budgeted=False,
                billable_rate=None,
                cost_rate=None,
                created_at=at,
                updated_at=at,
            )
            tables.stamp(entry)
            tables.add_time_entry(entry)
        return


def _invoice(tables: Tables, client_id: int, day: date, currency: str) -> Invoice:
    """Add a sent invoice without lines, due after a fortnight."""
    at = seconds_at(day, 10, 5)
    number = len(tables.invoices)
    invoice = Invoice(
        id=tables.take_id("invoice"),
        client_id=client_id,
        creator_id=next(iter(tables.users)),
        number=str(1_001 + number),
        client_key=f"{number:040x}",
        currency=currency,
        issue_date=day,
        due_date=day + timedelta(days=14),
        payment_term="net 14",
        created_at=at,
        updated_at=at,
        state="open",
        sent_at=at,
    )
    tables.invoices[invoice.id] = invoice
    return invoice


def _pay(tables: Tables, invoice: Invoice, amount: Decimal) -> None:
    """Pay an invoice in full, on the day after it was sent."""
    day = invoice.issue_date + timedelta(days=1)
    at = invoice.created_at + 86_400
    tables.invoice_payments[invoice.id].append(payment_row(tables, invoice, amount, day, at))
    invoice.state, invoice.paid_date, invoice.paid_at = "paid", day, at // 86_400 * 86_400
    invoice.updated_at = at
