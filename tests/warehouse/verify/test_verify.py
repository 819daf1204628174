"""A copy is compared with Harvest's own reports: what is the same is exact, what is not is found and healed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from harvest_simulator import Fault, Simulator
from harvest_simulator.account.conventions import Conventions
from harvest_simulator.account.rows import Expense, TimeEntry
from harvest_time_tracking import HarvestError, NeedsYou, SettingWrong
from harvest_time_tracking.errors import TokenRejected
from harvest_warehouse.cli.render.verify import verify_lines
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.load import load
from harvest_warehouse.sync import repair
from harvest_warehouse.verify import VerifyReport, verify
from harvest_warehouse.verify.harvest_reports import REPORTS, their_rows
from harvest_warehouse.verify.report import NOT_IN_REPORTS
from harvest_warehouse.warehouse import Target
from support.accounts import Account, assert_equals_truth

Loaded = Callable[..., "Copy"]

TIME = {"time/projects", "time/team", "time/tasks"}
EXPENSES = {"expenses/projects", "expenses/categories", "expenses/team"}


class Copy:
    """An account, and a copy of it that was equal when it was made."""

    def __init__(self, account: Account, warehouse: Target) -> None:
        self.account, self.warehouse = account, warehouse
        self.simulator, self.store = account.simulator, account.simulator.store
        self.simulator.enforce_limits = False
        self.client = account.client(requests_per_15_s=0, report_requests_per_15_min=0)

    def verify(self, **arguments: Any) -> VerifyReport:
        return verify(self.warehouse, self.client.settings, client=self.client, **arguments)

    def by_month(self, **arguments: Any) -> VerifyReport:
        return self.verify(is_by_month=True, **arguments)

    def repair(self, **arguments: Any) -> VerifyReport:
        return repair(self.warehouse, self.client.settings, client=self.client, **arguments)

    def report_calls(self) -> list[str]:
        return [request.path for request in self.simulator.requests if "/reports/" in request.path]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with open_pipeline(self.warehouse).sql_client() as client, client.execute_query(query) as cursor:
            return list(cursor.fetchall())


@pytest.fixture(scope="session")
def masters(once: Callable[..., Path]) -> Callable[..., Path]:
    """The database of an account as it is when nothing has happened yet, made once for each seed and size.

    With `is_proven`, each month of it has agreed by itself.
    """

    def master(*, is_proven: bool = False, **arguments: Any) -> Path:
        def make(warehouse: Target) -> None:
            simulator = Simulator(**arguments)
            with simulator.serving() as url:
                copy = Copy(Account(simulator, url, warehouse.folder), warehouse)
                load(copy.warehouse, copy.client.settings, client=copy.client)
                if is_proven:
                    assert copy.by_month().is_proven

        names = [f"{name}={arguments[name]}" for name in sorted(arguments)]
        return once("-".join(["proven" if is_proven else "loaded", *names]), make)

    return master


@pytest.fixture
def loaded(open_account: Callable[..., Account], masters: Callable[..., Path], tmp_path: Path) -> Loaded:
    def open_one(**arguments: Any) -> Copy:
        arguments = {"size": "tiny", "seed": 1, **arguments}
        warehouse = Target(tmp_path)
        shutil.copy(masters(**arguments), warehouse.file)
        account = open_account(**arguments)
        account.pipeline = open_pipeline(warehouse)
        return Copy(account, warehouse)

    return open_one


def differing(report: VerifyReport) -> set[str]:
    return {one.figure.report for one in report.differing}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.by_day(1)
def test_a_fresh_copy_is_exact_in_every_report_month_and_currency(loaded: Loaded, seed: int) -> None:
    copy = loaded(seed=seed)
    report = copy.by_month()
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


def change_a_person_budget(copy: Copy) -> set[str]:
    by_person = {project.id for project in copy.store.projects.values() if project.budget_by == "person"}
    row = next(row for row in copy.store.user_assignments.values() if row.project_id in by_person and row.budget)
    set_silently(copy, row, budget=row.budget + 5)
    return {"project_budget"}


def change_a_line_of_a_draft(copy: Copy) -> set[str]:
    fixed = {project.id for project in copy.store.projects.values() if project.is_fixed_fee}
    drafts = [invoice for invoice in copy.store.invoices.values() if invoice.state == "draft"]
    line = next(line for invoice in drafts for line in invoice.lines if line.project_id in fixed)
    set_silently(copy, line, amount=line.amount + 1)
    return {"uninvoiced"}


def bill_a_project_no_more(copy: Copy) -> set[str]:
    # What was tracked stays as it was tracked.
    project = copy.store.projects[entry_of(copy, is_open).project_id]
    set_silently(copy, project, is_billable=False)
    return {"uninvoiced"}


@pytest.mark.nightly
@pytest.mark.parametrize("repairs", [False, True])
def test_what_moved_between_two_months_is_found_by_months_and_by_a_year_only_once_it_is_known(
    loaded: Loaded, repairs: bool
) -> None:
    copy = loaded()
    seeing = move_by_two_months(copy)
    year = copy.verify()
    assert year.is_proven
    [line] = [line for line in verify_lines(year) if "cancel out" in line]
    assert "4 months compared only as part of a year" in line
    assert "dlt-harvest verify --months" in line
    months = copy.by_month()
    assert differing(months) == seeing
    assert not any("cancel out" in line for line in verify_lines(months))
    # The months that are known to differ are asked for, whatever the year says.
    again = copy.repair() if repairs else copy.verify()
    assert again.is_proven is repairs
    assert differing(again) == (set() if repairs else seeing)
    assert len(copy.rows("select distinct verdict from harvest_reconciliation where verdict <> 'exact'")) == 1 - repairs


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
    change_a_person_budget,
    change_a_line_of_a_draft,
    bill_a_project_no_more,
]


@pytest.mark.by_day(1)
@pytest.mark.parametrize("mutation", SEEN, ids=lambda mutation: mutation.__name__)
def test_a_silent_change_is_found_in_these_reports_and_healed(
    loaded: Loaded, masters: Callable[..., Path], mutation: Callable[[Copy], set[str]]
) -> None:
    """In a year, and in months that agreed by themselves and are looked at together since."""
    copy = loaded()
    seeing = mutation(copy)
    for is_proven, find in ((True, copy.by_month), (False, copy.verify)):
        shutil.copy(masters(size="tiny", seed=1, is_proven=is_proven), copy.warehouse.file)
        found = find()
        assert differing(found) == seeing
        assert not found.is_proven
        assert found.is_rounding_changed is (mutation is change_the_rounding)
        days = {(one.figure.last - one.figure.first).days for one in found.differing if one.figure.is_of_window}
        # Down to the months, but where that would be every month.
        assert mutation is change_the_rounding or max(days, default=0) <= 30
    healed = copy.repair()
    assert healed.is_proven, healed.differing[:5]
    assert healed.repaired
    assert_equals_truth(copy.account, ["time_entries", "expenses", "projects", "clients", "task_assignments"])


def add_an_hour_before_rounding(copy: Copy) -> set[int]:
    """In our table, as if it had been read wrong: no report shows it."""
    (entry_id, _), *_ = by_hours(copy)
    change_ours(copy, f"update time_entries set hours = hours + 1 where id = {entry_id}")
    return {entry_id}


def exchange_the_hours_of_two(copy: Copy) -> set[int]:
    (one, fewer), *_, (other, more) = by_hours(copy)
    change_ours(copy, f"update time_entries set hours = {more} where id = {one}")
    change_ours(copy, f"update time_entries set hours = {fewer} where id = {other}")
    return {one, other}


def by_hours(copy: Copy) -> list[tuple[Any, ...]]:
    return copy.rows("select id, hours from time_entries where not is_running order by hours, id")


def change_ours(copy: Copy, statement: str) -> None:
    with open_pipeline(copy.warehouse).sql_client() as client:
        client.execute_sql(statement)


@pytest.mark.nightly
@pytest.mark.parametrize(
    "mutation", [add_an_hour_before_rounding, exchange_the_hours_of_two], ids=lambda mutation: mutation.__name__
)
def test_hours_that_their_rounded_hours_contradict_are_found_without_any_report_and_healed(
    loaded: Loaded, mutation: Callable[[Copy], set[int]]
) -> None:
    copy = loaded()
    changed = mutation(copy)
    report = copy.verify()
    assert not report.differing
    assert {odd.entry_id for odd in report.rows.odd} == changed
    assert not report.is_proven
    healed = copy.repair()
    assert healed.is_proven, healed.rows
    assert_equals_truth(copy.account, ["time_entries"])


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("mode", "minutes", "is_hidden"), [("nearest", 0, False), ("nearest", 15, True), ("up", 30, True)]
)
def test_the_rule_for_rounding_is_found_and_what_it_hides_is_named(
    loaded: Loaded, mode: Any, minutes: int, is_hidden: bool
) -> None:
    copy = loaded()
    copy.simulator.set_rounding(mode, minutes)
    report = copy.repair()
    assert report.is_proven
    ((rule, entries),) = report.rows.rounding.rules
    assert (rule.minutes, entries) == (
        minutes,
        sum(1 for e in copy.store.time_entries.values() if not e.timer_started_at),
    )
    lines = verify_lines(report)
    assert any(f"Found: hours are {rule}" in line for line in lines)
    assert (f"hours before they are rounded, within {minutes} minutes" in lines[-1]) is is_hidden


@pytest.mark.nightly
def test_a_key_that_is_there_twice_while_its_neighbour_is_missing_is_found_and_healed(loaded: Loaded) -> None:
    copy = loaded()
    entry = entry_of(copy)
    place = (entry.user_id, entry.project_id, entry.task_id, entry.spent_date, Decimal("1.5"))
    kept, missing = (copy.store.create_time_entry(*place) for _ in range(2))
    copy.simulator.clock.sleep(60)
    load(copy.warehouse, copy.client.settings, client=copy.client)
    there = len(copy.store.time_entries)
    change_ours(copy, f"delete from time_entries where id = {missing}")
    change_ours(copy, f"insert into time_entries select * from time_entries where id = {kept}")
    assert copy.rows("select count(*) from time_entries") == [(there,)], "no count tells"
    report = copy.verify()
    assert not report.differing, "nor does a report"
    assert not report.is_proven
    ((doubled),) = report.rows.doubled
    assert (doubled.stream, doubled.rows, doubled.keys, doubled.named) == (
        "time_entries",
        there,
        there - 1,
        (str(kept),),
    )
    assert any(f"Twice in time_entries: {kept}." in line for line in verify_lines(report))
    assert copy.repair().is_proven
    assert_equals_truth(copy.account, ["time_entries"])


def test_a_key_that_is_twice_in_any_table_is_named(loaded: Loaded) -> None:
    copy = loaded()
    for table in ("roles", "invoice_payments", "user_project_assignments"):
        change_ours(copy, f"insert into {table} select * from {table} where id = (select min(id) from {table})")
    report = copy.verify()
    assert {one.stream for one in report.rows.doubled} >= {"roles", "invoice_payments", "user_project_assignments"}
    assert not report.is_proven


READINGS = {
    "as documented": (Conventions(), {}),
    "only archived ones with work": (
        Conventions(archived="listed with work"), {"archived": "listed where there is work"}
    ),
    "no archived ones": (Conventions(archived="left out"), {"archived": "left out"}),
    "discounts": (Conventions(has_discounts=True), {"fixed_fee": "after discount"}),
    "billable hours": (
        Conventions(counts_billable_only=True), {"budget_hours": "billable hours, with running timers, of all assignments"}
    ),
    "active assignments": (
        Conventions(counts_archived_assignments=False),
        {"budget_hours": "all hours, with running timers, of active assignments"},
    ),
}  # fmt: skip


def make_odd(simulator: Simulator) -> None:
    """Two of each thing that the readings differ on."""
    store = simulator.store
    budgeted = [project for project in store.projects.values() if project.is_billable and project.budget_by != "none"]
    for project in [project for project in budgeted if not project.is_fixed_fee][:2]:
        store.edit_project(project.id, is_active=False)
    fixed = [project for project in store.projects.values() if project.is_fixed_fee]
    # One that worked, one that never did.
    agreed = {"is_fixed_fee": True, "fee": Decimal(700), "is_active": False, "starts_on": date(2026, 1, 1)}
    idle, _ = (store.create_project(fixed[0].client_id, name, **agreed) for name in ("Agreed", "Agreed too"))
    store.edit_project(fixed[1].id, is_active=False)
    for project_id in (fixed[0].id, idle):
        invoice = store.create_invoice(fixed[0].client_id, date(2020, 1, 1), date(2020, 1, 1), discount=Decimal(10))
        store.set_invoice_lines(invoice, [store.new_invoice_line("Half", Decimal(1), Decimal(100), project_id)])
    for kind in ("person", "task"):
        for project in [project for project in store.projects.values() if project.budget_by == kind]:
            if kind == "person":
                by_person = (row for row in store.user_assignments.values() if row.project_id == project.id)
                store.edit_user_assignment(next(row.id for row in by_person if row.budget), is_active=False)
            else:
                by_task = store.task_assignments_of(project.id)
                store.edit_task_assignment(next(row.id for row in by_task if row.budget), is_active=False)


@pytest.fixture
def odd_account(loaded: Loaded, once: Callable[..., Path]) -> Copy:
    def make(warehouse: Target) -> None:
        simulator = Simulator(size="tiny", seed=1)
        make_odd(simulator)
        with simulator.serving() as url:
            made = Copy(Account(simulator, url, warehouse.folder), warehouse)
            load(made.warehouse, made.client.settings, client=made.client)

    copy = loaded()
    make_odd(copy.simulator)
    shutil.copy(once("odd", make), copy.warehouse.file)
    return copy


@pytest.mark.by_day(1)
@pytest.mark.parametrize("reading", READINGS)
def test_what_is_not_documented_is_found_out_for_the_whole_account_and_excuses_no_difference(
    odd_account: Copy, reading: str
) -> None:
    copy = odd_account
    conventions, found = READINGS[reading]
    set_silently(copy, copy.store, conventions=conventions)
    report = copy.verify()
    assert report.is_proven, report.differing[:5]
    accepted = {one.family: one.accepted for one in report.conventions}
    assert {family: accepted[family] for family in found} == found
    assert all(any(str(name) in line for line in verify_lines(report)) for name in found.values())
    project = next(project for project in copy.store.projects.values() if project.budget_by == "project")
    set_silently(copy, project, budget=(project.budget or 0) + 1)
    listed = {one.id for one in copy.store.projects.values() if one.is_active and one.is_billable}
    stopped = [entry for entry in copy.store.time_entries.values() if entry.timer_started_at is None]
    entry = next(entry for entry in stopped if entry.billable and is_open(entry) and entry.project_id in listed)
    set_silently(copy, entry, hours_hundredths=entry.hours_hundredths + 100)
    assert {"uninvoiced", "project_budget"} <= differing(copy.verify())


@pytest.mark.nightly
def test_a_larger_company_with_projects_of_every_kind_is_exact(loaded: Loaded) -> None:
    """Projects of one's own with hours, a budget and a billable expense; idle ones; each kind of budget, monthly too."""
    copy = loaded(size="medium", entries=1_500)
    projects = copy.store.projects.values()
    kinds = {(project.budget_by, project.budget_is_monthly) for project in projects}
    assert kinds >= {
        (by, monthly) for by in ("project", "project_cost", "task", "task_fees", "person") for monthly in (False, True)
    }
    worked = {entry.project_id for entry in copy.store.time_entries.values()}
    assert any(not project.is_billable and project.budget and project.id in worked for project in projects)
    assert any(project.is_billable and project.id not in worked for project in projects)
    report = copy.verify()
    assert report.is_proven, report.differing[:5]
    assert set(report.counts) <= {"exact", "tie"}
    left = [one.figure for one in report.judged if one.figure.measure == "uninvoiced_amount"]
    own = {project.id for project in projects if not project.is_billable}
    assert left
    assert not own & {figure.subject_id for figure in left}
    assert any(figure.theirs < 0 for figure in left)


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
@pytest.mark.by_day(2)
def test_what_no_report_shows_is_not_found_and_the_output_says_so(
    loaded: Loaded, mutation: Callable[[Copy], None]
) -> None:
    copy = loaded()
    mutation(copy)
    report = copy.verify()
    assert report.is_proven
    *_, last = verify_lines(report)
    assert last.startswith("Not proven")
    assert all(named in last for named in NOT_IN_REPORTS)


