"""Changes move updated_at where Harvest was seen to move it and nowhere else, and keep the account consistent."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from harvest_simulator import Simulator
from harvest_simulator.account.conventions import Conventions
from harvest_simulator.changes.changes import NotPossible

NOW = "2026-03-16T11:00:00Z"
Rows = dict[Any, dict[str, Any]]


@pytest.fixture
def sim() -> Simulator:
    """Two hours later, so that what is changed now is told from what was there."""
    sim = Simulator(size="tiny")
    sim.clock.sleep(7_200)
    return sim


def by_key(sim: Simulator) -> dict[str, Rows]:
    """Stream to records by key. Running timers grow by themselves: both sides are read at the same instant."""
    parents = ("invoice_id", "estimate_id", "user_id", "manager_user_id")
    return {
        name: {(row.get("id"), *(row.get(parent) for parent in parents)): row for row in rows}
        for name, rows in sim.truth().items()
    }


def moved(before: dict[str, Rows], after: dict[str, Rows]) -> set[str]:
    """Streams in which some surviving row has another updated_at."""
    return {
        name
        for name, rows in after.items()
        for key, row in rows.items()
        if key in before[name] and row.get("updated_at") != before[name][key].get("updated_at")
    }


def changed(before: dict[str, Rows], after: dict[str, Rows]) -> set[str]:
    """Streams in which some surviving row has other content."""
    return {
        name
        for name, rows in after.items()
        for key, row in rows.items()
        if key in before[name] and row != before[name][key]
    }


def new(before: dict[str, Rows], after: dict[str, Rows]) -> set[str]:
    return {name for name, rows in after.items() if rows.keys() - before[name].keys()}


def gone(before: dict[str, Rows], after: dict[str, Rows]) -> set[str]:
    return {name for name, rows in before.items() if rows.keys() - after[name].keys()}


def entry_of(sim: Simulator, **wanted: Any) -> int:
    """An entry of the account that is stopped, open, and has the wanted values."""
    for row in sim.truth()["time_entries"]:
        is_free = not row["is_running"] and not row["is_billed"] and row["user_assignment"]
        if is_free and all(row[key] == value for key, value in wanted.items()):
            return int(row["id"])
    raise AssertionError("no such entry")


def invoice_of(sim: Simulator, state: str) -> int:
    return int(next(row["id"] for row in sim.truth()["invoices"] if row["state"] == state and not row["retainer"]))


def busy_client(sim: Simulator) -> int:
    """A client with unbilled work."""
    return max(sim.store.clients, key=lambda client_id: len(sim.store.unbilled_work(client_id)[0]))


Act = Callable[[Simulator], Any]
# What is done, and the streams whose existing rows move by it.
MOVES: dict[str, tuple[Act, set[str]]] = {
    "a new time entry": (lambda sim: sim.store.create_time_entry(), set()),
    "edited hours": (lambda sim: sim.store.edit_time_entry(entry_of(sim), hours=9.25), {"time_entries"}),
    "an entry on another day": (lambda sim: sim.store.move_to_date(entry_of(sim), date(2026, 1, 2)), {"time_entries"}),
    "a deleted entry": (lambda sim: sim.store.delete_time_entry(entry_of(sim)), set()),
    "a started timer": (lambda sim: sim.store.start_timer(entry_of(sim, spent_date="2026-03-13")), {"time_entries"}),
    "a new expense": (lambda sim: sim.store.create_expense(), set()),
    "an edited expense": (
        lambda sim: sim.store.edit_expense(next(iter(sim.store.expenses)), notes="new"),
        {"expenses"},
    ),
    "a renamed client": (lambda sim: sim.store.rename_client(busy_client(sim), "New name"), {"clients"}),
    "a renamed project": (
        lambda sim: sim.store.rename_project(next(iter(sim.store.projects)), "New name"),
        {"projects"},
    ),
    "a renamed task": (lambda sim: sim.store.rename_task(next(iter(sim.store.tasks)), "New name"), {"tasks"}),
    "a renamed user": (
        lambda sim: sim.store.rename_user(list(sim.store.users)[2], "New", "Name"),
        {"users"},
    ),
    "a new contact": (lambda sim: sim.store.create_contact(busy_client(sim), "Ann"), {"clients"}),
    "a new project": (lambda sim: sim.store.create_project(busy_client(sim), "New"), {"clients"}),
    "a new estimate": (lambda sim: sim.store.create_estimate(busy_client(sim)), set()),
    "a new invoice": (
        lambda sim: sim.store.create_invoice(busy_client(sim)),
        {"clients", "time_entries", "expenses"},
    ),
    "a payment": (lambda sim: sim.store.pay_invoice(invoice_of(sim, "open"), Decimal(1)), {"invoices"}),
    "a reminder": (lambda sim: sim.store.remind(invoice_of(sim, "open")), set()),
    "a sent invoice": (lambda sim: sim.store.send_invoice(invoice_of(sim, "draft")), {"invoices"}),
    "a write-off": (lambda sim: sim.store.write_off_invoice(invoice_of(sim, "open")), {"invoices"}),
    "a re-opened invoice": (lambda sim: sim.store.reopen_invoice(invoice_of(sim, "paid")), {"invoices"}),
    "an assignment's rate": (
        lambda sim: sim.store.set_assignment_rate(next(iter(sim.store.user_assignments)), Decimal(77)),
        set(),
    ),
    "a restated rate": (
        lambda sim: [sim.store.restate_rate(u, Decimal("33.33"), date(2025, 12, 1)) for u in sim.store.users],
        set(),
    ),
    "a new dated rate": (
        lambda sim: sim.store.add_billable_rate(list(sim.store.users)[2], Decimal(200), date(2026, 3, 1)),
        {"user_billable_rates"},
    ),
    "a role for others": (
        lambda sim: sim.store.edit_role(next(iter(sim.store.roles)), user_ids=[list(sim.store.users)[3]]),
        {"roles"},
    ),
    "a deleted project": (
        lambda sim: sim.store.delete_project(sim.store.time_entries[entry_of(sim)].project_id),
        set(),
    ),
}


@pytest.mark.parametrize("name", MOVES)
def test_a_change_moves_updated_at_of_the_rows_that_harvest_moves_and_of_no_other(sim: Simulator, name: str) -> None:
    act, expected = MOVES[name]
    before = by_key(sim)
    act(sim)
    after = by_key(sim)
    # The mirror of an assignment, and the caller's own user, show what their originals do.
    mirrors = {"user_project_assignments", "users_me"}
    assert moved(before, after) - mirrors == expected
    for stream in expected:
        assert any(row["updated_at"] == NOW for row in after[stream].values())


def test_a_rename_shows_at_once_in_rows_that_did_not_move(sim: Simulator) -> None:
    client_id = busy_client(sim)
    before = by_key(sim)
    sim.store.rename_client(client_id, "Renamed & Co")
    after = by_key(sim)
    assert changed(before, after) >= {"clients", "time_entries", "projects", "invoices", "contacts"}
    assert moved(before, after) == {"clients"}
    names = {row["client"]["name"] for row in after["time_entries"].values() if row["client"]["id"] == client_id}
    assert names == {"Renamed & Co"}


def test_a_silent_change_shows_in_the_content_and_not_in_updated_at(sim: Simulator) -> None:
    before = by_key(sim)
    assert sum(sim.store.restate_rate(user, Decimal("33.33"), date(2025, 12, 1)) for user in sim.store.users) > 10
    after = by_key(sim)
    assert changed(before, after) == {"time_entries"}
    assert moved(before, after) == set()


def test_a_running_timer_grows_with_the_clock_and_does_not_move(sim: Simulator) -> None:
    def running() -> dict[str, Any]:
        return next(row for row in sim.truth()["time_entries"] if row["is_running"])

    first = running()
    sim.clock.sleep(5_400)
    second = running()
    assert second["hours"] - first["hours"] == Decimal("1.5")
    assert second["rounded_hours"] > first["rounded_hours"]
    assert second["hours_without_timer"] == first["hours_without_timer"]
    assert second["updated_at"] == first["updated_at"]


def test_a_stopped_timer_keeps_its_hours(sim: Simulator) -> None:
    row = next(row for row in sim.truth()["time_entries"] if row["is_running"])
    sim.store.stop_timer(row["id"])
    sim.clock.sleep(9_000)
    stopped = next(r for r in sim.truth()["time_entries"] if r["id"] == row["id"])
    assert (stopped["hours"], stopped["hours_without_timer"]) == (row["hours"], row["hours"])
    assert (stopped["is_running"], stopped["timer_started_at"]) == (False, None)


def test_one_person_has_one_running_timer(sim: Simulator) -> None:
    running = next(row for row in sim.truth()["time_entries"] if row["is_running"])
    other = entry_of(sim, user=running["user"])
    sim.store.start_timer(other)
    now_running = {r["id"] for r in sim.truth()["time_entries"] if r["is_running"] and r["user"] == running["user"]}
    assert now_running == {other}


def test_an_entry_that_moves_takes_the_rates_and_flags_of_its_new_place(sim: Simulator) -> None:
    internal = next(row["id"] for row in sim.truth()["projects"] if row["name"] == "Internal")
    entry_id = entry_of(sim, billable=True)
    sim.store.move_to_project(entry_id, internal)
    row = next(row for row in sim.truth()["time_entries"] if row["id"] == entry_id)
    assert (row["billable"], row["billable_rate"], row["project"]["name"]) == (False, None, "Internal")


def test_deleting_a_project_takes_its_time_and_expenses_and_unlinks_invoice_lines(sim: Simulator) -> None:
    project_id = next(
        line["project"]["id"]
        for row in sim.truth()["invoices"]
        for line in row["line_items"]
        if line["project"] and line["kind"] == "Product"
    )
    before = by_key(sim)
    sim.store.delete_project(project_id)
    after = by_key(sim)
    assert gone(before, after) >= {"projects", "time_entries", "expenses", "user_assignments", "task_assignments"}
    assert len(after["invoices"]) == len(before["invoices"])
    for name in ("time_entries", "expenses", "user_assignments", "task_assignments"):
        assert all(row["project"]["id"] != project_id for row in after[name].values())
    lines = [line for row in after["invoices"].values() for line in row["line_items"]]
    assert all(line["project"] is None or line["project"]["id"] != project_id for line in lines)
    assert [row["amount"] for row in after["invoices"].values()] == [r["amount"] for r in before["invoices"].values()]


def test_a_client_with_projects_or_invoices_cannot_be_deleted(sim: Simulator) -> None:
    with pytest.raises(NotPossible):
        sim.store.delete_client(busy_client(sim))
    client_id = sim.store.create_client("Short-lived")
    sim.store.create_contact(client_id, "Ann")
    before = by_key(sim)
    sim.store.delete_client(client_id)
    assert gone(before, by_key(sim)) == {"clients", "contacts"}


def test_people_and_tasks_with_tracked_time_cannot_be_deleted(sim: Simulator) -> None:
    entry = sim.store.time_entries[entry_of(sim)]
    with pytest.raises(NotPossible):
        sim.store.delete_user(entry.user_id)
    with pytest.raises(NotPossible):
        sim.store.delete_task(entry.task_id)


@pytest.mark.parametrize("moves", [True, False], ids=["and moves it", "and leaves no trace"])
def test_an_invoice_bills_all_open_work_and_its_deletion_opens_it_again(sim: Simulator, moves: bool) -> None:
    sim.store.conventions = Conventions(moves_what_is_given_back=moves)
    client_id = busy_client(sim)
    entries, expenses = sim.store.unbilled_work(client_id)
    assert entries
    invoice_id = sim.store.create_invoice(client_id)
    truth = sim.truth()
    billed = {r["id"] for r in truth["time_entries"] if r["invoice"] and r["invoice"]["id"] == invoice_id}
    assert billed == {row.id for row in entries}
    invoice = next(row for row in truth["invoices"] if row["id"] == invoice_id)
    hours = sum((row["rounded_hours"] for row in truth["time_entries"] if row["id"] in billed), Decimal(0))
    assert sum((ln["quantity"] for ln in invoice["line_items"] if ln["kind"] == "Service"), Decimal(0)) == hours
    assert len(expenses) == sum(1 for r in truth["expenses"] if r["invoice"] and r["invoice"]["id"] == invoice_id)
    billed_at = {row["updated_at"] for row in truth["time_entries"] if row["id"] in billed}
    assert billed_at == {NOW}, "being billed moves it"
    sim.clock.sleep(60)
    sim.store.delete_invoice(invoice_id)
    open_again = [row for row in sim.truth()["time_entries"] if row["id"] in billed]
    at = "2026-03-16T11:01:00Z" if moves else NOW
    assert {(row["is_billed"], row["invoice"], row["updated_at"]) for row in open_again} == {(False, None, at)}
    assert "Item Invoiced and Locked for this Time Period" not in {row["locked_reason"] for row in open_again}


def test_the_life_of_an_invoice(sim: Simulator) -> None:
    def now() -> dict[str, Any]:
        return next(row for row in sim.truth()["invoices"] if row["id"] == invoice_id)

    invoice_id = sim.store.create_invoice(sim.store.create_client("Fresh", "EUR"))
    assert (now()["state"], now()["sent_at"], now()["currency"], now()["amount"]) == (
        "draft",
        None,
        "EUR",
        Decimal("1250.50"),
    )
    sim.store.send_invoice(invoice_id)
    assert (now()["state"], now()["sent_at"]) == ("open", NOW)
    payment_id = sim.store.pay_invoice(invoice_id, Decimal("250.50"))
    assert (now()["state"], now()["due_amount"]) == ("open", Decimal(1000))
    sim.store.pay_invoice(invoice_id)
    assert (now()["state"], now()["due_amount"], now()["paid_date"]) == ("paid", 0, "2026-03-16")
    sim.store.delete_payment(payment_id)
    assert (now()["state"], now()["due_amount"], now()["paid_date"]) == ("open", Decimal("250.50"), None)
    sim.store.write_off_invoice(invoice_id)
    assert (now()["state"], now()["closed_at"]) == ("closed", NOW)
    sim.store.reopen_invoice(invoice_id)
    assert (now()["state"], now()["closed_at"]) == ("open", None)
    events = [m["event_type"] for m in sim.truth()["invoice_messages"] if m["invoice_id"] == invoice_id]
    assert sorted(map(str, events)) == ["None", "close", "re-open"]


def test_the_life_of_an_estimate(sim: Simulator) -> None:
    def now() -> tuple[str, Any, Any]:
        row = next(row for row in sim.truth()["estimates"] if row["id"] == estimate_id)
        return row["state"], row["accepted_at"], row["declined_at"]

    estimate_id = sim.store.create_estimate(busy_client(sim))
    assert now() == ("draft", None, None)
    with pytest.raises(NotPossible):
        sim.store.accept_estimate(estimate_id)
    sim.store.send_estimate(estimate_id)
    sim.store.accept_estimate(estimate_id)
    assert now() == ("accepted", NOW, None)
    sim.store.reopen_estimate(estimate_id)
    sim.store.decline_estimate(estimate_id)
    assert now() == ("declined", None, NOW)
    sim.store.delete_estimate(estimate_id)
    assert all(message["estimate_id"] != estimate_id for message in sim.truth()["estimate_messages"])


def test_an_earlier_rate_replaces_the_later_ones(sim: Simulator) -> None:
    user_id = sim.store.create_user("Ann", "Lee")
    for amount, start in ((100, None), (110, date(2026, 1, 1)), (120, date(2026, 2, 1))):
        sim.store.add_billable_rate(user_id, Decimal(amount), start)
    sim.store.add_billable_rate(user_id, Decimal(130), date(2026, 1, 15))
    rates = [row for row in sim.truth()["user_billable_rates"] if row["user_id"] == user_id]
    assert [(row["amount"], row["start_date"], row["end_date"]) for row in rates] == [
        (100, None, "2025-12-31"),
        (110, "2026-01-01", "2026-01-14"),
        (130, "2026-01-15", None),
    ]
    assert next(row for row in sim.truth()["users"] if row["id"] == user_id)["default_hourly_rate"] == 130


def test_an_unknown_field_is_refused(sim: Simulator) -> None:
    with pytest.raises(TypeError):
        sim.store.edit_client(busy_client(sim), nmae="typo")


def test_random_changes_are_the_same_for_the_same_seed_and_touch_all_streams() -> None:
    one, two = Simulator(size="tiny"), Simulator(size="tiny")
    one.clock.sleep(60)
    two.clock.sleep(60)
    before = by_key(one)
    said = one.mutate(150, seed=4)
    assert len(said) == 150
    assert two.mutate(150, seed=4) == said
    assert one.truth() == two.truth()
    after = by_key(one)
    # Nothing changes the company, its teams, or the dates of rates in the past.
    assert new(before, after) | changed(before, after) >= set(after) - {"company", "users_me", "user_teammates"}


@pytest.mark.parametrize("seed", range(4))
def test_without_deletions_no_row_vanishes_and_with_them_rows_do(seed: int) -> None:
    sim = Simulator(size="tiny", seed=seed)
    before = by_key(sim)
    sim.mutate(200, seed)
    assert gone(before, by_key(sim)) <= {"user_project_assignments"}
    before = by_key(sim)
    sim.mutate(200, seed, deletions=True)
    assert gone(before, by_key(sim)) >= {"time_entries", "expenses", "invoices", "projects", "user_billable_rates"}


@pytest.mark.parametrize("seed", range(3))
def test_the_account_holds_together_after_any_changes(seed: int) -> None:
    sim = Simulator(size="tiny", seed=seed)
    sim.clock.sleep(timedelta(days=2).total_seconds())
    sim.mutate(300, seed, deletions=True)
    truth = sim.truth()
    paid: dict[int, Decimal] = {}
    for row in truth["invoice_payments"]:
        paid[row["invoice_id"]] = paid.get(row["invoice_id"], Decimal(0)) + row["amount"]
    assert paid.keys() <= {row["id"] for row in truth["invoices"]}
    for row in truth["invoices"]:
        if row["state"] != "closed":
            assert row["due_amount"] == row["amount"] - paid.get(row["id"], 0)
    invoice_ids = {row["id"] for row in truth["invoices"]}
    for row in truth["time_entries"]:
        assert row["invoice"] is None or row["invoice"]["id"] in invoice_ids
        assert row["created_at"] <= row["updated_at"] <= "2026-03-18T09:00:00Z"
    running = [row["user"]["id"] for row in truth["time_entries"] if row["is_running"]]
    assert len(running) == len(set(running))
    names = {row["id"]: row["name"] for row in truth["projects"]}
    assert all(names[row["project"]["id"]] == row["project"]["name"] for row in truth["time_entries"])


def test_a_change_that_is_committed_late_bears_the_instant_at_which_it_was_begun() -> None:
    simulator = Simulator(size="tiny")
    store, now = simulator.store, simulator.clock.now_seconds()
    with store.committing_late(600):
        late_id = store.create_time_entry()
    prompt_id = store.create_time_entry()
    assert store.time_entries[late_id].updated_at == store.time_entries[late_id].created_at == now - 600
    assert store.time_entries[prompt_id].updated_at == now
