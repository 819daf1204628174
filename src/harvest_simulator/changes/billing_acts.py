"""Random changes of invoices and estimates. Each returns one line that describes it."""

from __future__ import annotations

from decimal import Decimal

from harvest_simulator.changes.dice import Act, Dice


def _bill(it: Dice) -> str:
    clients = [row.id for row in it.store.clients.values() if row.is_active]
    return f"billed all open work in invoice {it.store.create_invoice(it.pick(clients))}"


def _send_invoice(it: Dice) -> str:
    drafts = [row.id for row in it.store.invoices.values() if row.state == "draft"]
    return f"sent invoice {it.store.send_invoice(it.pick(drafts))}"


def _pay(it: Dice) -> str:
    invoice_id = it.pick([row.id for row in it.store.invoices.values() if row.state == "open"])
    return f"paid invoice {invoice_id} with payment {it.store.pay_invoice(invoice_id)}"


def _write_off(it: Dice) -> str:
    return f"wrote off invoice {it.store.write_off_invoice(it.pick(_invoices_in(it, 'open')))}"


def _reopen(it: Dice) -> str:
    return f"re-opened invoice {it.store.reopen_invoice(it.pick(_invoices_in(it, 'closed')))}"


def _edit_invoice(it: Dice) -> str:
    return (
        f"rewrote the subject of invoice {it.store.edit_invoice(it.pick(list(it.store.invoices)), subject=it.word())}"
    )


def _edit_lines(it: Dice) -> str:
    invoice = it.store.invoices[it.pick(_invoices_in(it, "draft"))]
    extra = it.store.new_invoice_line(it.word(), Decimal("1.5"), Decimal("80.25"))
    return f"added a line to invoice {it.store.set_invoice_lines(invoice.id, [*invoice.lines, extra])}"


def _remind(it: Dice) -> str:
    return f"sent reminder {it.store.remind(it.pick(_invoices_in(it, 'open')))}"


def _estimate(it: Dice) -> str:
    estimate_id = it.store.create_estimate(it.pick(list(it.store.clients)))
    return f"created and sent estimate {it.store.send_estimate(estimate_id)}"


def _accept(it: Dice) -> str:
    sent = [row.id for row in it.store.estimates.values() if row.state == "sent"]
    return f"accepted estimate {it.store.accept_estimate(it.pick(sent))}"


def _invoices_in(it: Dice, state: str) -> list[int]:
    return [row.id for row in it.store.invoices.values() if row.state == state]


def _delete_invoice(it: Dice) -> str:
    return f"deleted invoice {it.store.delete_invoice(it.pick(list(it.store.invoices)))}"


def _delete_payment(it: Dice) -> str:
    payments = [row.id for rows in it.store.invoice_payments.values() for row in rows]
    return f"deleted payment {it.store.delete_payment(it.pick(payments))}"


def _delete_message(it: Dice) -> str:
    messages = [row.id for rows in it.store.invoice_messages.values() for row in rows]
    return f"deleted invoice message {it.store.delete_invoice_message(it.pick(messages))}"


def _delete_estimate(it: Dice) -> str:
    return f"deleted estimate {it.store.delete_estimate(it.pick(list(it.store.estimates)))}"


ACTS: tuple[Act, ...] = (
    _bill,
    _send_invoice,
    _pay,
    _write_off,
    _reopen,
    _edit_invoice,
    _edit_lines,
    _remind,
    _estimate,
    _accept,
)
DELETIONS: tuple[Act, ...] = (
    _delete_invoice,
    _delete_payment,
    _delete_message,
    _delete_estimate,
)