@pytest.mark.nightly
def test_the_figures_of_both_sides_are_kept_and_those_that_were_healed_are_gone(loaded: Loaded) -> None:
    copy = loaded()
    entry = entry_of(copy)
    project = copy.store.projects[entry.project_id]
    set_silently(copy, entry, hours_hundredths=entry.hours_hundredths + 100)
    copy.verify()
    query = f"""
        select ours, theirs, verdict from harvest_reconciliation
        where report = 'time/projects' and measure = 'total_hours' and subject_id = {project.id} and from_date = '{entry.spent_date.replace(day=1)}'
    """
    first = entry.spent_date.replace(day=1)
    last = min((first + timedelta(days=31)).replace(day=1) - timedelta(days=1), date(2026, 3, 15))
    rows = copy.simulator.report_truth("report_time_projects", first, last)
    stated = Decimal(str(next(row["total_hours"] for row in rows if row["project_id"] == project.id)))
    assert copy.rows(query) == [(stated - 1, stated, "mismatch")]
    copy.repair()
    assert copy.rows(query) == [(stated, stated, "exact")]
    assert copy.rows("select distinct verdict from harvest_reconciliation") == [("exact",)]


def test_nothing_is_proven_to_a_token_that_does_not_see_everything(loaded: Loaded) -> None:
    copy = loaded()
    copy.simulator.as_role("manager")
    report = copy.verify()
    assert not report.is_proven
    assert not report.judged
    assert "administrator" in report.refused["time/projects"]
    assert len(report.refused) == 8
    assert copy.report_calls() == []


