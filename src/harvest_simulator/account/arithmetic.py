"""Harvest's arithmetic: rounding of time and money, dated rates, and totals of invoices. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from harvest_simulator.account.documents import Line
from harvest_simulator.account.rows import Project, Rate, TaskAssignment, UserAssignment

CENT = Decimal("0.01")
ZERO = Decimal(0)


def half_up(amount: Decimal) -> Decimal:
    """Round to cents, halves away from zero."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Rounding:
    """Rounding rule of the account for `rounded_hours`: each entry individually, to steps of `minutes`; 0 for no rounding.

    https://support.getharvest.com/hc/en-us/articles/360048181612 (rounding applies to reports and invoices).
    """

    mode: Literal["up", "nearest", "down"] = "up"
    minutes: int = 6

    def apply(self, hours_hundredths: int) -> int:
        """Round hundredths of an hour to hundredths of an hour, by the rule."""
        if self.minutes == 0:
            return hours_hundredths
        # In units of 1/6000 hour, so that a step of any number of minutes is an integer.
        value, step = hours_hundredths * 60, self.minutes * 100
        if self.mode == "up":
            steps = -(-value // step)
        elif self.mode == "down":
            steps = value // step
        else:
            steps = (2 * value + step) // (2 * step)
        return (2 * steps * step + 60) // 120


def rate_on(schedule: Sequence[Rate], day: date) -> Decimal | None:
    """Amount of the dated rate in force on `day`; None before any rate was set."""
    for rate in reversed(schedule):
        if rate.start_date is None or rate.start_date <= day:
            return rate.amount
    return None


def billable_rate_of(
    project: Project,
    user_assignment: UserAssignment | None,
    task_assignment: TaskAssignment | None,
    default_rate: Decimal | None,
) -> Decimal | None:
    """Rate of a billable hour, by the project's `bill_by`.

    https://help.getharvest.com/api-v2/projects-api/projects/projects/
    """
    if project.bill_by == "Project":
        return project.hourly_rate
    if project.bill_by == "Tasks":
        return task_assignment.hourly_rate if task_assignment else None
    if project.bill_by == "People":
        if user_assignment is not None and not user_assignment.use_default_rates:
            return user_assignment.hourly_rate
        return default_rate
    return None


def is_budgeted(
    project: Project, user_assignment: UserAssignment | None, task_assignment: TaskAssignment | None
) -> bool:
    """True if an entry counts towards the budget: not if its task or person has a blank budget, but it does with a zero."""
    if project.budget_by in ("project", "project_cost"):
        return True
    if project.budget_by in ("task", "task_fees"):
        return task_assignment is not None and task_assignment.budget is not None
    if project.budget_by == "person":
        return user_assignment is not None and user_assignment.budget is not None
    return False


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals of an invoice or estimate, in its currency."""

    amount: Decimal
    discount_amount: Decimal
    tax_amount: Decimal
    tax2_amount: Decimal


def totals_of(lines: Iterable[Line], discount: Decimal | None, tax: Decimal | None, tax2: Decimal | None) -> Totals:
    """Totals of lines: amount = sum - discount + tax + tax2, with taxes on taxed lines after discount; percentages 0..100.

    https://help.getharvest.com/api-v2/invoices-api/invoices/invoices/
    """
    subtotal = taxed = taxed2 = ZERO
    for line in lines:
        subtotal += line.amount
        if line.taxed:
            taxed += line.amount
        if line.taxed2:
            taxed2 += line.amount
    share = 1 - (discount or ZERO) / 100
    discount_amount = half_up(subtotal * (discount or ZERO) / 100)
    tax_amount = half_up(taxed * share * (tax or ZERO) / 100)
    tax2_amount = half_up(taxed2 * share * (tax2 or ZERO) / 100)
    return Totals(subtotal - discount_amount + tax_amount + tax2_amount, discount_amount, tax_amount, tax2_amount)
