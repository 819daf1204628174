"""Filters that the user of the dashboard chose, as query conditions and parameters."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Filters:
    """Filters of every page.

    Attributes:
        account_id: of which Harvest account.
        currency: all money on a page is in this one; projects, budgets and invoices are those of its clients.
        client_ids: only these clients; none for all.
        weeks: how many complete weeks back.
        has_contractors: whether people who are contractors count.
        target: billable share of available hours that is aimed at (1 = all).
    """

    account_id: str
    currency: str
    client_ids: tuple[int, ...] = ()
    weeks: int = 12
    has_contractors: bool = True
    target: Decimal = Decimal("0.75")

    @property
    def of_clients(self) -> str:
        """SQL condition for rows that have a currency and a client."""
        narrowed = " and client_id in (:client_ids)" if self.client_ids else ""
        return f"account_id = :account_id and currency = :currency{narrowed}"

    @property
    def of_people(self) -> str:
        """SQL condition for rows of people."""
        return f"account_id = :account_id{'' if self.has_contractors else ' and not is_contractor'}"

    @property
    def values(self) -> dict[str, object]:
        """Query parameters for the conditions, by name."""
        return {
            "account_id": self.account_id,
            "currency": self.currency,
            "client_ids": self.client_ids,
            "weeks": self.weeks,
        }