def test_a_report_that_is_refused_is_not_provable_and_the_others_are(loaded: Loaded) -> None:
    copy = loaded()
    copy.simulator.faults.at({"path": "reports/uninvoiced"}, Fault.FORBIDDEN, times=99)
    report = copy.verify()
    assert set(report.refused) == {"uninvoiced"}
    assert not report.differing
    assert not report.is_proven
    assert any("uninvoiced" in line and "403" in line for line in verify_lines(report))


def test_what_the_account_has_switched_off_is_not_asked_for(loaded: Loaded) -> None:
    copy = loaded()
    copy.simulator.set_feature("expense_feature", False)
    report = copy.verify()
    assert set(report.left_out) == EXPENSES
    assert not any("expenses" in path for path in copy.report_calls())
    assert report.is_proven


def test_an_interrupted_comparison_goes_on_where_it_was(loaded: Loaded) -> None:
    copy = loaded()
    # In the third of four months: January.
    copy.simulator.faults.at({"path": "reports/time/team", "nth": 3}, Fault.UNAUTHORIZED)
    with pytest.raises(TokenRejected):
        copy.by_month()
    asked = len(copy.report_calls())
    report = copy.by_month()
    assert report.is_proven
    assert {one.figure.first.month for one in report.judged if one.figure.report == "time/team"} == {3, 2, 1, 12}
    # Budgets, what is left of fees, what was not answered of January, December, and the year before.
    assert len(copy.report_calls()) - asked == report.calls == 1 + 1 + 1 + 7 + 2


