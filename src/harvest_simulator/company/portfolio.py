"""Generate clients and projects over time, and who is assigned to which."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from harvest_simulator.account import vocabulary
from harvest_simulator.account.rows import Client, Project, Task, TaskAssignment, User, UserAssignment
from harvest_simulator.account.tables import Tables
from harvest_simulator.account.workdays import months_between, seconds_at
from harvest_simulator.company.clientele import add_client, next_client
from harvest_simulator.company.staff import Person


@dataclass(frozen=True, slots=True)
class Shape:
    """Shape of a kind of project: how it bills and budgets."""

    is_billable: bool
    is_fixed_fee: bool
    bill_by: str
    budget_by: str
    budget_is_monthly: bool = False
    cost_budget_include_expenses: bool = False


# Ordered so that the first ten projects of any company cover every way to bill and to budget.
SHAPES = (
    Shape(True, False, "People", "project"),
    Shape(True, False, "Project", "project_cost", cost_budget_include_expenses=True),
    Shape(True, False, "Tasks", "task_fees"),
    Shape(True, True, "People", "task"),
    Shape(True, False, "People", "person"),
    Shape(True, False, "People", "project_cost", budget_is_monthly=True),
    Shape(False, False, "none", "none"),
    Shape(True, False, "none", "none"),
    Shape(True, True, "Project", "project"),
    Shape(True, False, "Project", "project", budget_is_monthly=True),
)
_INTERNAL = Shape(False, False, "none", "none")


@dataclass(slots=True)
class Job:
    """Project with facts that the API does not show: when it really ran, and who works on it in which month."""

    project: Project
    first_day: date
    last_day: date
    task_ids: list[int]


@dataclass(slots=True)
class Portfolio:
    """Jobs and staffing; `staffing[month][user_id]` is the list of a person's jobs in the month that starts on `month`."""

    tasks: dict[str, Task]
    internal: Job
    time_off: Job
    jobs: list[Job] = field(default_factory=list)
    staffing: dict[date, dict[int, list[Job]]] = field(default_factory=dict)


def add_tasks(tables: Tables, created_on: date) -> dict[str, Task]:
    """Add the tasks, by name; the last one is archived."""
    made = {}
    for number, (name, is_billable, rate, is_default) in enumerate(vocabulary.TASKS):
        at = seconds_at(created_on, 8, 17, number)
        is_active = name != "Legacy Support"
        task = Task(
            id=tables.take_id("task"),
            name=name,
            billable_by_default=is_billable,
            default_hourly_rate=None if rate is None else Decimal(rate),
            is_default=is_default,
            is_active=is_active,
            created_at=at,
            updated_at=at if is_active else at + 90_000,
        )
        tables.tasks[task.id] = task
        made[name] = task
    return made


def build_portfolio(
    tables: Tables, rng: Random, people: list[Person], client_count: int, first_day: date, today: date
) -> Portfolio:
    """Generate the portfolio month by month: start as many projects as its people need, then staff them."""
    founded = first_day - timedelta(days=18)
    tasks = add_tasks(tables, first_day - timedelta(days=20))
    own = add_client(tables, rng, 0, "Northbank Studio", tables.company.currency, founded)
    internal = add_job(tables, rng, tasks, own, "Internal", "INT", _INTERNAL, founded, date.max)
    time_off = add_job(tables, rng, tasks, own, "Time Off", None, _INTERNAL, founded, date.max)
    portfolio = Portfolio(tasks, internal, time_off)
    clients: list[Client] = []
    # No row of the portfolio is newer than yesterday.
    yesterday = today - timedelta(days=1)
    for month_start, month_end in months_between(first_day, today):
        present = [p for p in people if p.hired_on <= month_end and p.works_on(max(month_start, p.hired_on))]
        running = [job for job in portfolio.jobs if job.last_day >= month_start]
        wanted = max(len(SHAPES), round(len(present) * 0.7) + 2)
        for _ in range(wanted - len(running)):
            number = len(portfolio.jobs)
            elapsed_share = (month_end - first_day).days / max(1, (today - first_day).days)
            if len(clients) < max(4, client_count * (0.25 + 0.75 * elapsed_share)) and len(clients) < client_count:
                clients.append(next_client(tables, rng, len(clients) + 1, min(month_start, yesterday)))
                client = clients[-1]
            else:
                client = clients[rng.randrange(max(0, len(clients) - 40), len(clients))]
            delay_days = 0 if month_start == first_day else rng.randrange(10)
            starts_on = min(month_start + timedelta(days=delay_days), yesterday)
            job = _next_job(tables, rng, portfolio.tasks, client, number, starts_on)
            running.append(job)
            portfolio.jobs.append(job)
        portfolio.staffing[month_start] = _staff(tables, rng, portfolio, present, running, month_start)
    _archive_what_is_over(tables, rng, portfolio, today)
    return portfolio


