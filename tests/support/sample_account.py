"""Handmade account with six projects, modelled on a recorded one: one of each kind that reports treat differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from harvest_simulator import Simulator

# Hourly rates: 125 for two people, 175 for two others, 10 for the owner.
RATES = {"ann": 125, "ben": 125, "cat": 175, "dan": 175, "owner": 10}
TASKS = ("development", "design", "marketing", "programming", "management")
# Client by project.
PROJECTS = {
    "fixed": "amber", "own": "amber", "retainer": "birch", "materials": "birch", "first": "firm", "idle": "house",
}  # fmt: skip

Label = tuple[int, str]


@dataclass(frozen=True)
class Sample:
    """Content of the account.

    Attributes:
        labels: ids and names of clients, projects, people, tasks and expense categories, by role.
        codes: codes of projects.
        work: time entries, as (project, person, task, hours).
        spent: expenses, as (project, person, category, cost, whether billable).
        fee: fixed fee of the fixed-fee project, also its budget; a draft invoices all of it.
        retainer_budget: monthly budget of the retainer, in money.
        own_budget: budget of the internal project, in hours.
        people_budgets: budgets in hours by person, on the time-and-materials project.
    """

    labels: Mapping[str, Label]
    codes: Mapping[str, str]
    work: Sequence[tuple[str, str, str, str]]
    spent: Sequence[tuple[str, str, str, str, bool]]
    fee: int
    retainer_budget: int
    own_budget: int
    people_budgets: Mapping[str, int]


def simulated(sample: Sample) -> Simulator:
    """Simulator with the account: everything happened on 2021-05-05, and today is 2022-12-16."""
    simulator = Simulator(empty=True, today=date(2021, 5, 5), enforce_limits=False)
    simulator.set_rounding("nearest", 0)
    _set_up(simulator, sample)
    _track(simulator, sample)
    _bill(simulator, sample)
    simulator.clock.sleep((date(2022, 12, 16) - date(2021, 5, 5)).days * 86_400)
    return simulator


def _set_up(simulator: Simulator, sample: Sample) -> None:
    store, labels = simulator.store, sample.labels
    for kind, roles in (("client", dict.fromkeys(PROJECTS.values())), ("task", TASKS)):
        for role in roles:
            number, name = labels[role]
            store.start_ids_at(kind, number)
            if kind == "client":
                store.create_client(name, "USD")
            else:
                store.create_task(name, billable_by_default=role != "development")
    for role in ("ann", "ben", "cat", "dan"):
        number, name = labels[role]
        store.start_ids_at("user", number)
        store.create_user(name, "")
        store.add_billable_rate(number, Decimal(RATES[role]))
    for role in dict.fromkeys(category for _, _, category, *_ in sample.spent):
        number, name = labels[role]
        store.start_ids_at("expense_category", number)
        store.create_expense_category(name)
    kinds: dict[str, dict[str, object]] = {
        "fixed": {
            "is_fixed_fee": True,
            "fee": Decimal(sample.fee),
            "budget_by": "project_cost",
            "cost_budget": Decimal(sample.fee),
            "cost_budget_include_expenses": True,
        },
        "own": {"is_billable": False, "bill_by": "none", "budget_by": "project", "budget": Decimal(sample.own_budget)},
        "retainer": {
            "budget_by": "project_cost",
            "cost_budget": Decimal(sample.retainer_budget),
            "budget_is_monthly": True,
        },
        "materials": {"budget_by": "person"},
        "first": {},
        "idle": {"bill_by": "none"},
    }
    for role, client in PROJECTS.items():
        number, name = labels[role]
        store.start_ids_at("project", number)
        store.create_project(labels[client][0], name, code=sample.codes.get(role), **kinds[role])
        for person in ("ann", "ben", "cat", "dan"):
            budget = sample.people_budgets.get(person) if role == "materials" else None
            store.assign_user(number, labels[person][0], budget=None if budget is None else Decimal(budget))
    owner = next(iter(store.users))
    store.assign_user(labels["first"][0], owner, use_default_rates=False, hourly_rate=Decimal(RATES["owner"]))


def _track(simulator: Simulator, sample: Sample) -> None:
    store, labels = simulator.store, sample.labels
    people = {role: labels[role][0] for role in ("ann", "ben", "cat", "dan")} | {"owner": next(iter(store.users))}
    for project, person, task, hours in sample.work:
        store.create_time_entry(people[person], labels[project][0], labels[task][0], hours=hours)
    for project, person, category, cost, billable in sample.spent:
        store.create_expense(
            people[person], labels[project][0], labels[category][0], total_cost=Decimal(cost), billable=billable
        )


def _bill(simulator: Simulator, sample: Sample) -> None:
    """Invoice the first client's work, paid, and draft another invoice for the whole fee and a product of 100."""
    store, labels = simulator.store, sample.labels
    invoice = store.create_invoice(labels[PROJECTS["first"]][0], discount=Decimal(4))
    store.send_invoice(invoice)
    store.pay_invoice(invoice)
    draft = store.create_invoice(labels["amber"][0], date(2020, 1, 1), date(2020, 1, 1))
    fixed = labels["fixed"][0]
    lines = [
        store.new_invoice_line("The fee", Decimal(1), Decimal(sample.fee), fixed),
        store.new_invoice_line("", Decimal(1), Decimal(100), fixed, "Product"),
    ]
    store.set_invoice_lines(draft, lines)