@pytest.mark.nightly
def test_what_changed_while_it_was_interrupted_is_asked_again(loaded: Loaded) -> None:
    copy = loaded()
    copy.simulator.faults.at({"path": "reports/time/team", "nth": 4}, Fault.UNAUTHORIZED)
    with pytest.raises(TokenRejected):
        copy.by_month()
    copy.simulator.clock.sleep(60)
    entry = entry_of(copy, lambda entry: entry.spent_date.month == 2)
    copy.store.edit_time_entry(entry.id, hours="7.5")
    fixed = next(project for project in copy.store.projects.values() if project.is_fixed_fee and project.is_active)
    copy.store.edit_project(fixed.id, fee=Decimal(98_765))
    load(copy.warehouse, copy.client.settings, client=copy.client)
    report = copy.by_month()
    assert report.is_proven, report.differing[:5]
    left = [one.figure.theirs for one in report.judged if one.figure.family == "fixed_fee"]
    lines = [line for invoice in copy.store.invoices.values() for line in invoice.lines]
    # Compared as it is now, and not as it was.
    assert 98_765 - sum(line.amount for line in lines if line.project_id == fixed.id) in left


def test_months_that_agreed_and_stayed_are_compared_as_one(loaded: Loaded) -> None:
    copy = loaded()
    first, second = copy.by_month(), copy.by_month()
    # Four months by seven reports, the budgets, the year before; then one span.
    assert (first.planned_calls, first.calls) == (31, 31)
    assert (second.planned_calls, second.calls) == (10, 10)
    assert second.is_proven
    spans = {(one.figure.first, one.figure.last) for one in second.judged if one.figure.report == "time/team"}
    assert spans == {(date(2025, 12, 1), date(2026, 3, 15))}


