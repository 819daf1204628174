"""Random changes of clients, projects, people and rates. Each returns one line that describes it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from harvest_simulator.changes.changes import NotPossible
from harvest_simulator.changes.dice import Act, Dice


def _rename_client(it: Dice) -> str:
    return f"renamed client {it.store.rename_client(it.pick(list(it.store.clients)), it.word())}"


def _create_client(it: Dice) -> str:
    return f"created client {it.store.create_client(it.word(), it.rng.choice(('CAD', 'USD', 'EUR', 'GBP')))}"


def _create_contact(it: Dice) -> str:
    return f"created contact {it.store.create_contact(it.pick(list(it.store.clients)), it.word())}"


def _edit_contact(it: Dice) -> str:
    return f"edited contact {it.store.edit_contact(it.pick(list(it.store.contacts)), title=it.word())}"


def _create_project(it: Dice) -> str:
    project_id = it.store.create_project(it.pick(list(it.store.clients)), it.word(), code=f"N{it.rng.randrange(999)}")
    it.store.assign_user(project_id, it.pick(list(it.store.users)))
    return f"created project {project_id} and staffed it"


def _rename_project(it: Dice) -> str:
    return f"renamed project {it.store.rename_project(it.pick(list(it.store.projects)), it.word())}"


def _edit_budget(it: Dice) -> str:
    budgeted = [row.id for row in it.store.projects.values() if row.budget_by == "project"]
    return f"changed the budget of project {it.store.edit_project(it.pick(budgeted), budget=Decimal(it.rng.randrange(500)))}"


def _archive_project(it: Dice) -> str:
    row = it.pick(list(it.store.projects.values()))
    return f"switched is_active of project {it.store.edit_project(row.id, is_active=not row.is_active)}"


def _rename_task(it: Dice) -> str:
    return f"renamed task {it.store.rename_task(it.pick(list(it.store.tasks)), it.word())}"


def _create_task(it: Dice) -> str:
    return f"created task {it.store.create_task(it.word(), default_hourly_rate=Decimal('101.25'))}"


def _rename_user(it: Dice) -> str:
    return f"renamed user {it.store.rename_user(it.pick(list(it.store.users)), it.word(), 'Renamed')}"


def _hire(it: Dice) -> str:
    user_id = it.store.create_user(it.word(), "New", is_contractor=it.rng.random() < 0.3)
    it.store.add_billable_rate(user_id, Decimal(it.rng.randrange(80, 200)))
    return f"created user {user_id} with a rate"


def _archive_user(it: Dice) -> str:
    members = [row.id for row in it.store.users.values() if row.is_active and row.access_roles[0] == "member"]
    if len(members) < 3:
        raise NotPossible("too few are left")
    return f"archived user {it.store.archive_user(it.pick(members))}"


def _new_rate(it: Dice) -> str:
    user_id = it.pick(list(it.store.users))
    rate = Decimal(it.rng.randrange(80, 260))
    # Starts after all earlier rates, so that none of the schedule is deleted.
    known = [row.start_date for row in it.store.billable_rates.get(user_id, ()) if row.start_date is not None]
    start = max([it.store.today(), *known]) + timedelta(days=1)
    return f"gave user {user_id} billable rate {it.store.add_billable_rate(user_id, rate, start)} from {start}"


def _new_cost(it: Dice) -> str:
    user_id = it.pick(list(it.store.users))
    known = [row.start_date for row in it.store.cost_rates.get(user_id, ()) if row.start_date is not None]
    start = max([it.store.today(), *known]) + timedelta(days=1)
    made = it.store.add_cost_rate(user_id, Decimal(it.rng.randrange(30, 99)), start)
    return f"gave user {user_id} cost rate {made} from {start}"


def _edit_role(it: Dice) -> str:
    role_id = it.pick(list(it.store.roles))
    holders = sorted(it.rng.sample(list(it.store.users), 2))
    return f"gave role {it.store.edit_role(role_id, user_ids=holders)} to users {holders}"


def _edit_assignment(it: Dice) -> str:
    row = it.pick(list(it.store.user_assignments.values()))
    return f"switched is_active of user assignment {it.store.edit_user_assignment(row.id, is_active=not row.is_active)}"


def _edit_task_assignment(it: Dice) -> str:
    row = it.pick(list(it.store.task_assignments.values()))
    made = it.store.edit_task_assignment(row.id, hourly_rate=Decimal(it.rng.randrange(60, 200)))
    return f"changed the rate of task assignment {made}"


def _categories(it: Dice) -> str:
    category = it.pick(list(it.store.expense_categories))
    it.store.edit_expense_category(category, name=it.word())
    it.store.edit_invoice_item_category(it.pick(list(it.store.invoice_item_categories)), name=it.word())
    it.store.edit_estimate_item_category(it.pick(list(it.store.estimate_item_categories)), name=it.word())
    return f"renamed expense category {category} and two item categories"


def _delete_contact(it: Dice) -> str:
    return f"deleted contact {it.store.delete_contact(it.pick(list(it.store.contacts)))}"


def _delete_project(it: Dice) -> str:
    if len(it.store.projects) < 6:
        raise NotPossible("too few are left")
    return f"deleted project {it.store.delete_project(it.pick(list(it.store.projects)))} with its time and expenses"


def _delete_client(it: Dice) -> str:
    used = it.store.clients_in_use()
    return f"deleted client {it.store.delete_client(it.pick([i for i in it.store.clients if i not in used]))}"


def _replace_rates(it: Dice) -> str:
    user_id = it.pick([user_id for user_id, rates in it.store.billable_rates.items() if len(rates) > 1])
    return f"replaced all rates of user {user_id} by {it.store.add_billable_rate(user_id, Decimal(111))}"


ACTS: tuple[Act, ...] = (
    _rename_client,
    _create_client,
    _create_contact,
    _edit_contact,
    _create_project,
    _rename_project,
    _edit_budget,
    _archive_project,
    _rename_task,
    _create_task,
    _rename_user,
    _hire,
    _archive_user,
    _new_rate,
    _new_cost,
    _edit_role,
    _edit_assignment,
    _edit_task_assignment,
    _categories,
)
DELETIONS: tuple[Act, ...] = (
    _delete_contact,
    _delete_project,
    _delete_client,
    _replace_rates,
)
