"""Messages and payments as rows, with texts like Harvest's. Used for the generated history and for later changes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from harvest_simulator.account.arithmetic import totals_of
from harvest_simulator.account.documents import Estimate, Invoice, Message, Payment
from harvest_simulator.account.tables import Tables

_RULE = "---------------------------------------------"


def invoice_message(
    tables: Tables,
    invoice: Invoice,
    at: int,
    event_type: str | None,
    *,
    is_thank_you: bool = False,
    is_reminder: bool = False,
) -> Message:
    """Add an e-mail to the client's contacts, or (with an event type) a bare state event."""
    row = _message(tables, invoice, at, event_type, "Invoice")
    row.attach_pdf = event_type is None and invoice.id % 2 == 0
    row.include_link_to_client_invoice = event_type is None and invoice.id % 5 == 0
    row.thank_you, row.reminder = is_thank_you, is_reminder
    tables.invoice_messages[invoice.id].append(row)
    return row


def estimate_message(tables: Tables, estimate: Estimate, at: int, event_type: str | None) -> Message:
    """Add an e-mail or a bare state event to an estimate."""
    row = _message(tables, estimate, at, event_type, "Estimate")
    tables.estimate_messages[estimate.id].append(row)
    return row


def invoice_body(tables: Tables, invoice: Invoice | Estimate, kind: str) -> str:
    """Plain text of the e-mail, with CR LF line endings as in captured records."""
    amount = totals_of(invoice.lines, invoice.discount, invoice.tax, invoice.tax2).amount
    lines = [
        _RULE,
        f"{kind} Summary",
        _RULE,
        f"{kind} ID: {invoice.number}",
        f"Issue Date: {invoice.issue_date:%m/%d/%Y}",
        f"Client: {tables.clients[invoice.client_id].name}",
        f"P.O. Number: {invoice.purchase_order}",
        f"Amount: {invoice.currency} {amount:,.2f}",
        "",
        "Thank you!",
        _RULE,
    ]
    return "\r\n".join(lines)


def _message(tables: Tables, parent: Invoice | Estimate, at: int, event_type: str | None, kind: str) -> Message:
    sender = tables.users[parent.creator_id]
    recipients: tuple[tuple[str, str], ...] = ()
    if event_type is None:
        contacts = [contact for contact in tables.contacts.values() if contact.client_id == parent.client_id]
        recipients = tuple((f"{c.first_name} {c.last_name}".strip(), c.email) for c in contacts) or (
            (tables.clients[parent.client_id].name, "office@client.example"),
        )
    return Message(
        id=tables.take_id("message"),
        parent_id=parent.id,
        sent_by=sender.name,
        sent_by_email=sender.email,
        recipients=recipients,
        subject=f"{kind} #{parent.number} from {tables.company.name}" if event_type is None else None,
        body=invoice_body(tables, parent, kind) if event_type is None else None,
        event_type=event_type,
        created_at=at,
        updated_at=at,
        send_me_a_copy=event_type is None and parent.id % 3 == 0,
    )


def payment_row(
    tables: Tables, invoice: Invoice, amount: Decimal, day: date, at: int, *, is_online: bool = False
) -> Payment:
    """Build a payment entered by date: paid_at is midnight UTC. Manual payments have a gateway object with two nulls."""
    recorder = tables.users[invoice.creator_id]
    midnight_at = at // 86_400 * 86_400
    return Payment(
        id=tables.take_id("payment"),
        invoice_id=invoice.id,
        amount=amount,
        paid_at=midnight_at,
        paid_date=day,
        recorded_by=recorder.name,
        recorded_by_email=recorder.email,
        notes="" if invoice.id % 2 else "Bank transfer",
        transaction_id=f"ch_{invoice.id:x}{at:x}" if is_online else None,
        gateway_id=1_234 if is_online else None,
        gateway_name="Stripe" if is_online else None,
        created_at=at,
        updated_at=at,
    )