def test_a_month_of_which_our_rows_changed_is_compared_by_itself_again(loaded: Loaded) -> None:
    copy = loaded()
    copy.by_month()
    copy.simulator.clock.sleep(60)
    entry = entry_of(copy, lambda entry: entry.spent_date.month == 1 and budgeted_by(copy, "project")(entry))
    copy.store.edit_time_entry(entry.id, hours="7.5")
    load(copy.warehouse, copy.client.settings, client=copy.client)
    report = copy.by_month()
    assert report.is_proven
    january = {one.figure.report for one in report.judged if one.figure.first == date(2026, 1, 1)}
    assert january == TIME | {"uninvoiced"}


@pytest.mark.nightly
def test_a_month_that_is_another_one_now_no_longer_stands_beside_the_year_that_it_is_in(loaded: Loaded) -> None:
    copy = loaded()
    copy.by_month()
    copy.verify()

    def kept() -> list[tuple[int, int]]:
        query = """
            select distinct month(from_date), month(to_date) from harvest_reconciliation
            where report = 'time/team' order by all
        """
        return copy.rows(query)

    year = (12, 3)
    assert kept() == [(1, 1), (2, 2), (3, 3), year, (12, 12)]
    copy.simulator.clock.sleep(60)
    entry = entry_of(copy, lambda entry: entry.spent_date.month == 1)
    copy.store.edit_time_entry(entry.id, hours="7.5")
    load(copy.warehouse, copy.client.settings, client=copy.client)
    assert copy.verify().is_proven
    assert kept() == [(2, 2), (3, 3), year, (12, 12)]
    assert copy.rows("select distinct verdict from harvest_reconciliation") == [("exact",)]


