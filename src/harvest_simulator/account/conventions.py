"""Conventions of an account that Harvest does not document, or that an account may choose; they hold for all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Conventions:
    """The defaults are what the documentation suggests; a copy that is right must come to terms with all of them.

    Attributes:
        archived: whether the uninvoiced report lists billable projects that are archived, in each window or where there
            is work in it ("all billable projects", says the documentation of the report).
        has_discounts: whether what is left of a fee is less the lines after the discount of their invoice.
        counts_billable_only: the account's own setting for budgets in hours:
            https://support.getharvest.com/hc/en-us/articles/360048686811-How-to-set-project-budgets
        counts_archived_assignments: whether a budget by person or task holds those of archived assignments.
        moves_what_is_given_back: whether updated_at moves of what a deleted invoice had billed; that being billed moves it was
            recorded.
        is_since_exclusive: whether `updated_since` leaves out the instant itself.
    """

    archived: Literal["listed", "listed with work", "left out"] = "listed"
    has_discounts: bool = False
    counts_billable_only: bool = False
    counts_archived_assignments: bool = True
    moves_what_is_given_back: bool = False
    is_since_exclusive: bool = False
