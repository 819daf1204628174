"""Changes of estimates and their messages.

https://help.getharvest.com/api-v2/estimates-api/estimates/estimates/
In captured records, an estimate never moves updated_at of its client.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from harvest_simulator.account.correspondence import estimate_message
from harvest_simulator.account.documents import Estimate
from harvest_simulator.account.invoicing import SERVICE, new_line
from harvest_simulator.changes.changes import Changes, NotPossible, change

_EVENTS = {"accepted": "accept", "declined": "decline"}


class EstimateChanges(Changes):
    """Changes of estimates and their messages, as methods of the store."""

    @change
    def create_estimate(self, client_id: int, **values: Any) -> int:
        """Create a draft with one line."""
        now = self.now_seconds()
        estimate = Estimate(
            id=self.take_id("estimate"),
            client_id=client_id,
            creator_id=next(iter(self.users)),
            number=str(1 + len(self.estimates)),
            client_key=f"{self.take_id('line'):040x}",
            currency=self.clients[client_id].currency,
            issue_date=self.today(),
            created_at=now,
            updated_at=now,
            lines=[new_line(self, SERVICE, "Discovery", Decimal(5), Decimal(960))],
        )
        self.edit(estimate, values)
        self.estimates[estimate.id] = estimate
        return estimate.id

    @change
    def edit_estimate(self, estimate_id: int, **values: Any) -> int:
        """Change fields such as subject, tax or lines."""
        return self.edit(self.estimates[estimate_id], values)

    @change
    def send_estimate(self, estimate_id: int) -> int:
        """Send an estimate; a draft becomes sent."""
        estimate, now = self.estimates[estimate_id], self.now_seconds()
        if estimate.state == "draft":
            estimate.state, estimate.sent_at = "sent", now
        estimate.updated_at = now
        estimate_message(self, estimate, now, None)
        return estimate_id

    def accept_estimate(self, estimate_id: int) -> int:
        """Accept an estimate, as the client does."""
        return self._decide(estimate_id, "accepted")

    def decline_estimate(self, estimate_id: int) -> int:
        """Decline an estimate, as the client does."""
        return self._decide(estimate_id, "declined")

    @change
    def _decide(self, estimate_id: int, state: str) -> int:
        estimate, now = self.estimates[estimate_id], self.now_seconds()
        if estimate.state != "sent":
            raise NotPossible("Only sent estimates can be accepted or declined")
        estimate.state, estimate.updated_at = state, now
        if state == "accepted":
            estimate.accepted_at = now
        else:
            estimate.declined_at = now
        estimate_message(self, estimate, now, _EVENTS[state])
        return estimate_id

    @change
    def reopen_estimate(self, estimate_id: int) -> int:
        """Reopen an estimate as sent; accepted_at and declined_at become null."""
        estimate, now = self.estimates[estimate_id], self.now_seconds()
        if estimate.state not in ("accepted", "declined"):
            raise NotPossible("Only accepted or declined estimates can be re-opened")
        estimate.state, estimate.updated_at = "sent", now
        estimate.accepted_at = estimate.declined_at = None
        estimate_message(self, estimate, now, "re-open")
        return estimate_id

    @change
    def delete_estimate(self, estimate_id: int) -> int:
        """Delete an estimate with its messages; an invoice made from it loses the link without moving."""
        del self.estimates[estimate_id]
        self.estimate_messages.pop(estimate_id, None)
        for invoice in self.invoices.values():
            if invoice.estimate_id == estimate_id:
                invoice.estimate_id = None
        return estimate_id

    @change
    def delete_estimate_message(self, message_id: int) -> int:
        """Delete a message; the estimate does not move."""
        for messages in self.estimate_messages.values():
            for message in messages:
                if message.id == message_id:
                    messages.remove(message)
                    return message_id
        raise KeyError(message_id)
