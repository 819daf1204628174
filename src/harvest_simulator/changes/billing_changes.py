"""Changes of invoices, their payments and messages.

https://help.getharvest.com/api-v2/invoices-api/invoices/invoices/
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any

from harvest_simulator.account.arithmetic import totals_of
from harvest_simulator.account.correspondence import invoice_message, payment_row
from harvest_simulator.account.documents import Invoice, Line, Payment
from harvest_simulator.account.invoicing import SERVICE, lines_of_work, mark_billed, new_line
from harvest_simulator.account.rows import Expense, TimeEntry
from harvest_simulator.account.workdays import midnight
from harvest_simulator.changes.changes import Changes, NotPossible, change


class BillingChanges(Changes):
    """Changes of invoices, payments and messages, as methods of the store."""

    @change
    def create_invoice(
        self, client_id: int, from_date: date | None = None, to_date: date | None = None, **values: Any
    ) -> int:
        """Create a draft for all unbilled work of a client in a range of days; without any, a draft with one free line.

        The work is marked as billed: updated_at of those entries and expenses and of the client moves.
        """
        now, today = self.now_seconds(), self.today()
        invoice = Invoice(
            id=self.take_id("invoice"),
            client_id=client_id,
            creator_id=next(iter(self.users)),
            number=str(1_001 + len(self.invoices)),
            client_key=f"{self.take_id('line'):040x}",
            currency=self.clients[client_id].currency,
            issue_date=today,
            due_date=today + timedelta(days=30),
            payment_term="net 30",
            created_at=now,
            updated_at=now,
        )
        entries, expenses = self.unbilled_work(client_id, from_date, to_date)
        days = [*(entry.spent_date for entry in entries), *(expense.spent_date for expense in expenses)]
        if days:
            invoice.period_start, invoice.period_end = min(days), max(days)
            invoice.lines = lines_of_work(self, entries, expenses, min(days), max(days))
        else:
            invoice.lines = [new_line(self, SERVICE, "Consulting", Decimal(1), Decimal("1250.50"))]
        self.edit(invoice, values)
        self.invoices[invoice.id] = invoice
        mark_billed((*entries, *expenses), invoice.id, now)
        self.clients[client_id].updated_at = now
        return invoice.id

    def unbilled_work(
        self, client_id: int, from_date: date | None = None, to_date: date | None = None
    ) -> tuple[list[TimeEntry], list[Expense]]:
        """List billable, unbilled time and expenses of the client's time and materials projects."""
        open_projects = {
            project.id
            for project in self.projects.values()
            if project.client_id == client_id and project.is_billable and not project.is_fixed_fee
        }
        entries = [
            entry
            for entry in self.entries_between(from_date, to_date)
            if entry.project_id in open_projects
            and entry.billable
            and not entry.is_billed
            and entry.timer_started_at is None
        ]
        expenses = [
            expense
            for expense in self.expenses.values()
            if expense.project_id in open_projects
            and expense.billable
            and not expense.is_billed
            and (from_date is None or expense.spent_date >= from_date)
            and (to_date is None or expense.spent_date <= to_date)
        ]
        return entries, expenses

    @change
    def edit_invoice(self, invoice_id: int, **values: Any) -> int:
        """Change fields such as subject, notes, tax, discount, issue_date."""
        return self.edit(self.invoices[invoice_id], values)

    @change
    def set_invoice_lines(self, invoice_id: int, lines: list[Line]) -> int:
        """Replace the lines; see `new_invoice_line`."""
        return self.edit(self.invoices[invoice_id], {"lines": lines})

    def new_invoice_line(
        self,
        description: str,
        quantity: Decimal,
        unit_price: Decimal,
        project_id: int | None = None,
        kind: str = SERVICE,
    ) -> Line:
        """Build a line with a new id, for `set_invoice_lines`."""
        with self.lock:
            return new_line(self, kind, description, quantity, unit_price, project_id)

    @change
    def send_invoice(self, invoice_id: int) -> int:
        """Send an invoice to the client's contacts; a draft becomes open."""
        invoice, now = self.invoices[invoice_id], self.now_seconds()
        if invoice.state == "draft":
            invoice.state, invoice.sent_at = "open", now
        invoice.updated_at = now
        invoice_message(self, invoice, now, None)
        return invoice_id

    @change
    def remind(self, invoice_id: int) -> int:
        """Send a reminder: adds only a message; updated_at of the invoice does not move. Returns the message's id."""
        return invoice_message(self, self.invoices[invoice_id], self.now_seconds(), None, is_reminder=True).id

    @change
    def pay_invoice(self, invoice_id: int, amount: Decimal | None = None, paid_date: date | None = None) -> int:
        """Record a payment, by default of the amount due; moves the invoice. Returns the payment's id."""
        invoice, now = self.invoices[invoice_id], self.now_seconds()
        day = paid_date or self.today()
        due = self._total(invoice) - self.paid_of(invoice_id)
        payment = payment_row(self, invoice, due if amount is None else amount, day, now)
        payment.paid_at = midnight(day)
        self.invoice_payments[invoice_id].append(payment)
        invoice.updated_at = now
        if invoice.state == "open" and self.paid_of(invoice_id) >= self._total(invoice):
            invoice.state, invoice.paid_date, invoice.paid_at = "paid", day, midnight(day)
        return payment.id

    @change
    def delete_payment(self, payment_id: int, moves_invoice: bool = True) -> int:
        """Delete a payment; a paid invoice becomes open again. Whether Harvest moves the invoice is not known."""
        payment = self._payment(payment_id)
        invoice = self.invoices[payment.invoice_id]
        self.invoice_payments[invoice.id].remove(payment)
        if invoice.state == "paid":
            invoice.state, invoice.paid_date, invoice.paid_at = "open", None, None
        if moves_invoice:
            invoice.updated_at = self.now_seconds()
        return payment_id

    def _payment(self, payment_id: int) -> Payment:
        for payments in self.invoice_payments.values():
            for payment in payments:
                if payment.id == payment_id:
                    return payment
        raise KeyError(payment_id)

    @change
    def write_off_invoice(self, invoice_id: int) -> int:
        """Write off an open invoice, which closes it."""
        invoice, now = self.invoices[invoice_id], self.now_seconds()
        if invoice.state != "open":
            raise NotPossible("Only open invoices can be written off")
        invoice.state, invoice.closed_at, invoice.updated_at = "closed", now, now
        invoice_message(self, invoice, now, "close")
        return invoice_id

    @change
    def reopen_invoice(self, invoice_id: int) -> int:
        """Reopen a paid or written-off invoice: paid_at, paid_date and closed_at become null."""
        invoice, now = self.invoices[invoice_id], self.now_seconds()
        if invoice.state not in ("paid", "closed"):
            raise NotPossible("Only paid or closed invoices can be re-opened")
        invoice.state, invoice.updated_at = "open", now
        invoice.paid_at = invoice.paid_date = invoice.closed_at = None
        invoice_message(self, invoice, now, "re-open")
        return invoice_id

    @change
    def delete_invoice(self, invoice_id: int) -> int:
        """Delete an invoice with its payments and messages; its work can be billed again (`conventions`: whether that moves it)."""
        now = self.now_seconds()
        del self.invoices[invoice_id]
        self.invoice_payments.pop(invoice_id, None)
        self.invoice_messages.pop(invoice_id, None)
        rows: Iterable[TimeEntry | Expense] = chain(self.time_entries.values(), self.expenses.values())
        for row in rows:
            if row.invoice_id == invoice_id:
                row.is_billed, row.invoice_id = False, None
                row.updated_at = now if self.conventions.moves_what_is_given_back else row.updated_at
        return invoice_id

    @change
    def delete_invoice_message(self, message_id: int) -> int:
        """Delete a message; the invoice does not move."""
        for messages in self.invoice_messages.values():
            for message in messages:
                if message.id == message_id:
                    messages.remove(message)
                    return message_id
        raise KeyError(message_id)

    def _total(self, invoice: Invoice) -> Decimal:
        return totals_of(invoice.lines, invoice.discount, invoice.tax, invoice.tax2).amount
