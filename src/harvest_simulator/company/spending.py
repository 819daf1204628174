"""Generate expenses and their categories."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random

from harvest_simulator.account import vocabulary
from harvest_simulator.account.arithmetic import half_up
from harvest_simulator.account.rows import Expense, ExpenseCategory, Receipt
from harvest_simulator.account.tables import Tables
from harvest_simulator.account.workdays import months_between, next_working_day, seconds_at
from harvest_simulator.company.portfolio import Portfolio
from harvest_simulator.company.staff import Person


def add_expense_categories(tables: Tables, created_on: date) -> list[ExpenseCategory]:
    """Add the expense categories; return those in use, in order, without the archived one."""
    made = []
    for number, (name, unit, price) in enumerate(
        (*vocabulary.EXPENSE_CATEGORIES, (vocabulary.ARCHIVED_EXPENSE_CATEGORY, None, None))
    ):
        at = seconds_at(created_on, 8, 18, number)
        row = ExpenseCategory(
            id=tables.take_id("expense_category"),
            name=name,
            unit_name=unit,
            unit_price=None if price is None else Decimal(price),
            is_active=name != vocabulary.ARCHIVED_EXPENSE_CATEGORY,
            created_at=at,
            updated_at=at,
        )
        tables.expense_categories[row.id] = row
        if row.is_active:
            made.append(row)
    return made


def fill_expenses(
    tables: Tables, rng: Random, people: list[Person], portfolio: Portfolio, first_day: date, today: date
) -> None:
    """Add about two expenses per person and month, on the projects they work on."""
    categories = add_expense_categories(tables, first_day - timedelta(days=20))
    made: list[Expense] = []
    for month, month_end in months_between(first_day, today):
        for person in people:
            jobs = portfolio.staffing[month].get(person.user.id)
            for _ in range(rng.randrange(0, 5) if jobs else 0):
                day = next_working_day(month + timedelta(days=rng.randrange((month_end - month).days + 1)))
                job = jobs[rng.randrange(len(jobs))] if jobs else None
                if job is None or day >= today or not person.works_on(day) or not job.first_day <= day <= job.last_day:
                    continue
                made.append(_expense(tables, rng, person, job.project.id, categories, day))
    made.sort(key=lambda row: row.created_at)
    for row in made:
        row.id = tables.take_id("expense")
        tables.expenses[row.id] = row


def _expense(
    tables: Tables, rng: Random, person: Person, project_id: int, categories: list[ExpenseCategory], day: date
) -> Expense:
    now = tables.clock.now_seconds()
    category = categories[rng.randrange(len(categories))]
    if category.unit_price is None:
        units, total_cost = Decimal(1), Decimal(rng.randrange(450, 64_000)) / 100
    else:
        units = Decimal(rng.randrange(8, 420))
        total_cost = half_up(units * category.unit_price)
    created_at = min(seconds_at(day, 18, rng.randrange(60), rng.randrange(60)) + 86_400 * rng.randrange(3), now - 600)
    row = Expense(
        id=0,
        spent_date=day,
        user_id=person.user.id,
        project_id=project_id,
        expense_category_id=category.id,
        notes=vocabulary.EXPENSE_NOTES[rng.randrange(len(vocabulary.EXPENSE_NOTES))],
        units=units,
        total_cost=total_cost,
        billable=tables.projects[project_id].is_billable and rng.random() < 0.8,
        created_at=created_at,
        updated_at=created_at,
        reimbursement=rng.random() < 0.3,
    )
    if rng.random() < 0.5:
        row.receipt = Receipt(f"receipt_{rng.randrange(10_000)}.pdf", rng.randrange(9_000, 900_000), "application/pdf")
    week_end = seconds_at(day + timedelta(days=7 - day.weekday()), 9, 10)
    if week_end + 8 * 86_400 <= now:
        row.approval_status = "approved"
        row.updated_at = max(created_at, week_end + 8 * 86_400)
    elif week_end <= now and created_at <= week_end:
        row.approval_status = "submitted"
        row.updated_at = week_end
    return row
