"""Random, believable changes across the whole account: an ordinary busy afternoon, by seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import TypeVar

from harvest_simulator import vocabulary
from harvest_simulator.changes import NotPossible
from harvest_simulator.rows import TimeEntry
from harvest_simulator.store import Store

Row = TypeVar("Row")
Act = Callable[["Disturbance"], str]


class Disturbance:
    """Draws changes and applies them to a store. Each act gives one line that says what it did."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store = store
        self.rng = Random(f"{seed}:disturbance")

    def run(self, count: int, with_deletions: bool) -> list[str]:
        """Apply `count` changes. An act that is not possible on the row it drew is drawn again."""
        acts: Sequence[Act] = (*ACTS, *DELETIONS) if with_deletions else ACTS
        done: list[str] = []
        tries = 0
        while len(done) < count and tries < count * 50 + 200:
            tries += 1
            # The first round takes every act once, so that even a short run touches all streams.
            act = acts[tries % len(acts)] if tries <= len(acts) else self.rng.choice(acts)
            try:
                done.append(act(self))
            except NotPossible:
                continue
        return done

    def pick(self, rows: Sequence[Row]) -> Row:
        """One of the rows. Raises NotPossible if there are none."""
        if not rows:
            raise NotPossible("nothing of that kind is left")
        return rows[self.rng.randrange(len(rows))]

    def entry(self) -> TimeEntry:
        """An entry, mostly a recent one."""
        entries = list(self.store.time_entries.values())
        return self.pick(entries[-400:] if self.rng.random() < 0.6 else entries)

    def word(self) -> str:
        """A short label that has not been used before."""
        return f"{self.rng.choice(vocabulary.CLIENT_FIRST_WORDS)} {self.rng.randrange(10_000)}"


def _create_entry(it: Disturbance) -> str:
    store, rng = it.store, it.rng
    active = [
        row for row in store.user_assignments.values() if row.is_active and store.projects[row.project_id].is_active
    ]
    place = it.pick(active)
    day = store.today() - timedelta(days=rng.choice((0, 0, 1, 1, 2, 5, 40, 200)))
    hours = Decimal(rng.randrange(5, 900)) / 100
    made = store.create_time_entry(place.user_id, place.project_id, None, day, hours, rng.choice(vocabulary.NOTES))
    return f"created time entry {made} on {day} with {hours} h"


def _edit_hours(it: Disturbance) -> str:
    entry = it.entry()
    hours = Decimal(it.rng.randrange(5, 900)) / 100
    return f"set hours of time entry {it.store.edit_time_entry(entry.id, hours=hours)} to {hours}"


def _edit_notes(it: Disturbance) -> str:
    return f"rewrote the note of time entry {it.store.edit_time_entry(it.entry().id, notes=it.word())}"


def _move_entry(it: Disturbance) -> str:
    entry = it.entry()
    day = entry.spent_date + timedelta(days=it.rng.choice((-45, -7, -1, 1, 3)))
    return f"moved time entry {it.store.move_to_date(entry.id, day)} to {day}"


def _move_entry_to_project(it: Disturbance) -> str:
    entry = it.entry()
    if entry.is_billed:
        raise NotPossible("billed time stays on its project")
    project_id = it.pick(
        [project.id for project in it.store.projects.values() if it.store.task_assignments_of(project.id)]
    )
    return f"moved time entry {it.store.move_to_project(entry.id, project_id)} to project {project_id}"


def _move_entry_to_task(it: Disturbance) -> str:
    entry = it.entry()
    if entry.is_billed:
        raise NotPossible("billed time stays on its task")
    task_id = it.pick([row.task_id for row in it.store.task_assignments_of(entry.project_id)])
    return f"moved time entry {it.store.move_to_task(entry.id, task_id)} to task {task_id}"


def _move_entry_to_user(it: Disturbance) -> str:
    entry = it.entry()
    if entry.timer_started_at is not None:
        raise NotPossible("a running timer stays with its person")
    user_id = it.pick(list(it.store.users))
    return f"gave time entry {it.store.move_to_user(entry.id, user_id)} to user {user_id}"


def _toggle_timer(it: Disturbance) -> str:
    running = [row for row in it.store.time_entries.values() if row.timer_started_at is not None]
    if running and it.rng.random() < 0.5:
        return f"stopped the timer of time entry {it.store.stop_timer(it.pick(running).id)}"
    today = [row for row in it.store.entries_between(it.store.today() - timedelta(days=4), None) if not row.is_billed]
    return f"started the timer of time entry {it.store.start_timer(it.pick(today).id)}"


def _approve(it: Disturbance) -> str:
    open_entries = [row for row in it.store.time_entries.values() if row.approval_status != "approved"]
    return f"approved time entry {it.store.approve_time_entry(it.pick(open_entries).id)}"


def _create_expense(it: Disturbance) -> str:
    cost = Decimal(it.rng.randrange(300, 90_000)) / 100
    category = it.pick([row.id for row in it.store.expense_categories.values() if row.is_active])
    day = it.store.today() - timedelta(days=it.rng.randrange(40))
    made = it.store.create_expense(expense_category_id=category, spent_date=day, total_cost=cost, units=Decimal(3))
    return f"created expense {made}"


