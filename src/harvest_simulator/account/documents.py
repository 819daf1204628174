"""Row types of documents for clients: invoices, estimates, their lines, messages and payments. Own fields only, as in `rows`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal


@dataclass(slots=True)
class ItemCategory:
    """Category of invoice or estimate lines; its two flags are used for invoices only."""

    id: int
    name: str
    use_as_service: bool
    use_as_expense: bool
    created_at: int
    updated_at: int


@dataclass(slots=True)
class Line:
    """Line of an invoice or an estimate; it has an id but no endpoint of its own."""

    id: int
    kind: str
    description: str | None
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    taxed: bool = False
    taxed2: bool = False
    project_id: int | None = None


@dataclass(slots=True)
class Invoice:
    """Invoice; amounts are not stored, they follow from the lines, the percentages and the payments."""

    id: int
    client_id: int
    creator_id: int
    number: str
    client_key: str
    currency: str
    issue_date: date
    due_date: date
    payment_term: str
    created_at: int
    updated_at: int
    lines: list[Line] = field(default_factory=list)
    state: str = "draft"
    tax: Decimal | None = None
    tax2: Decimal | None = None
    discount: Decimal | None = None
    subject: str = ""
    notes: str = ""
    purchase_order: str = ""
    payment_options: tuple[str, ...] = ()
    period_start: date | None = None
    period_end: date | None = None
    sent_at: int | None = None
    paid_at: int | None = None
    paid_date: date | None = None
    closed_at: int | None = None
    recurring_invoice_id: int | None = None
    estimate_id: int | None = None
    retainer_id: int | None = None


@dataclass(slots=True)
class Estimate:
    """Estimate; amounts are not stored, they follow from the lines and the percentages."""

    id: int
    client_id: int
    creator_id: int
    number: str
    client_key: str
    currency: str
    issue_date: date
    created_at: int
    updated_at: int
    lines: list[Line] = field(default_factory=list)
    state: str = "draft"
    tax: Decimal | None = None
    tax2: Decimal | None = None
    discount: Decimal | None = None
    subject: str = ""
    notes: str = ""
    purchase_order: str = ""
    sent_at: int | None = None
    accepted_at: int | None = None
    declined_at: int | None = None


@dataclass(slots=True)
class Message:
    """Message of an invoice or an estimate (`parent_id`), or a bare state event without recipients."""

    id: int
    parent_id: int
    sent_by: str
    sent_by_email: str
    recipients: tuple[tuple[str, str], ...]
    subject: str | None
    body: str | None
    event_type: str | None
    created_at: int
    updated_at: int
    attach_pdf: bool = False
    send_me_a_copy: bool = False
    thank_you: bool = False
    reminder: bool = False
    include_link_to_client_invoice: bool = False
    send_reminder_on: date | None = None


@dataclass(slots=True)
class Payment:
    """Payment of an invoice; manual ones have no gateway and no transaction."""

    id: int
    invoice_id: int
    amount: Decimal
    paid_at: int
    paid_date: date
    recorded_by: str
    recorded_by_email: str
    notes: str
    transaction_id: str | None
    gateway_id: int | None
    gateway_name: str | None
    created_at: int
    updated_at: int
