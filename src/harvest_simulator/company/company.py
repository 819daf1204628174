"""Generate a realistic consulting company from a seed and a size."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from harvest_simulator.account.rows import Company, TimeEntry
from harvest_simulator.account.workdays import days_between, is_working_day
from harvest_simulator.changes.store import Store
from harvest_simulator.clock import Clock
from harvest_simulator.company.billing import Billing
from harvest_simulator.company.portfolio import Portfolio, build_portfolio
from harvest_simulator.company.quoting import fill_estimates
from harvest_simulator.company.rare_cases import add_rare_cases
from harvest_simulator.company.side_projects import add_side_projects
from harvest_simulator.company.spending import fill_expenses
from harvest_simulator.company.staff import Person, add_administrator, hire
from harvest_simulator.company.timesheets import Timesheets

HOME_CURRENCY = "CAD"
FEATURES = ("expense_feature", "invoice_feature", "estimate_feature", "approval_feature", "team_feature")


@dataclass(frozen=True, slots=True)
class Size:
    """Size of a company: people over its whole history, days of history, clients, entries per day.

    The smallest has only the daily business, without side projects, so that its random changes by seed (`mutate`) stay the same.
    """

    people: int
    history_days: int
    clients: int
    entries_per_day: float
    has_side_projects: bool = True


SIZES = {
    "tiny": Size(people=6, history_days=91, clients=4, entries_per_day=1.6, has_side_projects=False),
    "small": Size(people=40, history_days=730, clients=14, entries_per_day=2.6),
    "medium": Size(people=80, history_days=1_095, clients=28, entries_per_day=2.4),
    "large": Size(people=200, history_days=2_922, clients=105, entries_per_day=1.7),
}


def new_account(clock: Clock) -> Store:
    """Create an account on its first day: the company and nothing else."""
    company = Company(
        full_domain="northbank.harvestapp.com",
        name="Northbank Studio",
        currency=HOME_CURRENCY,
        weekly_capacity_seconds=144_000,
        features=dict.fromkeys(FEATURES, True),
    )
    return Store(company, clock)


def empty_company(clock: Clock, today: date) -> Store:
    """Create an account with one administrator and no other row in any stream."""
    store = new_account(clock)
    add_administrator(store, today - timedelta(days=1))
    return store


def build_company(seed: int, size: str, today: date, clock: Clock, entries: int | None) -> Store:
    """Generate a company with its history up to `today`. The same arguments give the same rows, byte for byte."""
    if size not in SIZES:
        raise ValueError(f"unknown size {size!r}: choose one of {', '.join(SIZES)}")
    plan = SIZES[size]
    first_day = today - timedelta(days=plan.history_days)
    store = new_account(clock)
    people = hire(store, _rng(seed, "staff"), plan.people, first_day, today)
    portfolio = build_portfolio(store, _rng(seed, "portfolio"), people, plan.clients, first_day, today)
    per_day = plan.entries_per_day if entries is None else entries / max(1, _tracked_days(people, first_day, today))
    Timesheets(store, _rng(seed, "timesheets"), portfolio, per_day, first_day, today).fill(people)
    fill_expenses(store, _rng(seed, "spending"), people, portfolio, first_day, today)
    Billing(store, _rng(seed, "billing"), portfolio, first_day, today).fill()
    fill_estimates(store, _rng(seed, "quoting"), portfolio, first_day, today)
    _start_timers(store, people, portfolio, today)
    _remove_one_assignment(store, people)
    _lock_some(store)
    if plan.has_side_projects:
        add_side_projects(store, _rng(seed, "side projects"), people, portfolio, first_day, today)
        add_rare_cases(store, portfolio, today)
    return store


def _rng(seed: int, part: str) -> Random:
    # A random stream per part, so that a change in one part does not affect the others.
    return Random(f"{seed}:{part}")


def _tracked_days(people: list[Person], first_day: date, today: date) -> int:
    """Estimate the person-days with tracked time: working days of those employed, less leave."""
    working = [day for day in days_between(first_day, today) if is_working_day(day)]
    return int(sum(1 for person in people for day in working if person.works_on(day)) * 0.93)


def _start_timers(store: Store, people: list[Person], portfolio: Portfolio, today: date) -> None:
    """Start the timers of two people: one on a new entry of this morning, one on an earlier entry of today."""
    now = store.clock.now_seconds()
    month = max(portfolio.staffing)
    present = [person for person in people if person.left_on is None and portfolio.staffing[month].get(person.user.id)]
    for number, person in enumerate(present[:2]):
        job = portfolio.staffing[month][person.user.id][0]
        started_at = now - 2_400 - 700 * number
        entry = TimeEntry(
            id=store.take_id("time_entry"),
            spent_date=today,
            user_id=person.user.id,
            project_id=job.project.id,
            task_id=job.task_ids[0],
            hours_hundredths=125 * number,
            notes=None if number else "Morning: inbox & planning",
            billable=False,
            budgeted=False,
            billable_rate=None,
            cost_rate=None,
            created_at=started_at - 4_500 * number,
            updated_at=started_at,
            timer_started_at=started_at,
        )
        store.stamp(entry)
        store.add_time_entry(entry)


def _remove_one_assignment(store: Store, people: list[Person]) -> None:
    """Remove one assignment: time entries without it carry no user_assignment (harvest-php-api #49)."""
    leavers = {person.user.id for person in people if person.left_on is not None}
    for entry in store.time_entries.values():
        row = store.user_assignment_of(entry.project_id, entry.user_id)
        if row is not None and entry.billable and row.user_id in leavers:
            store.remove_user_assignment(row)
            return


def _lock_some(store: Store) -> None:
    """Lock the time entries of a period by hand."""
    oldest = list(store.time_entries.values())[:5]
    for entry in oldest:
        entry.is_explicitly_locked = True
