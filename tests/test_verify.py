"""A copy is compared with Harvest's own reports: what is the same is exact, what is not is found and healed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from accounts import Account, assert_equals_truth
from harvest_simulator import Simulator
from harvest_simulator.rows import Expense, TimeEntry
from harvest_warehouse.load import load
from harvest_warehouse.repairs import Filters
from harvest_warehouse.settings import Warehouse
from harvest_warehouse.verify import NOT_IN_REPORTS, VerifyReport, verify
from harvest_warehouse.verify_summary import verify_lines

Loaded = Callable[..., "Copy"]

TIME = {"time/projects", "time/team", "time/tasks"}
EXPENSES = {"expenses/projects", "expenses/categories", "expenses/team"}


class Copy:
    """An account, and a copy of it that was equal when it was made."""

    def __init__(self, account: Account, warehouse: Warehouse) -> None:
        self.account, self.warehouse = account, warehouse
        self.simulator, self.store = account.simulator, account.simulator.store
        self.simulator.enforce_limits = False
        self.client = account.client(requests_per_15_s=0, report_requests_per_15_min=0)

    def verify(self, **arguments: Any) -> VerifyReport:
        return verify(self.warehouse, self.client.settings, client=self.client, **arguments)

    def repair(self) -> VerifyReport:
        return self.verify(repair=True, reread=self.reread)

    def reread(self, again: Filters) -> None:
        """Load, and take out the rows that Harvest does not have: what the sweep does."""
        load(self.warehouse, self.client.settings, again=again, client=self.client)
        truth = self.simulator.truth()
        with self.warehouse.pipeline().sql_client() as client:
            for table in ("time_entries", "expenses"):
                ids = ", ".join(str(row["id"]) for row in truth[table])
                client.execute_sql(f"delete from {table} where id not in ({ids})")

    def report_calls(self) -> list[str]:
        return [request.path for request in self.simulator.requests if "/reports/" in request.path]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.warehouse.pipeline().sql_client() as client, client.execute_query(query) as cursor:
            return list(cursor.fetchall())


@pytest.fixture(scope="module")
def masters(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The database of an account as it is when nothing has happened yet, made once for each seed and size."""
    made: dict[Any, Path] = {}

    def master(**arguments: Any) -> Path:
        key = tuple(sorted(arguments.items()))
        if key not in made:
            folder = tmp_path_factory.mktemp("master")
            simulator = Simulator(**arguments)
            with simulator.serving() as url:
                copy = Copy(Account(simulator, url, folder), Warehouse(folder, pipelines_dir=folder / "pipelines"))
                load(copy.warehouse, copy.client.settings, client=copy.client)
            made[key] = copy.warehouse.file
        return made[key]

    return master


@pytest.fixture
def loaded(open_account: Callable[..., Account], masters: Callable[..., Path], tmp_path: Path) -> Loaded:
    def open_one(**arguments: Any) -> Copy:
        arguments = {"size": "tiny", "seed": 1, **arguments}
        warehouse = Warehouse(tmp_path)
        shutil.copy(masters(**arguments), warehouse.file)
        account = open_account(**arguments)
        account.pipeline = warehouse.pipeline()
        return Copy(account, warehouse)

    return open_one


def differing(report: VerifyReport) -> set[str]:
    return {one.figure.report for one in report.differing}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_fresh_copy_is_exact_in_every_report_month_and_currency(loaded: Loaded, seed: int) -> None:
    copy = loaded(seed=seed)
    report = copy.verify()
    assert report.is_proven, report.differing[:5]
    assert set(report.counts) <= {"exact", "tie"}
    assert {one.figure.report for one in report.judged} == TIME | EXPENSES | {"uninvoiced", "project_budget"}
    assert len({one.figure.currency for one in report.judged}) > 1
    assert {one.figure.first.month for one in report.judged if one.figure.report in TIME} == {12, 1, 2, 3}
    # Not zeros beside zeros.
    assert sum(one.figure.theirs > 0 for one in report.judged) > 300


# What is changed in Harvest, and the reports that must see it: ANALYTICS 2.6.


