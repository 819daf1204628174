"""Conventions of an account that Harvest does not document, or that the account can choose; they apply to the whole account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Conventions:
    """Conventions of an account. Defaults are what the documentation suggests; a correct copy must handle every value.

    Attributes:
        archived: whether the uninvoiced report lists archived billable projects: always, with work in the window only, or
            never (the report's documentation says "all billable projects").
        has_discounts: whether invoice lines are deducted from a fee after the discount of their invoice.
        counts_billable_only: the account's own setting for budgets in hours:
            https://support.getharvest.com/hc/en-us/articles/360048686811-How-to-set-project-budgets
        counts_archived_assignments: whether a budget by person or task includes archived assignments.
        moves_what_is_given_back: whether deleting an invoice sets `updated_at` of the work that it had billed; that billing
            does so was recorded.
        is_since_exclusive: whether `updated_since` excludes the instant itself.
    """

    archived: Literal["listed", "listed with work", "left out"] = "listed"
    has_discounts: bool = False
    counts_billable_only: bool = False
    counts_archived_assignments: bool = True
    moves_what_is_given_back: bool = False
    is_since_exclusive: bool = False
