"""Generate side projects, as in real accounts: internal ones with a budget, ones that never started, small retainers."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random

from harvest_simulator.account.documents import Invoice
from harvest_simulator.account.invoicing import PRODUCT, SERVICE, new_line
from harvest_simulator.account.rows import Expense, TimeEntry
from harvest_simulator.account.tables import Tables
from harvest_simulator.account.workdays import days_between, is_working_day, seconds_at
from harvest_simulator.company.clientele import add_client
from harvest_simulator.company.portfolio import Job, Portfolio, Shape, add_job, assign
from harvest_simulator.company.staff import Person

_OWN = Shape(False, False, "none", "project")
_AGREED = Shape(True, False, "none", "none")
_FEE = Shape(True, True, "People", "project_cost", cost_budget_include_expenses=True)
# Monthly budgets of the kinds that the portfolio's own shapes lack.
_RETAINERS = {
    "Helpdesk": Shape(True, False, "People", "person", budget_is_monthly=True),
    "Newsletter": Shape(True, False, "People", "task", budget_is_monthly=True),
    "Hosting": Shape(True, False, "Tasks", "task_fees", budget_is_monthly=True),
}


def add_side_projects(
    tables: Tables, rng: Random, people: list[Person], portfolio: Portfolio, first_day: date, today: date
) -> None:
    """Add the side projects; called after everything else, so that no other generated row changes."""
    own = tables.clients[portfolio.internal.project.client_id]
    client = add_client(tables, rng, 3, "Side Street Studios", "EUR", first_day)
    staff = [person for person in people if person.left_on is None and person.works_on(first_day)][:4]
    since = max(first_day, today - timedelta(days=75))

    academy = add_job(tables, rng, portfolio.tasks, own, "Academy", "ACA", _OWN, first_day, date.max)
    _work(tables, rng, academy, staff, since, today)
    _spend(tables, academy, staff[0], today)
    for name, shape in _RETAINERS.items():
        job = add_job(tables, rng, portfolio.tasks, client, name, None, shape, first_day, date.max)
        _work(tables, rng, job, staff, since, today)

    add_job(tables, rng, portfolio.tasks, client, "Framework Agreement", "FRA", _AGREED, first_day, date.max)
    relaunch = add_job(tables, rng, portfolio.tasks, client, "Relaunch", "", _FEE, first_day, date.max)
    _draft(tables, relaunch, today)


def _work(tables: Tables, rng: Random, job: Job, staff: list[Person], first: date, today: date) -> None:
    """Add about one entry per week and person, until yesterday; one in three on a non-billable task."""
    for number, person in enumerate(staff):
        assign(tables, rng, job, person, first)
        days = [day for day in days_between(first, today - timedelta(days=1)) if is_working_day(day)]
        for place, day in enumerate(days[number::5]):
            at = seconds_at(day, 17, 5 * number, place % 60)
            entry = TimeEntry(
                id=tables.take_id("time_entry"),
                spent_date=day,
                user_id=person.user.id,
                project_id=job.project.id,
                task_id=job.task_ids[-1] if place % 3 == 2 else job.task_ids[place % 2],
                hours_hundredths=33 + 17 * number + 25 * (place % 4),
                notes=None,
                billable=False,
                budgeted=False,
                billable_rate=None,
                cost_rate=None,
                created_at=at,
                updated_at=at,
            )
            tables.stamp(entry)
            tables.add_time_entry(entry)


def _spend(tables: Tables, job: Job, person: Person, today: date) -> None:
    """Add a billable expense on a non-billable project (as in captured records)."""
    day = today - timedelta(days=30)
    at = seconds_at(day, 18, 20)
    expense = Expense(
        id=tables.take_id("expense"),
        spent_date=day,
        user_id=person.user.id,
        project_id=job.project.id,
        expense_category_id=next(iter(tables.expense_categories)),
        notes="Train to the conference",
        units=Decimal(1),
        total_cost=Decimal("142.00"),
        billable=True,
        created_at=at,
        updated_at=at,
    )
    tables.expenses[expense.id] = expense


def _draft(tables: Tables, job: Job, today: date) -> None:
    """Add a draft for the whole fee and a product, so that the remaining fee is negative (as in captured records)."""
    day = today - timedelta(days=9)
    at = seconds_at(day, 16, 17, 55)
    project = job.project
    number = len(tables.invoices)
    invoice = Invoice(
        id=tables.take_id("invoice"),
        client_id=project.client_id,
        creator_id=next(iter(tables.users)),
        number=str(1_001 + number),
        client_key=f"{number:040x}",
        currency=tables.currency_of_project(project.id),
        issue_date=day,
        due_date=day,
        payment_term="upon receipt",
        created_at=at,
        updated_at=at,
    )
    invoice.lines = [
        new_line(tables, SERVICE, project.name, Decimal(1), project.fee or Decimal(0), project.id),
        new_line(tables, PRODUCT, "", Decimal(1), Decimal(100), project.id),
    ]
    tables.invoices[invoice.id] = invoice
