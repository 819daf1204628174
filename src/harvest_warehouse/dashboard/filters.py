"""Filters chosen by the dashboard's user, as query conditions and parameters."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Filters:
    """Filters of every page.

    Attributes:
        account_id: the Harvest account.
        currency: currency of all amounts on a page; only projects, budgets and invoices of clients with it are included.
        client_ids: clients to include; empty for all.
        weeks: number of complete weeks to look back.
        has_contractors: whether to include contractors.
        target: target for the billable share of available hours (1 = all).
        has_own_targets: whether each person has the target in the settings, and not this one.
    """

    account_id: str
    currency: str
    client_ids: tuple[int, ...] = ()
    weeks: int = 12
    has_contractors: bool = True
    target: Decimal = Decimal("0.75")
    has_own_targets: bool = False

    @property
    def months(self) -> int:
        """Number of complete months to look back, where figures are by month: 3 for 12 weeks."""
        return round(self.weeks * 12 / 52)

    @property
    def of_clients(self) -> str:
        """SQL condition for rows `fact` that have a currency and a client."""
        return f"{self.of_account} and fact.currency = :currency"

    @property
    def of_account(self) -> str:
        """SQL condition for rows `fact` of the chosen clients, in any currency."""
        return f"fact.account_id = :account_id{' and fact.client_id in (:client_ids)' if self.client_ids else ''}"

    @property
    def of_people(self) -> str:
        """SQL condition for rows `fact` of people."""
        return f"fact.account_id = :account_id{'' if self.has_contractors else ' and not fact.is_contractor'}"

    @property
    def values(self) -> dict[str, object]:
        """Query parameters for the conditions, by name."""
        return {
            "account_id": self.account_id,
            "currency": self.currency,
            "client_ids": self.client_ids,
            "weeks": self.weeks,
            "months": self.months,
        }