@pytest.mark.nightly
def test_a_silent_change_in_an_old_month_is_narrowed_down_to_it(loaded: Loaded) -> None:
    copy = loaded()
    copy.by_month()
    entry = entry_of(copy, lambda entry: entry.spent_date.month == 1)
    set_silently(copy, entry, task_id=next(i for i in copy.store.tasks if i != entry.task_id))
    report = copy.by_month()
    assert differing(report) == {"time/tasks"}
    assert {(one.figure.first, one.figure.last) for one in report.differing} == {(date(2026, 1, 1), date(2026, 1, 31))}
    # Only this report: the newer half, which agrees, and the two months of the older one.
    assert report.calls - report.planned_calls == 3
    assert copy.repair().is_proven


def test_a_change_during_the_comparison_is_no_mismatch_and_a_repair_brings_it(loaded: Loaded) -> None:
    copy = loaded()
    entry = entry_of(copy, lambda entry: entry.spent_date.month == 1)

    def change() -> None:
        copy.simulator.clock.sleep(5)
        copy.store.edit_time_entry(entry.id, hours="9.25")

    copy.simulator.faults.between_pages("reports/time/projects", change)
    report = copy.verify()
    assert report.counts["not_provable"] > 0
    assert set(report.counts) == {"exact", "not_provable"}
    assert any("changed in Harvest while" in note for note in report.notes)
    assert copy.repair().is_proven


@pytest.mark.nightly
def test_what_changed_since_the_load_is_told_by_harvests_clock_as_this_machines_may_be_off(loaded: Loaded) -> None:
    # The simulator's clock is months behind this machine's.
    copy = loaded()
    copy.simulator.clock.sleep(60)
    entry = entry_of(copy, lambda entry: entry.spent_date.month == 1)
    copy.store.edit_time_entry(entry.id, hours="9.25")
    assert "1 time entries or expenses changed in Harvest since the last load: load, and compare again." in (
        copy.verify().notes
    )
    assert copy.repair().is_proven
    assert not any("since the last load" in note for note in copy.verify().notes)


