"""Generate people: hires and leavers, cost rates and billable rates, roles and teammates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from harvest_simulator.account import vocabulary
from harvest_simulator.account.rows import Rate, Role, User
from harvest_simulator.account.tables import Tables
from harvest_simulator.account.workdays import next_working_day, seconds_at

FULL_TIME_SECONDS = 40 * 3600


@dataclass(frozen=True, slots=True)
class Person:
    """User with facts that the API does not show: first and last working day."""

    user: User
    hired_on: date
    left_on: date | None

    def works_on(self, day: date) -> bool:
        """True if the person was employed on that day."""
        return self.hired_on <= day and (self.left_on is None or day <= self.left_on)


def add_administrator(tables: Tables, created_on: date) -> User:
    """Add the owner of the account, who is also the token's owner."""
    now = seconds_at(created_on, 8, 17, 57)
    user = User(
        id=tables.take_id("user"),
        first_name="Bob",
        last_name="Powell",
        email="bob.powell@northbank.example",
        telephone="",
        timezone="Eastern Time (US & Canada)",
        weekly_capacity_seconds=tables.company.weekly_capacity_seconds,
        is_contractor=False,
        is_active=True,
        access_roles=("administrator",),
        employee_id=None,
        has_access_to_all_future_projects=False,
        calendar_integration_source=None,
        avatar_url="https://cache.harvestapp.com/assets/avatars/default_avatar.png",
        created_at=now,
        updated_at=now,
    )
    tables.users[user.id] = user
    return user


