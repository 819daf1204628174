"""Render invoices, estimates, their messages and payments as the JSON objects of the API."""

from __future__ import annotations

from decimal import Decimal

from harvest_simulator.account.arithmetic import totals_of
from harvest_simulator.account.documents import Estimate, Invoice, ItemCategory, Line, Message, Payment
from harvest_simulator.http.render.nested_objects import Embedding
from harvest_simulator.http.serialization import Json, day_or_none, instant


class BillingRenderer(Embedding):
    """Renderer of invoices, estimates, messages and payments."""

    def due_of(self, row: Invoice, amount: Decimal) -> Decimal:
        """Amount due of an invoice; zero once it is written off (which Harvest does not document)."""
        return Decimal("0.0") if row.state == "closed" else amount - self.tables.paid_of(row.id)

    def invoice(self, row: Invoice) -> Json:
        """Render an invoice.

        https://help.getharvest.com/api-v2/invoices-api/invoices/invoices/
        """
        number, maybe = self.numbers.decimal, self.numbers.maybe
        totals = totals_of(row.lines, row.discount, row.tax, row.tax2)
        return {
            "id": row.id,
            "client_key": row.client_key,
            "number": row.number,
            "purchase_order": row.purchase_order,
            "amount": number(totals.amount),
            "due_amount": number(self.due_of(row, totals.amount)),
            "tax": maybe(row.tax),
            "tax_amount": number(totals.tax_amount),
            "tax2": maybe(row.tax2),
            "tax2_amount": number(totals.tax2_amount),
            "discount": maybe(row.discount),
            "discount_amount": number(totals.discount_amount),
            "subject": row.subject,
            "notes": row.notes,
            "state": row.state,
            "period_start": day_or_none(row.period_start),
            "period_end": day_or_none(row.period_end),
            "issue_date": row.issue_date.isoformat(),
            "due_date": row.due_date.isoformat(),
            "payment_term": row.payment_term,
            "sent_at": instant(row.sent_at),
            "paid_at": instant(row.paid_at),
            "closed_at": instant(row.closed_at),
            "recurring_invoice_id": row.recurring_invoice_id,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
            "paid_date": day_or_none(row.paid_date),
            "currency": row.currency,
            "payment_options": list(row.payment_options),
            "client": self.client_stub(row.client_id),
            "estimate": None if row.estimate_id is None else {"id": row.estimate_id},
            "retainer": None if row.retainer_id is None else {"id": row.retainer_id},
            "creator": self.user_stub(row.creator_id),
            "line_items": [self._invoice_line(line) for line in row.lines],
        }

    def _line(self, line: Line) -> Json:
        number = self.numbers.decimal
        return {
            "id": line.id,
            "kind": line.kind,
            "description": line.description,
            "quantity": number(line.quantity),
            "unit_price": number(line.unit_price),
            "amount": number(line.amount),
            "taxed": line.taxed,
            "taxed2": line.taxed2,
        }

    def _invoice_line(self, line: Line) -> Json:
        project = None if line.project_id is None else self.project_stub(line.project_id)
        return {**self._line(line), "project": project}

    def estimate(self, row: Estimate) -> Json:
        """Render an estimate.

        https://help.getharvest.com/api-v2/estimates-api/estimates/estimates/
        """
        number, maybe = self.numbers.decimal, self.numbers.maybe
        totals = totals_of(row.lines, row.discount, row.tax, row.tax2)
        return {
            "id": row.id,
            "client_key": row.client_key,
            "number": row.number,
            "purchase_order": row.purchase_order,
            "amount": number(totals.amount),
            "tax": maybe(row.tax),
            "tax_amount": number(totals.tax_amount),
            "tax2": maybe(row.tax2),
            "tax2_amount": number(totals.tax2_amount),
            "discount": maybe(row.discount),
            "discount_amount": number(totals.discount_amount),
            "subject": row.subject,
            "notes": row.notes,
            "state": row.state,
            "issue_date": row.issue_date.isoformat(),
            "sent_at": instant(row.sent_at),
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
            "accepted_at": instant(row.accepted_at),
            "declined_at": instant(row.declined_at),
            "currency": row.currency,
            "client": self.client_stub(row.client_id),
            "creator": self.user_stub(row.creator_id),
            "line_items": [self._line(line) for line in row.lines],
        }

    def invoice_message(self, row: Message) -> Json:
        """Render an invoice message.

        https://help.getharvest.com/api-v2/invoices-api/invoices/invoice-messages/
        """
        return {
            "id": row.id,
            "sent_by": row.sent_by,
            "sent_by_email": row.sent_by_email,
            "sent_from": row.sent_by,
            "sent_from_email": row.sent_by_email,
            "send_me_a_copy": row.send_me_a_copy,
            "thank_you": row.thank_you,
            "reminder": row.reminder,
            "send_reminder_on": day_or_none(row.send_reminder_on),
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
            "attach_pdf": row.attach_pdf,
            "event_type": row.event_type,
            "recipients": [{"name": name, "email": email} for name, email in row.recipients],
            "include_link_to_client_invoice": row.include_link_to_client_invoice,
            "subject": row.subject,
            "body": row.body,
        }

    def estimate_message(self, row: Message) -> Json:
        """Render an estimate message.

        https://help.getharvest.com/api-v2/estimates-api/estimates/estimate-messages/
        """
        return {
            "id": row.id,
            "sent_by": row.sent_by,
            "sent_by_email": row.sent_by_email,
            "sent_from": row.sent_by,
            "sent_from_email": row.sent_by_email,
            "send_me_a_copy": row.send_me_a_copy,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
            "recipients": [{"name": name, "email": email} for name, email in row.recipients],
            "event_type": row.event_type,
            "subject": row.subject,
            "body": row.body,
        }

    def payment(self, row: Payment) -> Json:
        """Render a payment.

        https://help.getharvest.com/api-v2/invoices-api/invoices/invoice-payments/
        """
        return {
            "id": row.id,
            "amount": self.numbers.decimal(row.amount),
            "paid_at": instant(row.paid_at),
            "recorded_by": row.recorded_by,
            "recorded_by_email": row.recorded_by_email,
            "notes": row.notes,
            "transaction_id": row.transaction_id,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
            "paid_date": day_or_none(row.paid_date),
            "payment_gateway": {"id": row.gateway_id, "name": row.gateway_name},
        }

    def invoice_item_category(self, row: ItemCategory) -> Json:
        """Render an invoice item category.

        https://help.getharvest.com/api-v2/invoices-api/invoices/invoice-item-categories/
        """
        return {
            "id": row.id,
            "name": row.name,
            "use_as_service": row.use_as_service,
            "use_as_expense": row.use_as_expense,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
        }

    def estimate_item_category(self, row: ItemCategory) -> Json:
        """Render an estimate item category.

        https://help.getharvest.com/api-v2/estimates-api/estimates/estimate-item-categories/
        """
        return {
            "id": row.id,
            "name": row.name,
            "created_at": instant(row.created_at),
            "updated_at": instant(row.updated_at),
        }