def entry_of(copy: Copy, wanted: Callable[[TimeEntry], bool] = lambda _: True) -> TimeEntry:
    """A stopped, billable entry of time and materials, before the last days, on a project without a monthly budget."""

    def fits(entry: TimeEntry) -> bool:
        project = copy.store.projects[entry.project_id]
        return (
            entry.spent_date <= date(2026, 3, 10)
            and entry.timer_started_at is None
            and entry.billable
            and bool(entry.billable_rate)
            and not project.is_fixed_fee
            and not project.budget_is_monthly
            and wanted(entry)
        )

    return next(filter(fits, copy.store.time_entries.values()))


def is_open(entry: TimeEntry) -> bool:
    return not entry.is_billed


def set_silently(copy: Copy, row: Any, **values: Any) -> None:
    """What Harvest changes without moving `updated_at`."""
    with copy.store.lock:
        copy.store.version += 1
        for name, value in values.items():
            setattr(row, name, value)


def budgeted_by(copy: Copy, *kinds: str) -> Callable[[TimeEntry], bool]:
    return lambda entry: copy.store.projects[entry.project_id].budget_by in kinds


def delete_an_entry(copy: Copy) -> set[str]:
    entry = entry_of(copy, lambda entry: is_open(entry) and budgeted_by(copy, "project")(entry))
    copy.store.delete_time_entry(entry.id)
    return TIME | {"uninvoiced", "project_budget"}


def add_an_hour(copy: Copy) -> set[str]:
    entry = entry_of(copy, lambda entry: is_open(entry) and budgeted_by(copy, "project")(entry))
    set_silently(copy, entry, hours_hundredths=entry.hours_hundredths + 100)
    return TIME | {"uninvoiced", "project_budget"}


def change_the_rounding(copy: Copy) -> set[str]:
    copy.simulator.set_rounding("up", 30)
    return TIME | {"uninvoiced", "project_budget"}


def restate_a_rate(copy: Copy) -> set[str]:
    entry = entry_of(copy, lambda entry: is_open(entry) and budgeted_by(copy, "project", "none")(entry))
    set_silently(copy, entry, billable_rate=(entry.billable_rate or 0) + 20)
    return TIME | {"uninvoiced"}


def move_to_a_project(copy: Copy) -> set[str]:
    entry = entry_of(copy, lambda entry: is_open(entry) and budgeted_by(copy, "project")(entry))
    other = next(
        project
        for project in copy.store.projects.values()
        if project.id != entry.project_id and project.client_id == copy.store.projects[entry.project_id].client_id
    )
    set_silently(copy, entry, project_id=other.id)
    # The same client, and so the same currency: a person and a task have as much as before.
    return {"time/projects", "uninvoiced", "project_budget"}


def move_to_a_person(copy: Copy) -> set[str]:
    entry = entry_of(copy)
    other = next(user for user in copy.store.users.values() if user.id != entry.user_id)
    set_silently(copy, entry, user_id=other.id)
    return {"time/team"}


def move_to_a_task(copy: Copy) -> set[str]:
    entry = entry_of(copy)
    other = next(task for task in copy.store.tasks.values() if task.id != entry.task_id)
    set_silently(copy, entry, task_id=other.id)
    return {"time/tasks"}


def mark_as_invoiced(copy: Copy) -> set[str]:
    set_silently(copy, entry_of(copy, is_open), is_billed=True)
    return {"uninvoiced"}


def change_a_fee(copy: Copy) -> set[str]:
    project = next(project for project in copy.store.projects.values() if project.is_fixed_fee and project.is_active)
    set_silently(copy, project, fee=(project.fee or 0) + 100)
    return {"uninvoiced"}


def change_a_category(copy: Copy) -> set[str]:
    expense = next(iter(copy.store.expenses.values()))
    other = next(c for c in copy.store.expense_categories.values() if c.id != expense.expense_category_id)
    set_silently(copy, expense, expense_category_id=other.id)
    return {"expenses/categories"}


def delete_an_expense(copy: Copy) -> set[str]:
    def is_plain(expense: Expense) -> bool:
        return not expense.billable and not copy.store.projects[expense.project_id].cost_budget_include_expenses

    copy.store.delete_expense(next(filter(is_plain, copy.store.expenses.values())).id)
    return EXPENSES