def _edit_expense(it: Disturbance) -> str:
    row = it.pick(list(it.store.expenses.values()))
    return f"edited expense {it.store.edit_expense(row.id, total_cost=row.total_cost + 1, notes=it.word())}"


def _rename_client(it: Disturbance) -> str:
    return f"renamed client {it.store.rename_client(it.pick(list(it.store.clients)), it.word())}"


def _create_client(it: Disturbance) -> str:
    return f"created client {it.store.create_client(it.word(), it.rng.choice(('CAD', 'USD', 'EUR', 'GBP')))}"


def _create_contact(it: Disturbance) -> str:
    return f"created contact {it.store.create_contact(it.pick(list(it.store.clients)), it.word())}"


def _edit_contact(it: Disturbance) -> str:
    return f"edited contact {it.store.edit_contact(it.pick(list(it.store.contacts)), title=it.word())}"


def _create_project(it: Disturbance) -> str:
    project_id = it.store.create_project(it.pick(list(it.store.clients)), it.word(), code=f"N{it.rng.randrange(999)}")
    it.store.assign_user(project_id, it.pick(list(it.store.users)))
    return f"created project {project_id} and staffed it"


def _rename_project(it: Disturbance) -> str:
    return f"renamed project {it.store.rename_project(it.pick(list(it.store.projects)), it.word())}"


def _edit_budget(it: Disturbance) -> str:
    budgeted = [row.id for row in it.store.projects.values() if row.budget_by == "project"]
    return f"changed the budget of project {it.store.edit_project(it.pick(budgeted), budget=Decimal(it.rng.randrange(500)))}"


def _archive_project(it: Disturbance) -> str:
    row = it.pick(list(it.store.projects.values()))
    return f"switched is_active of project {it.store.edit_project(row.id, is_active=not row.is_active)}"


def _rename_task(it: Disturbance) -> str:
    return f"renamed task {it.store.rename_task(it.pick(list(it.store.tasks)), it.word())}"


def _create_task(it: Disturbance) -> str:
    return f"created task {it.store.create_task(it.word(), default_hourly_rate=Decimal('101.25'))}"


def _rename_user(it: Disturbance) -> str:
    return f"renamed user {it.store.rename_user(it.pick(list(it.store.users)), it.word(), 'Renamed')}"


def _hire(it: Disturbance) -> str:
    user_id = it.store.create_user(it.word(), "New", is_contractor=it.rng.random() < 0.3)
    it.store.add_billable_rate(user_id, Decimal(it.rng.randrange(80, 200)))
    return f"created user {user_id} with a rate"


def _archive_user(it: Disturbance) -> str:
    members = [row.id for row in it.store.users.values() if row.is_active and row.access_roles[0] == "member"]
    if len(members) < 3:
        raise NotPossible("too few are left")
    return f"archived user {it.store.archive_user(it.pick(members))}"


def _new_rate(it: Disturbance) -> str:
    user_id = it.pick(list(it.store.users))
    rate = Decimal(it.rng.randrange(80, 260))
    # Starts after every earlier rate, so that nothing of the schedule vanishes.
    known = [row.start_date for row in it.store.billable_rates.get(user_id, ()) if row.start_date is not None]
    start = max([it.store.today(), *known]) + timedelta(days=1)
    return f"gave user {user_id} billable rate {it.store.add_billable_rate(user_id, rate, start)} from {start}"


def _new_cost(it: Disturbance) -> str:
    user_id = it.pick(list(it.store.users))
    known = [row.start_date for row in it.store.cost_rates.get(user_id, ()) if row.start_date is not None]
    start = max([it.store.today(), *known]) + timedelta(days=1)
    made = it.store.add_cost_rate(user_id, Decimal(it.rng.randrange(30, 99)), start)
    return f"gave user {user_id} cost rate {made} from {start}"


def _edit_role(it: Disturbance) -> str:
    role_id = it.pick(list(it.store.roles))
    holders = sorted(it.rng.sample(list(it.store.users), 2))
    return f"gave role {it.store.edit_role(role_id, user_ids=holders)} to users {holders}"


def _edit_assignment(it: Disturbance) -> str:
    row = it.pick(list(it.store.user_assignments.values()))
    return f"switched is_active of user assignment {it.store.edit_user_assignment(row.id, is_active=not row.is_active)}"


def _edit_task_assignment(it: Disturbance) -> str:
    row = it.pick(list(it.store.task_assignments.values()))
    made = it.store.edit_task_assignment(row.id, hourly_rate=Decimal(it.rng.randrange(60, 200)))
    return f"changed the rate of task assignment {made}"


def _bill(it: Disturbance) -> str:
    clients = [row.id for row in it.store.clients.values() if row.is_active]
    return f"billed all open work in invoice {it.store.create_invoice(it.pick(clients))}"


