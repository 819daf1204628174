"""What vanishes from Harvest is found, for few requests, and moved with its content; what lives stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from harvest_simulator import Fault
from harvest_simulator.http.request_log import Request
from harvest_warehouse.database.opening import open_database
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.load import load
from harvest_warehouse.sync import sync
from harvest_warehouse.warehouse import Target
from support.accounts import Account, assert_equals_truth, deletions, some_ids, sync_from

OpenAccount = Callable[..., Account]


def test_a_first_sync_finds_nothing_and_says_that_all_is_equal(open_account: OpenAccount, tmp_path: Path) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    report = sync_from(account, warehouse)
    assert report.is_equal
    assert account.rows("harvest_deletions") == []
    assert_equals_truth(account)


def test_where_nothing_vanished_a_list_costs_one_request(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    report = sync_from(account, warehouse)
    assert report.sweep is not None
    assert {swept.stream: swept.requests for swept in report.sweep.streams} == dict.fromkeys(
        (swept.stream for swept in report.sweep.streams), 1
    )
    assert len(report.sweep.streams) == 13
    assert report.is_equal


def test_invoices_of_an_account_without_estimates_and_projects_are_not_read_again_in_each_sync(
    open_account: OpenAccount, tmp_path: Path
) -> None:
    account, warehouse = open_account(empty=True), Target(tmp_path)
    account.simulator.store.create_invoice(account.simulator.store.create_client("The one client"))
    account.simulator.clock.sleep(86_400)
    steps: list[str] = []
    assert sync_from(account, warehouse, on_step=steps.append).is_equal
    assert steps
    assert "reading again what the load left out" not in steps


def test_deleted_rows_go_to_harvest_deletions_with_their_content(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    entry_id, *_ = some_ids(account, "time_entries", 3)
    expense_id, *_ = some_ids(account, "expenses", 3)
    before = {row["id"]: row for row in account.rows("time_entries")}[entry_id]
    account.simulator.store.delete_time_entry(entry_id)
    account.simulator.store.delete_expense(expense_id)
    report = sync_from(account, warehouse)
    assert report.is_equal
    assert set(deletions(account)) == {("time_entries", str(entry_id)), ("expenses", str(expense_id))}
    row = deletions(account)[("time_entries", str(entry_id))]
    content = json.loads(row["content"])
    assert content["notes"] == before["notes"]
    assert content["spent_date"] == before["spent_date"].isoformat()
    assert content["client__name"] == before["client__name"]
    assert not [name for name in content if name.startswith("_dlt")]
    assert row["run_id"] == report.load.run_id  # type: ignore[union-attr]
    assert_equals_truth(account)


def test_an_invoice_goes_with_its_lines_payments_and_messages(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    truth = account.simulator.truth()
    invoice = next(
        row for row in truth["invoices"] if row["id"] in {p["invoice_id"] for p in truth["invoice_payments"]}
    )
    payments = [row["id"] for row in truth["invoice_payments"] if row["invoice_id"] == invoice["id"]]
    account.simulator.store.delete_invoice(invoice["id"])
    assert sync_from(account, warehouse).is_equal
    found = deletions(account)
    content = json.loads(found["invoices", str(invoice["id"])]["content"])
    assert [line["id"] for line in content["line_items"]] == [line["id"] for line in invoice["line_items"]]
    for payment in payments:
        assert found["invoice_payments", f"{invoice['id']}/{payment}"]["because_of"] == f"invoices/{invoice['id']}"
    assert_equals_truth(account)


def test_a_deleted_project_takes_its_time_and_expenses_and_its_lines_lose_it(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    truth = account.simulator.truth()
    project_id = next(
        line["project"]["id"] for row in truth["invoices"] for line in row["line_items"] if line["project"]
    )
    entries = {str(row["id"]) for row in truth["time_entries"] if row["project"]["id"] == project_id}
    account.simulator.store.delete_project(project_id)
    report = sync_from(account, warehouse, accept_deletions=True)
    assert report.is_equal
    found = deletions(account)
    assert {key for table, key in found if table == "time_entries"} == entries
    assert {row["because_of"] for (table, _), row in found.items() if table == "time_entries"} == {
        f"projects/{project_id}"
    }
    assert_equals_truth(account)


@pytest.mark.by_day(1)
@pytest.mark.parametrize("seed", range(3))
def test_every_kind_of_deletion_ends_equal_to_the_truth(synced: tuple[Account, Target], seed: int) -> None:
    account, warehouse = synced
    account.simulator.clock.sleep(7_200)
    account.simulator.mutate(80, seed=seed, deletions=True)
    sync_from(account, warehouse, accept_deletions=True)
    assert_equals_truth(account)
    assert deletions(account)


@pytest.mark.nightly
def test_what_is_replaced_with_its_parent_is_noted_too(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    payment = account.simulator.truth()["invoice_payments"][0]
    role_id = account.simulator.truth()["roles"][0]["id"]
    account.simulator.store.delete_payment(payment["id"])
    account.simulator.store.delete_role(role_id)
    report = sync_from(account, warehouse)
    assert report.replaced == {"invoice_payments": 1, "roles": 1}
    assert set(deletions(account)) == {
        ("invoice_payments", f"{payment['invoice_id']}/{payment['id']}"),
        ("roles", str(role_id)),
    }
    assert_equals_truth(account)
    assert not [table for table in account.tables() if table.startswith("harvest_before")]


@pytest.mark.nightly
def test_a_line_loses_a_project_that_was_deleted_before_we_ever_saw_it(
    open_account: OpenAccount, tmp_path: Path
) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    account.simulator.enforce_limits = False
    client = account.client(requests_per_15_s=0)
    load(warehouse, client.settings, ["invoices"], client=client)
    account.simulator.clock.sleep(86_400)
    store = account.simulator.store
    project_id = next(line.project_id for row in store.invoices.values() for line in row.lines if line.project_id)
    store.delete_project(project_id)
    sync_from(account, warehouse)
    assert project_id not in {row.get("project__id") for row in account.rows("invoices__line_items")}
    assert_equals_truth(account)


@pytest.mark.nightly
def test_a_deleted_person_goes_with_rates_and_assignments(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    store = account.simulator.store
    user_id = store.create_user("Short", "Stay")
    rate_id = store.add_billable_rate(user_id, Decimal(90))
    store.assign_user(next(iter(store.projects)), user_id)
    sync_from(account, warehouse)
    assert (user_id, rate_id) in {(row["user_id"], row["id"]) for row in account.rows("user_billable_rates")}
    account.simulator.clock.sleep(3_600)
    store.delete_user(user_id)
    sync_from(account, warehouse)
    assert_equals_truth(account)
    assert ("user_billable_rates", f"{user_id}/{rate_id}") in deletions(account)


@pytest.mark.nightly
def test_what_came_while_it_was_read_and_went_before_the_next_sync_leaves_nothing(
    synced: tuple[Account, Target],
) -> None:
    account, warehouse = synced
    store = account.simulator.store
    client_id = account.simulator.truth()["clients"][0]["id"]
    made: list[int] = []

    def make(request: Request) -> bool:
        # The list was read; now it is asked for once more, for whose messages there may be.
        if request.path == "/v2/estimates" and "updated_since" not in request.query and not made:
            made.append(store.create_estimate(client_id))
            store.send_estimate(made[0])
        return False

    account.simulator.faults.at(make, Fault.FORBIDDEN)
    sync_from(account, warehouse)
    messages = [row["id"] for row in account.rows("estimate_messages") if row["estimate_id"] in made]
    assert len(messages) == 1
    assert deletions(account) == {}, "it lives"
    account.simulator.faults.clear()
    store.delete_estimate(made[0])
    account.simulator.clock.sleep(3_600)
    assert sync_from(account, warehouse).is_equal
    assert_equals_truth(account)
    [gone] = deletions(account).values()
    assert (gone["table_name"], gone["because_of"]) == ("estimate_messages", f"estimates/{made[0]}")


def test_too_much_at_once_stops_and_says_how_to_go_on(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    before = account.rows("time_entries")
    for entry_id in some_ids(account, "time_entries", 51 + len(before) // 20):
        account.simulator.store.delete_time_entry(entry_id)
    client_id = account.simulator.store.create_client("Soon gone")
    sync_from(account, warehouse)
    account.simulator.store.delete_client(client_id)
    report = sync_from(account, warehouse)
    assert [swept.stream for swept in report.sweep.too_many] == ["time_entries"]  # type: ignore[union-attr]
    assert not report.is_equal
    assert len(account.rows("time_entries")) == len(before)
    assert deletions(account) == {}
    assert sync_from(account, warehouse, accept_deletions=True).is_equal
    assert_equals_truth(account)


@pytest.mark.parametrize("fault", [Fault.FORBIDDEN])
def test_a_list_that_was_skipped_is_not_swept_and_nothing_else_is(synced: tuple[Account, Target], fault: Fault) -> None:
    account, warehouse = synced
    for stream in ("time_entries", "expenses"):
        delete = {"time_entries": account.simulator.store.delete_time_entry}.get(
            stream, account.simulator.store.delete_expense
        )
        delete(some_ids(account, stream, 1)[0])
    account.simulator.faults.at(lambda request: request.path.endswith("/expenses"), fault, times=99)
    report = sync_from(account, warehouse)
    assert report.sweep is None
    assert "expenses cannot be read any more" in report.lost[0]
    assert deletions(account) == {}
    account.simulator.faults.clear()
    assert sync_from(account, warehouse).is_equal
    assert len(deletions(account)) == 2


def test_a_deletion_and_a_creation_between_load_and_sweep_do_not_hide_each_other(
    synced: tuple[Account, Target],
) -> None:
    account, warehouse = synced
    store = account.simulator.store
    gone, later = some_ids(account, "time_entries", 2)
    store.delete_time_entry(gone)
    # Somebody is at work while it runs.
    store.edit_time_entry(later, notes="at work")

    def between(request: Any) -> bool:
        is_count = request.path.endswith("/time_entries") and request.query.get("per_page") == "1"
        if is_count and not created:
            created.append(store.create_time_entry())
        return False

    created: list[int] = []
    account.simulator.faults.at(between, Fault.FORBIDDEN)
    report = sync_from(account, warehouse)
    assert created
    assert ("time_entries", str(gone)) in deletions(account)
    assert {swept.vanished for swept in report.sweep.streams if swept.stream == "time_entries"} == {1}  # type: ignore[union-attr]
    account.simulator.faults.clear()
    sync_from(account, warehouse)
    assert_equals_truth(account)


@pytest.mark.nightly
def test_a_row_that_moves_to_another_day_while_it_is_looked_for_stays(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    store = account.simulator.store
    gone, *moving = some_ids(account, "time_entries", 12)
    store.delete_time_entry(gone)
    asked: list[str] = []

    def move(request: Any) -> bool:
        # Before each page of ids and each count of the sweep, one more row goes to another day.
        if request.path.endswith("/time_entries") and asked and moving:
            account.simulator.clock.sleep(1)
            row_id = moving.pop()
            day = date.fromisoformat(
                next(row["spent_date"] for row in account.simulator.truth()["time_entries"] if row["id"] == row_id)
            )
            store.move_to_date(row_id, day - timedelta(days=200))
        if request.query.get("per_page") == "1" and request.path.endswith("/time_entries"):
            asked.append(request.path)
        return False

    account.simulator.faults.at(move, Fault.FORBIDDEN)
    for _ in range(3):
        sync_from(account, warehouse)
        account.simulator.clock.sleep(60)
    account.simulator.faults.clear()
    sync_from(account, warehouse)
    assert set(deletions(account)) == {("time_entries", str(gone))}
    assert not moving
    assert_equals_truth(account)


def test_a_row_that_was_committed_later_than_any_overlap_reaches_is_brought(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    new = account.simulator.store.create_time_entry()
    # As if it had been written long before the last run, and become visible only now.
    row = account.simulator.store.time_entries[new]
    row.created_at = row.updated_at = row.updated_at - 100 * 86_400
    report = sync_from(account, warehouse)
    assert {swept.stream: swept.missing for swept in report.sweep.streams if swept.missing} == {"time_entries": 1}  # type: ignore[union-attr]
    assert report.is_equal
    assert_equals_truth(account)


@pytest.mark.nightly
def test_rows_before_the_start_date_are_left_alone(open_account: OpenAccount, tmp_path: Path) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    sync_from(account, warehouse)
    account.simulator.clock.sleep(3_600)
    entries = sorted(account.simulator.truth()["time_entries"], key=lambda row: row["spent_date"])
    account.simulator.store.delete_time_entry(entries[0]["id"])
    account.simulator.store.delete_time_entry(entries[-5]["id"])
    start = date.fromisoformat(entries[len(entries) // 2]["spent_date"])
    account.simulator.enforce_limits = False
    client = account.client(requests_per_15_s=0, start_date=start)
    report = sync(warehouse, client.settings, client=client, build_marts=False)
    assert report.is_equal
    assert set(deletions(account)) == {("time_entries", str(entries[-5]["id"]))}
    assert sync_from(account, warehouse).is_equal
    assert_equals_truth(account)


@pytest.mark.parametrize("step", ["note_replaced", "sweep"])
@pytest.mark.by_day(1)
def test_a_sync_that_ends_before_it_noted_what_vanished_is_made_good_by_the_next(
    synced: tuple[Account, Target], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    account, warehouse = synced
    payment = account.simulator.truth()["invoice_payments"][0]
    entry_id = some_ids(account, "time_entries", 1)[0]
    account.simulator.store.delete_payment(payment["id"])
    account.simulator.store.delete_time_entry(entry_id)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(import_module("harvest_warehouse.sync.sync"), step, killed)
        with pytest.raises(KeyboardInterrupt):
            sync_from(account, warehouse)
    assert sync_from(account, warehouse).is_equal
    assert set(deletions(account)) == {
        ("time_entries", str(entry_id)),
        ("invoice_payments", f"{payment['invoice_id']}/{payment['id']}"),
    }
    assert_equals_truth(account)


@pytest.mark.nightly
@pytest.mark.parametrize("between", ["another account", "a stream that is skipped"])
def test_what_a_killed_sync_did_not_note_waits_for_no_run_of_its_kind(
    synced: tuple[Account, Target],
    monkeypatch: pytest.MonkeyPatch,
    open_account: OpenAccount,
    between: str,
) -> None:
    account, warehouse = synced
    payment = account.simulator.truth()["invoice_payments"][0]
    account.simulator.store.delete_payment(payment["id"])

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(import_module("harvest_warehouse.sync.sync"), "note_replaced", killed)
        with pytest.raises(KeyboardInterrupt):
            sync_from(account, warehouse)
    if between == "another account":
        sync_from(open_account(account_id="777", seed=2, entries=20), warehouse)
    else:
        account.simulator.set_feature("invoice_feature", is_on=False)
        sync_from(account, warehouse)
        account.simulator.set_feature("invoice_feature", is_on=True)
    assert sync_from(account, warehouse).is_equal
    [noted] = deletions(account).values()
    assert (noted["account_id"], noted["row_key"]) == ("123456", f"{payment['invoice_id']}/{payment['id']}")


def test_an_assignment_that_is_deleted_leaves_the_entries_that_carried_its_copy(
    synced: tuple[Account, Target],
) -> None:
    account, warehouse = synced
    entry = next(row for row in account.simulator.truth()["time_entries"] if row["user_assignment"])
    account.simulator.store.delete_user_assignment(entry["user_assignment"]["id"])
    assert sync_from(account, warehouse).is_equal
    row = next(row for row in account.rows("time_entries") if row["id"] == entry["id"])
    assert row["user_assignment__id"] is None
    assert row["user_assignment__hourly_rate"] is None
    assert_equals_truth(account)
    # Put on the project again: the copies follow the new assignment.
    account.simulator.store.assign_user(entry["project"]["id"], entry["user"]["id"])
    account.simulator.clock.sleep(3_600)
    assert sync_from(account, warehouse).is_equal
    assert_equals_truth(account)


@pytest.mark.nightly
def test_an_assignment_that_was_deleted_before_its_list_was_ever_read_leaves_the_rows_read_before(
    open_account: OpenAccount, tmp_path: Path
) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    entry = next(row for row in account.simulator.truth()["time_entries"] if row["user_assignment"])
    client = account.client()
    load(warehouse, client.settings, ["time_entries"], client=client)
    account.simulator.store.delete_user_assignment(entry["user_assignment"]["id"])
    account.simulator.clock.sleep(86_400)
    assert sync_from(account, warehouse).is_equal
    assert_equals_truth(account)


@pytest.mark.nightly
def test_rows_of_an_undocumented_list_are_deleted_and_recorded_with_the_record_that_has_it(
    synced: tuple[Account, Target],
) -> None:
    account, warehouse = synced
    account.simulator.faults.at({"path": "/estimates/*/messages"}, Fault.UNKNOWN_FIELD, times=1_000)
    assert sync_from(account, warehouse).is_equal
    parts = account.rows("estimate_messages__brand_new_object__parts")
    message = account.simulator.truth()["estimate_messages"][0]
    account.simulator.store.delete_estimate(message["estimate_id"])
    account.simulator.clock.sleep(3_600)
    assert sync_from(account, warehouse).is_equal
    assert 0 < len(account.rows("estimate_messages__brand_new_object__parts")) < len(parts)
    with open_database(warehouse) as database:
        orphans = """select count(*) from estimate_messages__brand_new_object__parts
            where _dlt_parent_id not in (select _dlt_id from estimate_messages)"""
        assert database.rows(orphans) == [(0,)]
    noted = deletions(account)["estimate_messages", f"{message['estimate_id']}/{message['id']}"]
    assert [part["id"] for part in json.loads(noted["content"])["brand_new_object__parts"]] == [7]


@pytest.mark.nightly
def test_assignments_by_person_follow_those_by_project_without_waiting_for_their_turn(
    synced: tuple[Account, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    account, warehouse = synced
    # Nobody is asked in turn.
    monkeypatch.setenv("SOURCES__HARVEST_TIME_TRACKING__CHILDREN_REQUESTS", "0")
    store, truth = account.simulator.store, account.simulator.truth()
    shown = {row["id"] for row in truth["user_project_assignments"]}
    deleted, edited = [row for row in truth["user_assignments"] if row["id"] in shown][:2]
    lone = next(row for row in truth["projects"] if row["is_active"] and row["id"] != deleted["project"]["id"])
    account.simulator.clock.sleep(86_400)
    store.delete_user_assignment(deleted["id"])
    store.edit_user_assignment(edited["id"], is_project_manager=not edited["is_project_manager"])
    store.assign_user(lone["id"], store.create_user("New", "Comer"))
    store.delete_project(lone["id"])
    here = {row["id"] for row in account.rows("user_project_assignments")}
    gone = here - {row["id"] for row in account.simulator.truth()["user_project_assignments"]}
    assert deleted["id"] in gone
    assert len(gone) > 1
    assert sync_from(account, warehouse, accept_deletions=True).is_equal
    assert_equals_truth(account)
    told = deletions(account)
    for row_id in gone:
        [content] = [
            row
            for (table, key), row in told.items()
            if table == "user_project_assignments" and key.endswith(f"/{row_id}")
        ]
        assert content["content"]


@pytest.mark.nightly
def test_another_account_in_the_same_tables_is_left_alone(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    with open_pipeline(warehouse).sql_client() as client:
        client.execute_sql(
            "insert into time_entries by name select * replace ('other' as account_id) from time_entries"
        )
    others = len([row for row in account.rows("time_entries") if row["account_id"] == "other"])
    entry_id = some_ids(account, "time_entries", 1)[0]
    account.simulator.store.delete_time_entry(entry_id)
    assert sync_from(account, warehouse).is_equal
    left = account.rows("time_entries")
    assert len([row for row in left if row["account_id"] == "other"]) == others
    assert len([row for row in left if row["id"] == entry_id]) == 1


@pytest.mark.nightly
def test_odd_ids_are_neither_found_missing_nor_in_the_way(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    with open_pipeline(warehouse).sql_client() as client:
        # As the load keeps a record whose id is no number.
        client.execute_sql("insert into clients by name select * replace (-5 as id) from clients limit 1")
    account.simulator.store.create_client("As many in Harvest as here")
    client_id = account.simulator.store.create_client("Soon gone")
    sync_from(account, warehouse)
    account.simulator.store.delete_client(client_id)
    sync_from(account, warehouse)
    assert -5 in {row["id"] for row in account.rows("clients")}