def test_the_days_of_a_running_timer_are_left_for_later(loaded: Loaded) -> None:
    copy = loaded()
    report = copy.verify()
    assert report.last == date(2026, 3, 15)
    assert any("A timer runs" in note for note in report.notes)
    with_today = copy.verify(until="2026-03-16")
    assert with_today.is_proven
    assert with_today.last == date(2026, 3, 16)


def test_timers_that_ran_on_since_the_load_are_compared_as_they_are_now(loaded: Loaded) -> None:
    copy = loaded()
    copy.simulator.clock.sleep(7_200)
    report = copy.verify(until="2026-03-16")
    assert report.is_proven
    assert copy.verify().is_proven, "budgets count today, too"


def test_a_timer_that_runs_on_during_the_comparison_is_not_provable_and_no_mismatch(loaded: Loaded) -> None:
    copy = loaded()
    copy.simulator.faults.between_pages("time_entries", lambda: copy.simulator.clock.sleep(7_200))
    report = copy.verify(until="2026-03-16")
    assert set(report.counts) == {"exact", "not_provable"}
    assert {one.reason for one in report.differing} == {"a timer is running in it"}


def test_a_timer_that_was_started_since_the_load_is_a_mismatch(loaded: Loaded) -> None:
    copy = loaded()
    entry = entry_of(copy, lambda entry: entry.spent_date.month == 2)
    set_silently(copy, entry, timer_started_at=copy.simulator.clock.now_seconds() - 36_000)
    found = {one.figure.first for one in copy.verify().differing if one.verdict == "mismatch"}
    assert date(2026, 2, 1) in found


def test_work_that_is_dated_in_the_future_is_compared_with_the_month_of_today(loaded: Loaded) -> None:
    copy = loaded()
    for entry in [entry for entry in copy.store.time_entries.values() if entry.timer_started_at is not None]:
        copy.store.stop_timer(entry.id)
    entry_id = copy.store.create_time_entry(spent_date=date(2026, 4, 20), hours=3)
    copy.simulator.clock.sleep(60)
    load(copy.warehouse, copy.client.settings, client=copy.client)
    report = copy.verify()
    assert report.is_proven
    assert report.last == date(2026, 4, 20)
    copy.store.delete_time_entry(entry_id)
    found = {(one.figure.report, one.figure.first, one.figure.last) for one in copy.verify().differing}
    assert ("time/team", date(2026, 3, 1), date(2026, 4, 20)) in found


@pytest.mark.nightly
def test_rows_older_than_all_of_ours_are_missed_and_brought(loaded: Loaded) -> None:
    copy = loaded()
    with open_pipeline(copy.warehouse).sql_client() as client:
        for table in ("time_entries", "expenses"):
            client.execute_sql(f"delete from {table} where spent_date < '2026-02-01'")
    report = copy.verify()
    assert report.first == date(2026, 2, 1)
    missing = [one for one in report.differing if one.verdict == "missing_here" and one.figure.last < report.first]
    assert {one.figure.report for one in missing} == {"time/projects", "expenses/projects"}
    assert copy.repair().is_proven
    assert_equals_truth(copy.account, ["time_entries", "expenses"])


def test_the_pace_of_reports_is_kept_and_told_beforehand(loaded: Loaded) -> None:
    copy = loaded()
    copy.client = copy.account.client(requests_per_15_s=0, report_requests_per_15_min=10)
    said: list[str] = []
    report = copy.by_month(on_step=said.append)
    assert report.is_proven
    # 31 reports: ten at once, then ten in each quarter of an hour.
    assert report.planned_minutes == 45
    assert "asking Harvest for 31 reports, about 45 minutes" in said
    assert 45 <= copy.simulator.clock.monotonic() / 60 < 46


def test_money_that_is_rounded_once_is_found_where_the_account_tells(
    open_account: Callable[..., Account], tmp_path: Path
) -> None:
    copy = Copy(open_account(seed=4), Target(tmp_path))
    for user_id in copy.store.users:
        copy.store.restate_rate(user_id, Decimal("87.37"), date(2025, 1, 1))
    load(copy.warehouse, copy.client.settings, client=copy.client)
    report = copy.by_month()
    assert report.is_proven
    money = next(one for one in report.conventions if one.family == "money")
    assert money.accepted == "per total"
    assert money.fitting["per total"] == money.telling > 50
    assert money.fitting["per entry"] == 0
    assert any("money is rounded per total" in line for line in verify_lines(report))


