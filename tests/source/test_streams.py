"""Every stream of the catalogue, loaded from a simulated account, against what the simulator knows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from harvest_simulator import Simulator
from harvest_time_tracking import STREAMS, tables
from support.accounts import Account, assert_equals_truth, assert_same_rows, truth_rows

OpenAccount = Callable[..., Account]

DEFAULT = [name for name, stream in STREAMS.items() if stream.is_default]
PAID_TIME_OFF = [name for name in STREAMS if name.startswith("pto_")]
REPORTS = [name for name in STREAMS if name.startswith("report_")]
TYPES = {
    "text": "VARCHAR",
    "bigint": "BIGINT",
    "decimal": "DECIMAL(38,9)",
    "bool": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Account:
    """One account, loaded once, for all tests that only look."""
    simulator = Simulator(seed=7, size="tiny")
    with simulator.serving() as url:
        account = Account(simulator, url, tmp_path_factory.mktemp("loaded"))
        account.load()
        yield account


@pytest.mark.parametrize("stream", DEFAULT)
def test_a_stream_equals_the_truth_row_by_row_and_value_by_value(loaded: Account, stream: str) -> None:
    assert loaded.simulator.truth()[stream], "a stream without rows proves nothing"
    assert_equals_truth(loaded, [stream])


@pytest.mark.parametrize("stream", DEFAULT)
def test_every_documented_field_is_a_typed_column(loaded: Account, stream: str) -> None:
    for name, table in tables().items():
        if name == stream or name.startswith(f"{stream}__"):
            have = loaded.column_types(name)
            assert {column.name: TYPES[column.data_type] for column in table.columns.values()}.items() <= have.items()


@pytest.mark.parametrize("stream", DEFAULT)
def test_an_empty_account_gives_every_table_with_every_column(empty: Account, stream: str) -> None:
    for name, table in tables().items():
        if name == stream or name.startswith(f"{stream}__"):
            assert set(table.columns) <= set(empty.column_types(name)), name
    assert_equals_truth(empty, [stream])


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Account:
    simulator = Simulator(empty=True)
    with simulator.serving() as url:
        account = Account(simulator, url, tmp_path_factory.mktemp("empty"))
        account.load()
        yield account


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.by_day(1)
def test_a_second_load_after_random_changes_equals_the_truth_again(open_account: OpenAccount, seed: int) -> None:
    account = open_account(seed=seed)
    account.load()
    for day in range(2):
        account.simulator.clock.sleep(86_400)
        assert account.simulator.mutate(60, seed=100 * seed + day)
        account.load()
        assert_equals_truth(account, after_changes=True)


def test_children_that_vanished_with_a_change_of_their_parent_are_gone(open_account: OpenAccount) -> None:
    account = open_account(seed=3)
    account.load()
    payments = account.simulator.truth()["invoice_payments"]
    counts = {p["invoice_id"]: sum(q["invoice_id"] == p["invoice_id"] for q in payments) for p in payments}
    paid = next(invoice for invoice, count in counts.items() if count == 1)
    account.simulator.clock.sleep(86_400)
    account.simulator.store.delete_payment(next(p["id"] for p in payments if p["invoice_id"] == paid))
    account.load()
    assert_equals_truth(account, ["invoices", "invoice_payments"])


def test_a_run_asks_only_for_what_changed(open_account: OpenAccount) -> None:
    account = open_account()
    account.load()
    account.simulator.clock.sleep(86_400)
    account.simulator.requests.clear()
    account.load("clients", "projects", "time_entries", "estimates")
    queries = [request.query for request in account.simulator.requests if request.path != "/v2/company"]
    # Four lists, the running timers, and the projects that decide about time.
    assert len(queries) == 6
    assert all("updated_since" in query or "is_running" in query for query in queries), queries


@pytest.mark.parametrize("stream", REPORTS)
def test_a_report_equals_the_truth_in_calendar_months(open_account: OpenAccount, stream: str) -> None:
    account = open_account()
    account.load(stream, reports_from="2026-01-15", reports_to="2026-03-02")
    windows = [
        (date(2026, 1, 1), date(2026, 1, 31)),
        (date(2026, 2, 1), date(2026, 2, 28)),
        (date(2026, 3, 1), date(2026, 3, 31)),
    ]
    want = []
    if STREAMS[stream].window == "month":
        for first, last in windows:
            for row in account.simulator.report_truth(stream, first, last):
                want += truth_rows(stream, [row], "123456")[stream]
                want[-1] |= {"from_date": first, "to_date": last}
    else:
        want = truth_rows(stream, account.simulator.report_truth(stream, *windows[0]), "123456")[stream]
        for row in want:
            row["snapshot_date"] = date(2026, 3, 16)
    assert want, "a report without rows proves nothing"
    assert_same_rows(account.rows(stream), want, stream)


def test_a_report_window_that_became_empty_is_empty(open_account: OpenAccount) -> None:
    account = open_account()
    account.load("report_expenses_team", reports_from="2026-02-01", reports_to="2026-02-28")
    assert account.rows("report_expenses_team")
    for expense in account.simulator.truth()["expenses"]:
        if expense["spent_date"].startswith("2026-02"):
            account.simulator.store.delete_expense(expense["id"])
    account.load("report_expenses_team", reports_from="2026-02-01", reports_to="2026-02-28")
    assert account.rows("report_expenses_team") == []


def test_reports_and_paid_time_off_are_read_only_when_asked_for(open_account: OpenAccount) -> None:
    account = open_account(pto=True)
    account.load()
    assert not [r.path for r in account.simulator.requests if "/reports/" in r.path or "/pto/" in r.path]


@pytest.mark.parametrize("stream", PAID_TIME_OFF)
def test_paid_time_off_equals_the_truth_where_the_account_has_it(open_account: OpenAccount, stream: str) -> None:
    account = open_account(pto=True)
    account.load(stream)
    assert account.simulator.truth()[stream]
    assert_equals_truth(account, [stream])


@pytest.mark.parametrize("stream", PAID_TIME_OFF)
def test_paid_time_off_is_skipped_with_a_reason_where_the_account_has_none(
    open_account: OpenAccount, stream: str
) -> None:
    account = open_account(pto=False)
    account.load(stream)
    outcome = account.outcomes()[stream]
    assert outcome.outcome == "skipped"
    assert "404" in outcome.reason


def test_named_projects_are_read_again_one_by_one(open_account: OpenAccount) -> None:
    account = open_account()
    account.load("projects")
    ids = [project["id"] for project in account.simulator.truth()["projects"]][:2]
    account.simulator.store.rename_project(ids[0], "Renamed 🎈")
    account.simulator.requests.clear()
    account.load("projects_id", project_ids=ids)
    assert sorted(request.path for request in account.simulator.requests) == sorted(f"/v2/projects/{i}" for i in ids)
    assert_equals_truth(account, ["projects"])


def test_start_date_bounds_the_dated_lists_and_reaching_further_back_reads_what_was_left_out(
    open_account: OpenAccount,
) -> None:
    account = open_account()
    account.load("time_entries", "clients", start_date="2026-02-01")
    have = [row["spent_date"] for row in account.rows("time_entries")]
    assert min(have) >= date(2026, 2, 1)
    assert len(have) == sum(e["spent_date"] >= "2026-02-01" for e in account.simulator.truth()["time_entries"])
    account.load("time_entries", "clients")
    assert_equals_truth(account, ["time_entries", "clients"])


@pytest.mark.nightly
def test_a_first_load_of_the_medium_company_spends_no_request_too_many_and_sees_no_429(
    open_account: OpenAccount,
) -> None:
    account = open_account(size="medium")
    account.load()
    truth = account.simulator.truth()
    bound = sum(max(1, -(-len(truth[name]) // 2000)) for name in DEFAULT if not STREAMS[name].parent)
    bound += sum(invoice["state"] != "draft" or invoice["sent_at"] is not None for invoice in truth["invoices"])
    bound += sum(
        invoice["amount"] != invoice["due_amount"] or invoice["paid_at"] is not None or invoice["paid_date"] is not None
        for invoice in truth["invoices"]
    )
    bound += sum(estimate["state"] != "draft" or estimate["sent_at"] is not None for estimate in truth["estimates"])
    bound += 3 * len(truth["users"]) + sum("manager" in user["access_roles"] for user in truth["users"])
    statuses = [request.status for request in account.simulator.requests]
    assert set(statuses) == {200}
    # A twentieth, for counts and for pages that are not full.
    assert len(statuses) <= 1.05 * bound
    assert len(account.rows("time_entries")) == len(truth["time_entries"])
    # The simulated clock moved while the load waited for its turn, and with it the hours of running timers.
    assert_equals_truth(account, [name for name in DEFAULT if name != "time_entries"])
