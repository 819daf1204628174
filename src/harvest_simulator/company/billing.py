"""Generate the company's invoices, payments and messages, up to today."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from harvest_simulator.account.arithmetic import half_up, totals_of
from harvest_simulator.account.correspondence import invoice_message, payment_row
from harvest_simulator.account.documents import Invoice, ItemCategory, Line
from harvest_simulator.account.invoicing import PRODUCT, SERVICE, lines_of_work, mark_billed, new_line
from harvest_simulator.account.rows import Expense, TimeEntry
from harvest_simulator.account.tables import Tables
from harvest_simulator.account.workdays import midnight, months_between, next_working_day, seconds_at
from harvest_simulator.company.portfolio import Portfolio

TERMS = (("net 30", 30), ("net 15", 15), ("upon receipt", 0), ("net 45", 45), ("custom", 21), ("net 60", 60))


def add_item_categories(tables: Tables, created_on: date) -> None:
    """Add the categories of invoice and estimate lines, which lines refer to by name."""
    at = seconds_at(created_on, 8, 17, 57)
    for number, name in enumerate((SERVICE, PRODUCT, "Licence")):
        for rows in (tables.invoice_item_categories, tables.estimate_item_categories):
            row = ItemCategory(
                tables.take_id("item_category"), name, name == SERVICE, name == PRODUCT, at + number, at + number
            )
            rows[row.id] = row


class Billing:
    """Generator of invoices: one per month and client with something to bill."""

    def __init__(self, tables: Tables, rng: Random, portfolio: Portfolio, first_day: date, today: date) -> None:
        self.tables = tables
        self.rng = rng
        self.portfolio = portfolio
        self.first_day = first_day
        self.today = today
        self.now = tables.clock.now_seconds()
        self.creator_id = next(iter(tables.users))
        self.entries: dict[int, list[TimeEntry]] = defaultdict(list)
        self.expenses: dict[int, list[Expense]] = defaultdict(list)

    def fill(self) -> None:
        """Bill every completed month, then add irregular documents, as every company has them."""
        add_item_categories(self.tables, self.first_day - timedelta(days=20))
        self._collect()
        for month, month_end in months_between(self.first_day, self.today):
            if month_end >= self.today:
                break
            for client_id in list(self.tables.clients):
                self._bill_month(client_id, month, month_end)
        self._add_old_business()
        self._add_draft_with_payment()
        self._mark_some_by_hand()

    def _collect(self) -> None:
        """Collect billable time-and-materials work, by client."""
        tables = self.tables
        client_of = {
            project.id: project.client_id
            for project in tables.projects.values()
            if project.is_billable and not project.is_fixed_fee
        }
        for entry in tables.time_entries.values():
            if entry.billable and entry.project_id in client_of:
                self.entries[client_of[entry.project_id]].append(entry)
        for expense in tables.expenses.values():
            if expense.billable and expense.project_id in client_of:
                self.expenses[client_of[expense.project_id]].append(expense)
        for entries in self.entries.values():
            entries.sort(key=_spent_date)
        for expenses in self.expenses.values():
            expenses.sort(key=_spent_date)

    def _bill_month(self, client_id: int, month: date, month_end: date) -> None:
        """Bill a month; some clients are skipped for a month, and one in eight is not billed for the last three months."""
        rng, tables = self.rng, self.tables
        is_neglected = client_id % 8 == 3 and (self.today - month_end).days < 95
        if rng.random() < 0.05 or is_neglected:
            return
        issue_date = next_working_day(month_end + timedelta(days=1 + rng.randrange(5)))
        created_at = seconds_at(issue_date, 10, rng.randrange(60), rng.randrange(60))
        if created_at > self.now - 7_200:
            return
        entry_end = bisect_right(self.entries[client_id], month_end, key=_spent_date)
        expense_end = bisect_right(self.expenses[client_id], month_end, key=_spent_date)
        entries = [e for e in self.entries[client_id][:entry_end] if e.created_at < created_at]
        expenses = [e for e in self.expenses[client_id][:expense_end] if e.created_at < created_at]
        fees = self._fees(client_id, month, month_end)
        if not entries and not expenses and not fees:
            return
        self.entries[client_id][:entry_end] = [
            e for e in self.entries[client_id][:entry_end] if e.created_at >= created_at
        ]
        self.expenses[client_id][:expense_end] = [
            e for e in self.expenses[client_id][:expense_end] if e.created_at >= created_at
        ]
        days = [*(entry.spent_date for entry in entries), *(expense.spent_date for expense in expenses)]
        first, last = min(days, default=month), max(days, default=month_end)
        invoice = self._new_invoice(client_id, issue_date, created_at)
        invoice.lines = [*lines_of_work(tables, entries, expenses, first, last), *fees]
        if days:
            invoice.period_start, invoice.period_end = first, last
        self._set_taxes(invoice, len(tables.invoices))
        tables.invoices[invoice.id] = invoice
        mark_billed((*entries, *expenses), invoice.id, created_at)
        client = tables.clients[client_id]
        client.updated_at = max(client.updated_at, created_at)
        self._settle(invoice, len(tables.invoices) - 1)

    def _fees(self, client_id: int, month: date, month_end: date) -> list[Line]:
        """Lines for fixed fees: a third each at the project's start, two months later, and four months later."""
        lines = []
        for job in self.portfolio.jobs:
            project = job.project
            if project.client_id != client_id or not project.is_fixed_fee or project.fee is None:
                continue
            months = (month.year - job.first_day.year) * 12 + month.month - job.first_day.month
            if months in (0, 2, 4) and job.first_day <= month_end:
                price = half_up(project.fee / 3)
                text = f"{project.name}: instalment {months // 2 + 1} of 3"
                lines.append(new_line(self.tables, SERVICE, text, Decimal(1), price, project.id))
        return lines

    def _new_invoice(self, client_id: int, issue_date: date, created_at: int) -> Invoice:
        rng, number = self.rng, len(self.tables.invoices)
        term, days = TERMS[number % len(TERMS)]
        return Invoice(
            id=self.tables.take_id("invoice"),
            client_id=client_id,
            creator_id=self.creator_id,
            number=str(1_001 + number),
            client_key=f"{rng.getrandbits(160):040x}",
            currency=self.tables.clients[client_id].currency,
            issue_date=issue_date,
            due_date=issue_date + timedelta(days=days),
            payment_term=term,
            created_at=created_at,
            updated_at=created_at,
            subject=("", "Work of the month", "Services rendered – thank you")[number % 3],
            notes="" if number % 4 else "Please quote the invoice number.\r\nBank details overleaf.",
            purchase_order="" if number % 5 else f"PO-{4_500 + number}",
            payment_options=((), ("credit_card",), ("ach", "credit_card", "paypal"))[number % 3],
            recurring_invoice_id=88_001 + number % 3 if number % 19 == 6 else None,
        )

    def _set_taxes(self, invoice: Invoice, number: int) -> None:
        """Set no, one or two taxes, and sometimes a discount; not every line is taxed."""
        invoice.tax = Decimal("5.0") if number % 3 else None
        invoice.tax2 = Decimal("9.975") if number % 6 == 4 else None
        invoice.discount = (Decimal("4.0"), Decimal("12.5"))[number % 2] if number % 5 == 2 else None
        for line in invoice.lines:
            line.taxed = invoice.tax is not None and line.kind != PRODUCT
            line.taxed2 = invoice.tax2 is not None

    def _settle(self, invoice: Invoice, number: int) -> None:
        """Give an invoice its outcome: sent a day later, then paid, partly paid, overdue or written off; the newest stay drafts."""
        rng = self.rng
        age_days = (self.today - invoice.issue_date).days
        sent_at = invoice.created_at + rng.randrange(900, 90_000)
        if sent_at > self.now or (age_days < 20 and number % 3 == 0):
            return
        self._send(invoice, sent_at)
        amount = self._amount(invoice)
        # The first invoices cover all outcomes, so that even a young company has them.
        outcome = number % 16 if number >= 8 else (0, 12, 15, 14, 0, 13, 0, 1)[number]
        if outcome == 15:
            closed_at = sent_at + 86_400 * 20
            if closed_at < self.now:
                self._write_off(invoice, closed_at)
        elif outcome in (12, 13):
            half = half_up(amount * Decimal("0.4"))
            self._pay(invoice, half, sent_at + 86_400 * rng.randrange(6, 12))
            if outcome == 12:
                self._pay(invoice, amount - half, sent_at + 86_400 * rng.randrange(14, 22))
        elif outcome == 14:
            self._remind(invoice)
        else:
            self._pay(invoice, amount, sent_at + 86_400 * rng.randrange(5, 45))

    def _amount(self, invoice: Invoice) -> Decimal:
        return totals_of(invoice.lines, invoice.discount, invoice.tax, invoice.tax2).amount

    def _send(self, invoice: Invoice, at: int) -> None:
        invoice.state, invoice.sent_at = "open", at
        invoice.updated_at = max(invoice.updated_at, at)
        invoice_message(self.tables, invoice, at, None)

    def _pay(self, invoice: Invoice, amount: Decimal, at: int) -> None:
        """Add a payment, unless its date lies in the future."""
        if at >= self.now or amount <= 0:
            return
        tables = self.tables
        day = self.today - timedelta(days=(midnight(self.today) - at // 86_400 * 86_400) // 86_400)
        tables.invoice_payments[invoice.id].append(
            payment_row(tables, invoice, amount, day, at, is_online=invoice.id % 4 == 1)
        )
        invoice.updated_at = max(invoice.updated_at, at)
        if tables.paid_of(invoice.id) == self._amount(invoice) and invoice.state == "open":
            invoice.state, invoice.paid_date, invoice.paid_at = "paid", day, midnight(day)
            if invoice.id % 3 == 0:
                invoice_message(tables, invoice, at, None, is_thank_you=True)

    def _write_off(self, invoice: Invoice, at: int) -> None:
        invoice.state, invoice.closed_at, invoice.updated_at = "closed", at, at
        invoice_message(self.tables, invoice, at, "close")

    def _remind(self, invoice: Invoice) -> None:
        at = seconds_at(invoice.due_date + timedelta(days=8), 9, 1)
        if at < self.now:
            invoice_message(self.tables, invoice, at, None, is_reminder=True)

    def _add_free_invoice(self, day_number: int, description: str, price: Decimal) -> Invoice:
        """Add an invoice with one line without a project, sent an hour after its creation."""
        client_id = self.portfolio.jobs[day_number % 4].project.client_id
        issue_date = next_working_day(self.first_day + timedelta(days=day_number))
        created_at = seconds_at(issue_date, 11, 30)
        invoice = self._new_invoice(client_id, issue_date, created_at)
        invoice.lines = [new_line(self.tables, SERVICE, description, Decimal(1), price)]
        self.tables.invoices[invoice.id] = invoice
        self._send(invoice, created_at + 3_600)
        return invoice

    def _add_old_business(self) -> None:
        """Add a deposit paid in advance, an invoice paid in two parts, and one that is partly paid."""
        retainer = self._add_free_invoice(9, "Retainer deposit", Decimal(7_500))
        retainer.number, retainer.retainer_id = "R-1", self.tables.take_id("retainer")
        self._pay(retainer, Decimal(7_500), retainer.created_at + 86_400 * 7)
        in_parts = self._add_free_invoice(10, "Training days", Decimal("3150.75"))
        self._pay(in_parts, Decimal(1_000), in_parts.created_at + 86_400 * 9)
        self._pay(in_parts, Decimal("2150.75"), in_parts.created_at + 86_400 * 30)
        owed = self._add_free_invoice(11, "Audit", Decimal("4800.20"))
        owed.payment_term, owed.due_date = "net 15", owed.issue_date + timedelta(days=15)
        self._pay(owed, Decimal("1800.20"), owed.created_at + 86_400 * 20)
        self._remind(owed)

    def _add_draft_with_payment(self) -> None:
        """Add a partly paid draft that was never sent, with a product linked to the project (as in captured records)."""
        project_id = self.portfolio.jobs[3].project.id
        client_id = self.portfolio.jobs[3].project.client_id
        issue_date = self.today - timedelta(days=12)
        created_at = seconds_at(issue_date, 15, 17, 55)
        invoice = self._new_invoice(client_id, issue_date, created_at)
        invoice.lines = [
            new_line(self.tables, SERVICE, "Preparation", Decimal(1), Decimal(21_900), project_id),
            new_line(self.tables, PRODUCT, "", Decimal(1), Decimal(100), project_id),
        ]
        self.tables.invoices[invoice.id] = invoice
        self._pay(invoice, Decimal(500), created_at + 90_000)

    def _mark_some_by_hand(self) -> None:
        """Mark some time as invoiced by hand, without an invoice."""
        for rows in self.entries.values():
            mark_billed(rows[:2], None, self.now - 500_000)
            del rows[:2]


def _spent_date(row: TimeEntry | Expense) -> date:
    return row.spent_date