def _send_invoice(it: Disturbance) -> str:
    drafts = [row.id for row in it.store.invoices.values() if row.state == "draft"]
    return f"sent invoice {it.store.send_invoice(it.pick(drafts))}"


def _pay(it: Disturbance) -> str:
    invoice_id = it.pick([row.id for row in it.store.invoices.values() if row.state == "open"])
    return f"paid invoice {invoice_id} with payment {it.store.pay_invoice(invoice_id)}"


def _write_off(it: Disturbance) -> str:
    return f"wrote off invoice {it.store.write_off_invoice(it.pick(_invoices_in(it, 'open')))}"


def _reopen(it: Disturbance) -> str:
    return f"re-opened invoice {it.store.reopen_invoice(it.pick(_invoices_in(it, 'closed')))}"


def _edit_invoice(it: Disturbance) -> str:
    return (
        f"rewrote the subject of invoice {it.store.edit_invoice(it.pick(list(it.store.invoices)), subject=it.word())}"
    )


def _edit_lines(it: Disturbance) -> str:
    invoice = it.store.invoices[it.pick(_invoices_in(it, "draft"))]
    extra = it.store.new_invoice_line(it.word(), Decimal("1.5"), Decimal("80.25"))
    return f"added a line to invoice {it.store.set_invoice_lines(invoice.id, [*invoice.lines, extra])}"


def _remind(it: Disturbance) -> str:
    return f"sent reminder {it.store.remind(it.pick(_invoices_in(it, 'open')))}"


def _estimate(it: Disturbance) -> str:
    estimate_id = it.store.create_estimate(it.pick(list(it.store.clients)))
    return f"created and sent estimate {it.store.send_estimate(estimate_id)}"


def _accept(it: Disturbance) -> str:
    sent = [row.id for row in it.store.estimates.values() if row.state == "sent"]
    return f"accepted estimate {it.store.accept_estimate(it.pick(sent))}"


def _categories(it: Disturbance) -> str:
    category = it.pick(list(it.store.expense_categories))
    it.store.edit_expense_category(category, name=it.word())
    it.store.edit_invoice_item_category(it.pick(list(it.store.invoice_item_categories)), name=it.word())
    it.store.edit_estimate_item_category(it.pick(list(it.store.estimate_item_categories)), name=it.word())
    return f"renamed expense category {category} and two item categories"


def _invoices_in(it: Disturbance, state: str) -> list[int]:
    return [row.id for row in it.store.invoices.values() if row.state == state]


def _delete_entry(it: Disturbance) -> str:
    return f"deleted time entry {it.store.delete_time_entry(it.entry().id)}"


def _delete_expense(it: Disturbance) -> str:
    return f"deleted expense {it.store.delete_expense(it.pick(list(it.store.expenses)))}"


def _delete_invoice(it: Disturbance) -> str:
    return f"deleted invoice {it.store.delete_invoice(it.pick(list(it.store.invoices)))}"


def _delete_payment(it: Disturbance) -> str:
    payments = [row.id for rows in it.store.invoice_payments.values() for row in rows]
    return f"deleted payment {it.store.delete_payment(it.pick(payments))}"


def _delete_message(it: Disturbance) -> str:
    messages = [row.id for rows in it.store.invoice_messages.values() for row in rows]
    return f"deleted invoice message {it.store.delete_invoice_message(it.pick(messages))}"


def _delete_estimate(it: Disturbance) -> str:
    return f"deleted estimate {it.store.delete_estimate(it.pick(list(it.store.estimates)))}"


def _delete_contact(it: Disturbance) -> str:
    return f"deleted contact {it.store.delete_contact(it.pick(list(it.store.contacts)))}"


def _delete_project(it: Disturbance) -> str:
    if len(it.store.projects) < 6:
        raise NotPossible("too few are left")
    return f"deleted project {it.store.delete_project(it.pick(list(it.store.projects)))} with its time and expenses"


def _delete_client(it: Disturbance) -> str:
    used = it.store.clients_in_use()
    return f"deleted client {it.store.delete_client(it.pick([i for i in it.store.clients if i not in used]))}"


def _replace_rates(it: Disturbance) -> str:
    user_id = it.pick([user_id for user_id, rates in it.store.billable_rates.items() if len(rates) > 1])
    return f"replaced all rates of user {user_id} by {it.store.add_billable_rate(user_id, Decimal(111))}"


ACTS: tuple[Act, ...] = (
    _create_entry,
    _edit_hours,
    _edit_notes,
    _move_entry,
    _move_entry_to_project,
    _move_entry_to_task,
    _move_entry_to_user,
    _toggle_timer,
    _approve,
    _create_expense,
    _edit_expense,
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
    _bill,
    _send_invoice,
    _pay,
    _write_off,
    _reopen,
    _edit_invoice,
    _edit_lines,
    _remind,
    _estimate,
    _accept,
    _categories,
)
DELETIONS: tuple[Act, ...] = (
    _delete_entry,
    _delete_expense,
    _delete_invoice,
    _delete_payment,
    _delete_message,
    _delete_estimate,
    _delete_contact,
    _delete_project,
    _delete_client,
    _replace_rates,
)