def change_a_task_budget(copy: Copy) -> set[str]:
    by_task = {project.id for project in copy.store.projects.values() if project.budget_by == "task"}
    row = next(row for row in copy.store.task_assignments.values() if row.project_id in by_task and row.budget)
    set_silently(copy, row, budget=row.budget + 5)
    return {"project_budget"}


def make_not_billable(copy: Copy) -> set[str]:
    entry = entry_of(copy, lambda entry: entry.is_billed and budgeted_by(copy, "project", "none")(entry))
    set_silently(copy, entry, billable=False, billable_rate=None)
    return TIME


def change_a_currency(copy: Copy) -> set[str]:
    spent = next(iter(copy.store.expenses.values()))
    client = copy.store.clients[copy.store.projects[spent.project_id].client_id]
    copy.store.edit_client(client.id, currency="SEK")
    return TIME | EXPENSES | {"uninvoiced"}


def move_by_two_months(copy: Copy) -> set[str]:
    entry = entry_of(copy, lambda entry: entry.spent_date < date(2026, 2, 1))
    with copy.store.lock:
        copy.store.version += 1
        copy.store.move_time_entry(entry, entry.spent_date + timedelta(days=35))
    return TIME | {"uninvoiced"}


SEEN = [
    delete_an_entry,
    add_an_hour,
    change_the_rounding,
    restate_a_rate,
    move_to_a_project,
    move_to_a_person,
    move_to_a_task,
    mark_as_invoiced,
    change_a_fee,
    change_a_category,
    delete_an_expense,
    change_a_task_budget,
    make_not_billable,
    change_a_currency,
    move_by_two_months,
]


@pytest.mark.parametrize("mutation", SEEN, ids=lambda mutation: mutation.__name__)
def test_a_silent_change_is_found_in_these_reports_and_healed(
    loaded: Loaded, mutation: Callable[[Copy], set[str]]
) -> None:
    copy = loaded()
    seeing = mutation(copy)
    found = copy.verify()
    assert differing(found) == seeing
    assert not found.is_proven
    healed = copy.repair()
    assert healed.is_proven, healed.differing[:5]
    assert healed.repaired
    assert_equals_truth(copy.account, ["time_entries", "expenses", "projects", "clients", "task_assignments"])


def move_by_a_day(copy: Copy) -> None:
    entry = entry_of(copy, lambda entry: entry.spent_date.day < 28)
    with copy.store.lock:
        copy.store.version += 1
        copy.store.move_time_entry(entry, entry.spent_date + timedelta(days=1))


def change_a_cost_rate(copy: Copy) -> None:
    set_silently(copy, entry_of(copy), cost_rate=Decimal(1))


def change_a_note(copy: Copy) -> None:
    set_silently(copy, entry_of(copy), notes="Another note")


def approve(copy: Copy) -> None:
    entry = entry_of(copy, lambda entry: entry.approval_status != "approved")
    set_silently(copy, entry, approval_status="approved")


def change_an_invoice_line(copy: Copy) -> None:
    fixed = {project.id for project in copy.store.projects.values() if project.is_fixed_fee}
    line = next(
        line for invoice in copy.store.invoices.values() for line in invoice.lines if line.project_id not in fixed
    )
    set_silently(copy, line, amount=line.amount + 1)


def delete_a_payment(copy: Copy) -> None:
    with copy.store.lock:
        copy.store.version += 1
        next(payments for payments in copy.store.invoice_payments.values() if payments).pop()


UNSEEN = [move_by_a_day, change_a_cost_rate, change_a_note, approve, change_an_invoice_line, delete_a_payment]


@pytest.mark.parametrize("mutation", UNSEEN, ids=lambda mutation: mutation.__name__)
def test_what_no_report_shows_is_not_found_and_the_output_says_so(
    loaded: Loaded, mutation: Callable[[Copy], None]
) -> None:
    copy = loaded()
    mutation(copy)
    report = copy.verify()
    assert report.is_proven
    last = verify_lines(report)[-1]
    assert all(named in last for named in NOT_IN_REPORTS)