def hire(tables: Tables, rng: Random, count: int, first_day: date, today: date) -> list[Person]:
    """Hire `count` people: slightly more than half at the start, the others over time; about one in seven has left."""
    people = [Person(add_administrator(tables, first_day - timedelta(days=20)), first_day, None)]
    span_days = (today - first_day).days
    for index in range(1, count):
        is_leaver = index % 7 == 5
        if index < count * 0.6 or is_leaver:
            hired_on = first_day + timedelta(days=0 if index < count * 0.5 else rng.randrange(1 + span_days // 4))
        else:
            hired_on = first_day + timedelta(days=rng.randrange(span_days * 4 // 5))
        hired_on = next_working_day(hired_on)
        left_on = None
        if is_leaver:
            stay_days = max(20, int((today - hired_on).days * rng.uniform(0.35, 0.75)))
            left_on = hired_on + timedelta(days=stay_days)
        people.append(Person(_new_user(tables, rng, index, hired_on, left_on), hired_on, left_on))
    for person in people:
        _set_rates(tables, rng, person, today)
    _set_roles(tables, people, first_day)
    _set_teammates(tables, people)
    return people


def _new_user(tables: Tables, rng: Random, index: int, hired_on: date, left_on: date | None) -> User:
    first = vocabulary.FIRST_NAMES[(index * 7) % len(vocabulary.FIRST_NAMES)]
    last = vocabulary.LAST_NAMES[(index * 11 + index // 30) % len(vocabulary.LAST_NAMES)]
    is_contractor = index % 6 == 4
    access: tuple[str, ...] = ("member",)
    if index % 12 == 1:
        access = ("manager", "project_creator", "billable_rates_manager", "managed_projects_invoice_manager")
    elif index % 24 == 8:
        access = ("manager", "time_and_expenses_manager")
    elif index % 30 == 20:
        access = ("administrator",)
    # Three- and four-day weeks, and a contractor without a capacity.
    share = {2: 0.8, 9: 0.6, 15: 0.5}.get(index % 18, 1.0)
    weekly_capacity_seconds = int(FULL_TIME_SECONDS * share) if index % 36 != 34 else 0
    created_at = seconds_at(hired_on, 7, rng.randrange(60), rng.randrange(60))
    updated_at = created_at + rng.randrange(60, 9_000)
    if left_on is not None:
        updated_at = seconds_at(left_on, 17, rng.randrange(60), rng.randrange(60))
    user = User(
        id=tables.take_id("user"),
        first_name=first,
        last_name=last if index % 23 != 21 else "",
        email=f"{_ascii(first)}.{_ascii(last)}{index}@northbank.example",
        telephone="" if index % 3 else f"+1 555 01{index % 100:02d}",
        timezone=vocabulary.TIMEZONES[index % len(vocabulary.TIMEZONES)],
        weekly_capacity_seconds=weekly_capacity_seconds,
        is_contractor=is_contractor,
        is_active=left_on is None,
        access_roles=access,
        employee_id=None if is_contractor else f"NB-{index:04d}",
        has_access_to_all_future_projects=index % 12 == 1,
        calendar_integration_source="google" if index % 5 == 3 else None,
        avatar_url=f"https://cache.harvestapp.com/assets/profile_images/big_ben.png?{1_498_509_661 + index}",
        created_at=created_at,
        updated_at=updated_at,
    )
    tables.users[user.id] = user
    return user


def _ascii(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isascii() and letter.isalpha())


def _set_rates(tables: Tables, rng: Random, person: Person, today: date) -> None:
    """Set dated rates: a first one without a start, then a rise on some first of January or July."""
    user = person.user
    index = len(tables.billable_rates)
    billable, cost = Decimal(rng.randrange(90, 220)), Decimal(rng.randrange(30, 90))
    rises = [
        day
        for year in range(person.hired_on.year, today.year + 1)
        for day in (date(year, 1, 1), date(year, 7, 1))
        if person.hired_on < day <= (person.left_on or today) and (day.month == 1 or index % 4 == 1)
    ]
    if index % 3 == 1 and not rises:
        # Even in young accounts, somebody's rate has changed.
        rises = [person.hired_on + timedelta(days=max(1, ((person.left_on or today) - person.hired_on).days // 2))]
    tables.billable_rates[user.id] = []
    tables.cost_rates[user.id] = []
    # Somebody without a default billable rate, and somebody without a cost rate.
    if index % 17 != 11:
        add_schedule(tables, tables.billable_rates[user.id], user, billable, Decimal("7.5"), rises)
    if index % 17 != 13:
        add_schedule(tables, tables.cost_rates[user.id], user, cost, Decimal("2.25"), rises)


def add_schedule(
    tables: Tables, schedule: list[Rate], user: User, first_amount: Decimal, rise: Decimal, rises: list[date]
) -> None:
    """Add a schedule of rates without gaps; the first has no start, the last no end."""
    starts: list[date | None] = [None, *rises]
    for number, start in enumerate(starts):
        end = rises[number] - timedelta(days=1) if number < len(rises) else None
        created_at = user.created_at + 60 if start is None else seconds_at(start, 0, 5, number % 60)
        updated_at = created_at if end is None else seconds_at(rises[number], 0, 5, (number + 1) % 60)
        amount = first_amount + rise * number
        schedule.append(Rate(tables.take_id("rate"), user.id, amount, start, end, created_at, updated_at))


def _set_roles(tables: Tables, people: list[Person], first_day: date) -> None:
    """Set business roles; some people have two, one role has no holder."""
    created_at = seconds_at(first_day - timedelta(days=19), 10, 8, 43)
    for number, name in enumerate(vocabulary.ROLES):
        holders = [p.user.id for i, p in enumerate(people) if i % 5 == number or (number == 3 and i % 9 == 1)]
        updated_at = max([created_at, *(tables.users[held].created_at for held in holders)])
        row = Role(tables.take_id("role"), name, holders, created_at + number, max(created_at + number, updated_at))
        tables.roles[row.id] = row


def _set_teammates(tables: Tables, people: list[Person]) -> None:
    """Set the teammates of each manager: some of the members. Administrators need no list."""
    managers = [p.user.id for p in people if "manager" in p.user.access_roles]
    members = [p.user.id for p in people if "member" in p.user.access_roles]
    for number, manager in enumerate(managers):
        tables.teammate_ids[manager] = members[number :: len(managers)]