def _next_job(tables: Tables, rng: Random, tasks: dict[str, Task], client: Client, number: int, starts_on: date) -> Job:
    shape = SHAPES[number % len(SHAPES)]
    word = vocabulary.PROJECT_WORDS[(number * 5 + number // 12) % len(vocabulary.PROJECT_WORDS)]
    name = f"{word} {number // len(vocabulary.PROJECT_WORDS) + 1}" if number >= len(vocabulary.PROJECT_WORDS) else word
    # Codes may be missing, empty, or shared.
    code = (f"P{number:03d}", f"{client.name[:3].upper()}-{number % 4}", None, "")[
        0 if number % 4 == 3 else number % 5 % 4
    ]
    length_days = 3_000 if shape.budget_is_monthly and number % 3 else rng.randrange(70, 430)
    return add_job(tables, rng, tasks, client, name, code, shape, starts_on, starts_on + timedelta(days=length_days))


def add_job(
    tables: Tables,
    rng: Random,
    tasks: dict[str, Task],
    client: Client,
    name: str,
    code: str | None,
    shape: Shape,
    first_day: date,
    last_day: date,
) -> Job:
    """Add a project that runs for these days, with its tasks; one without an end (`date.max`) gets no dates."""
    number = len(tables.projects)
    at = max(seconds_at(first_day, 8, 20, number % 60), client.updated_at + 60)
    client.updated_at = max(client.updated_at, at)
    has_dates = number % 4 != 2 and last_day != date.max
    in_hours, in_money = shape.budget_by == "project", shape.budget_by == "project_cost"
    size = rng.randrange(3, 30) * (1 if shape.budget_is_monthly else 4)
    project = Project(
        id=tables.take_id("project"),
        client_id=client.id,
        name=name,
        code=code,
        is_active=True,
        is_billable=shape.is_billable,
        is_fixed_fee=shape.is_fixed_fee,
        bill_by=shape.bill_by,
        hourly_rate=Decimal(rng.randrange(95, 190)) if shape.bill_by == "Project" else None,
        budget_by=shape.budget_by,
        budget_is_monthly=shape.budget_is_monthly,
        budget=Decimal(size * 10) if in_hours else None,
        cost_budget=Decimal(size * 1_400) if in_money else None,
        cost_budget_include_expenses=shape.cost_budget_include_expenses,
        notify_when_over_budget=number % 2 == 0 and shape.budget_by != "none",
        over_budget_notification_percentage=Decimal("80.0"),
        over_budget_notification_date=None,
        show_budget_to_all=number % 6 == 1,
        fee=Decimal(rng.randrange(20, 90) * 1_000) if shape.is_fixed_fee else None,
        notes=(None, "", "Steering every second Tuesday.\nScope: see the estimate.")[number % 3],
        starts_on=first_day if has_dates else None,
        ends_on=last_day if has_dates and number % 7 else None,
        created_at=at,
        updated_at=at,
    )
    tables.projects[project.id] = project
    job = Job(project, first_day, last_day, [])
    names: tuple[str, ...]
    if not shape.is_billable and last_day == date.max:
        names = vocabulary.TIME_OFF_TASKS if name == "Time Off" else ("Internal Meetings", "Business Development")
    else:
        names = vocabulary.CLIENT_TASKS
    for task_name in names:
        task = tasks[task_name]
        rate = task.default_hourly_rate if task.default_hourly_rate is not None else Decimal(110)
        is_billable = shape.is_billable and task.billable_by_default
        # On each project with budgets by task, one task has none: its hours do not count.
        has_budget = shape.budget_by in ("task", "task_fees") and task_name != "Workshops"
        budget = Decimal(rng.randrange(4, 30) * (10 if shape.budget_by == "task" else 900)) if has_budget else None
        row = TaskAssignment(
            id=tables.take_id("assignment"),
            project_id=project.id,
            task_id=task.id,
            is_active=True,
            billable=is_billable,
            hourly_rate=rate if shape.bill_by == "Tasks" and is_billable else None,
            budget=budget,
            created_at=at,
            updated_at=at,
        )
        tables.add_task_assignment(row)
        job.task_ids.append(task.id)
    return job


def _staff(
    tables: Tables, rng: Random, portfolio: Portfolio, present: list[Person], running: list[Job], month: date
) -> dict[int, list[Job]]:
    """Staff a month: two or three jobs per person, mostly those of the previous month, with assignments."""
    earlier = portfolio.staffing[max(portfolio.staffing)] if portfolio.staffing else {}
    staffed: dict[int, list[Job]] = {}
    for position, person in enumerate(present):
        kept = [job for job in earlier.get(person.user.id, []) if job in running and rng.random() < 0.85]
        jobs = kept[:3]
        # Each person starts at another job, so that every job is staffed.
        offset = position * 3 + rng.randrange(len(running))
        for step in range(len(running)):
            if len(jobs) >= (3 if len(present) > 8 else 5):
                break
            job = running[(offset + step) % len(running)]
            if job not in jobs:
                jobs.append(job)
        staffed[person.user.id] = jobs
        for job in (*jobs, portfolio.internal, portfolio.time_off):
            if tables.user_assignment_of(job.project.id, person.user.id) is None:
                assign(tables, rng, job, person, max(month, person.hired_on))
    return staffed


def assign(tables: Tables, rng: Random, job: Job, person: Person, from_day: date) -> None:
    """Assign a person to a project, from a day on."""
    project, user = job.project, person.user
    number = len(tables.user_assignments)
    at = max(seconds_at(max(from_day, job.first_day), 8, 30, number % 60), project.created_at, user.created_at)
    has_custom_rate = project.bill_by == "People" and number % 6 == 4
    row = UserAssignment(
        id=tables.take_id("assignment"),
        project_id=project.id,
        user_id=user.id,
        is_active=user.is_active,
        is_project_manager=_is_lead(user, number),
        use_default_rates=not has_custom_rate,
        hourly_rate=Decimal(rng.randrange(80, 240)) + Decimal("0.50") * (number % 2) if has_custom_rate else None,
        # A blank personal budget does not count, a zero does.
        budget=(None if number % 7 == 3 else Decimal(rng.randrange(0, 12) * 10))
        if project.budget_by == "person"
        else None,
        created_at=at,
        updated_at=at,
    )
    if not user.is_active and person.left_on is not None:
        row.updated_at = max(at, seconds_at(person.left_on, 17, 30))
    tables.add_user_assignment(row)


def _is_lead(user: User, number: int) -> bool:
    return user.access_roles[0] == "manager" or (user.access_roles[0] == "administrator" and number % 2 == 0)


def _archive_what_is_over(tables: Tables, rng: Random, portfolio: Portfolio, today: date) -> None:
    """Archive most projects some weeks after they ended, and clients without any live project."""
    for job in portfolio.jobs:
        archived_on = job.last_day + timedelta(days=rng.randrange(20, 50))
        if archived_on < today and rng.random() < 0.85:
            job.project.is_active = False
            job.project.updated_at = seconds_at(archived_on, 9, 5)
    if all(job.project.is_active for job in portfolio.jobs) and len(portfolio.jobs) > 6:
        # A young account has one archived project, too: the pro bono one.
        over = portfolio.jobs[6]
        over.last_day = over.first_day + (today - over.first_day) // 2
        over.project.is_active = False
        over.project.updated_at = seconds_at(over.last_day + timedelta(days=1), 9, 5)
    clients_with_work = {job.project.client_id for job in portfolio.jobs if job.project.is_active}
    for client in tables.clients.values():
        has_projects = any(job.project.client_id == client.id for job in portfolio.jobs)
        if has_projects and client.id not in clients_with_work:
            ended = [j.project.updated_at for j in portfolio.jobs if j.project.client_id == client.id]
            client.is_active = False
            client.updated_at = max([client.updated_at, *ended]) + 300
    never_used = add_client(tables, rng, 3, "Old Prospect", "USD", today - timedelta(days=75))
    never_used.is_active = False
    never_used.updated_at += 86_400