def test_a_range_of_days_is_compared_with_no_day_more(loaded: Loaded) -> None:
    copy = loaded()
    january, february = (date(2026, 1, 10), date(2026, 1, 31)), (date(2026, 2, 1), date(2026, 2, 5))
    for find, expected in ((copy.by_month, {january, february}), (copy.verify, {(january[0], february[1])})):
        report = find(since="2026-01-10", until="2026-02-05")
        assert report.is_proven
        windows = {(one.figure.first, one.figure.last) for one in report.judged if one.figure.report == "time/team"}
        assert windows == expected
        assert report.calls == 1 + 7 * len(expected)


def test_what_was_never_loaded_is_not_compared(loaded: Loaded) -> None:
    copy = loaded()
    with open_pipeline(copy.warehouse).sql_client() as client:
        for table in ("time_entries", "expenses"):
            client.execute_sql(f"delete from {table} where spent_date < '2026-02-01'")
    settings = replace(copy.client.settings, start_date=date(2026, 2, 1))
    report = verify(copy.warehouse, settings, client=copy.client)
    assert report.is_proven
    assert report.first == date(2026, 2, 1)
    assert "project_budget" in report.left_out


def test_another_account_in_the_same_tables_is_left_alone(loaded: Loaded) -> None:
    copy = loaded()
    with open_pipeline(copy.warehouse).sql_client() as client:
        for table in ("time_entries", "expenses", "projects", "clients", "invoices", "task_assignments"):
            client.execute_sql(f"insert into {table} by name select * replace ('9' as account_id) from {table}")
    assert copy.verify().is_proven


def test_pages_of_a_long_report_are_followed_and_counted(loaded: Loaded) -> None:
    copy = loaded()
    copy.simulator.set_paging(most_rows=5)
    report = copy.verify()
    assert report.is_proven
    assert report.calls == len(copy.report_calls()) > report.planned_calls


def test_a_pass_through_faults_that_pass_is_exact(loaded: Loaded) -> None:
    copy = loaded()
    copy.simulator.faults.random(0.2, seed=5)
    assert copy.verify().is_proven


def test_a_figure_that_is_no_number_is_told_and_no_mismatch() -> None:
    with pytest.raises(HarvestError, match="time/team"):
        their_rows(REPORTS["time/team"], b'{"results": [{"user_id": 1, "total_hours": "many"}]}')


def test_what_was_not_loaded_is_named_and_not_compared(open_account: Callable[..., Account], tmp_path: Path) -> None:
    copy = Copy(open_account(), Target(tmp_path))
    load(copy.warehouse, copy.client.settings, ["clients", "projects", "time_entries"], client=copy.client)
    report = copy.verify()
    assert {one.figure.report for one in report.judged} == TIME
    assert set(report.left_out) == EXPENSES | {"uninvoiced", "project_budget"}
    assert report.is_proven


def test_without_anything_loaded_it_says_what_to_do(open_account: Callable[..., Account], tmp_path: Path) -> None:
    copy = Copy(open_account(), Target(tmp_path))
    with pytest.raises(NeedsYou, match="dlt-harvest load"):
        copy.verify()
    assert not copy.warehouse.file.exists()
    with pytest.raises(SettingWrong, match="lies before"):
        copy.verify(since="2026-02-01", until="2026-01-01")


def test_a_first_day_in_the_future_is_refused_with_the_reason(loaded: Loaded) -> None:
    with pytest.raises(SettingWrong, match="future"):
        loaded().verify(since="2026-03-17")


def test_a_last_day_before_all_rows_compares_its_own_month(loaded: Loaded) -> None:
    report = loaded().verify(until="1990-01-15")
    assert (report.first, report.last) == (date(1990, 1, 1), date(1990, 1, 15))
    assert report.is_proven


def test_a_last_day_before_the_first_that_is_loaded_is_refused_with_the_reason(loaded: Loaded) -> None:
    copy = loaded()
    settings = replace(copy.client.settings, start_date=date(2026, 2, 1))
    with pytest.raises(SettingWrong, match="first is 2026-02-01"):
        verify(copy.warehouse, settings, client=copy.client, until="2026-01-15")
