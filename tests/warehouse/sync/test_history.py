"""History: what Harvest forgets is kept as versions that meet without a gap, from the first run on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.common.schema.typing import TColumnSchema
from dlt.common.storages import LoadStorage
from dlt.pipeline.exceptions import PipelineStepFailed

from harvest_simulator import Simulator
from harvest_time_tracking import STREAMS, tables
from harvest_warehouse.database import open_database
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.database.run import Run
from harvest_warehouse.load import load
from harvest_warehouse.sync import HistoryReport, history, sync
from harvest_warehouse.sync.history import history_columns, history_table, keep_history
from harvest_warehouse.warehouse import Target
from support.accounts import Account, sync_from

OpenAccount = Callable[..., Account]
KEPT = tuple(name for name, stream in STREAMS.items() if stream.kept)
DAYS = [datetime(2026, 3, day, 3, tzinfo=UTC) for day in range(1, 9)]


def load_from(account: Account, warehouse: Target, *streams: str) -> None:
    account.simulator.enforce_limits = False
    # A day later, so that `updated_at` moves past what was read.
    account.simulator.clock.sleep(86_400)
    client = account.client(requests_per_15_s=0, report_requests_per_15_min=0)
    load(warehouse, client.settings, streams, client=client)


def kept(account: Account, warehouse: Target, at: datetime, read: Collection[str] = KEPT) -> HistoryReport:
    return keep_history(Run(warehouse), account.simulator.account_id, at=at, read=read)


def select(warehouse: Target, query: str) -> list[tuple[Any, ...]]:
    with open_database(warehouse) as database:
        return database.rows(query)


def versions(warehouse: Target, table: str, row_id: int, *columns: str) -> list[tuple[Any, ...]]:
    """Each version of a record: when it began, when it ended, and some of its values."""
    chosen = ", ".join(["_dlt_valid_from", "_dlt_valid_to", *columns])
    return select(warehouse, f"select {chosen} from {table}_history where id = {row_id} order by _dlt_valid_from")


def packages(warehouse: Target) -> int:
    return int(select(warehouse, "select count(*) from _dlt_loads")[0][0])


def assert_is_sound(warehouse: Target) -> None:
    """At most one open version of each record, and each version ends where the next begins, or earlier."""
    for name in KEPT:
        query = f"select record_key, _dlt_valid_from, _dlt_valid_to from {name}_history order by 1, 2"
        rows = select(warehouse, query)
        for one, other in pairwise(rows):
            if one[0] == other[0]:
                assert one[2] is not None, (name, one, other)
                assert one[2] <= other[1], (name, one, other)


@pytest.fixture
def warehouse(tmp_path: Path) -> Target:
    return Target(tmp_path)


@pytest.fixture
def account(open_account: OpenAccount, warehouse: Target, once: Callable[..., Path]) -> Account:
    """An account whose history has begun on the first of the days."""

    def make(made: Target) -> None:
        simulator = Simulator(size="tiny")
        with simulator.serving() as url:
            first = Account(simulator, url, made.folder)
            load_from(first, made, *KEPT)
            kept(first, made, DAYS[0])

    shutil.copy(once("history", make), warehouse.file)
    account = open_account()
    account.simulator.clock.sleep(86_400)
    return account


def test_each_row_has_one_version_from_the_first_run_on(account: Account, warehouse: Target) -> None:
    truth = account.simulator.truth()
    for name in KEPT:
        rows = select(warehouse, f"select id, _dlt_valid_from, _dlt_valid_to from {name}_history")
        assert sorted(rows) == sorted((row["id"], DAYS[0], None) for row in truth[name])
    assert_is_sound(warehouse)


def test_where_nothing_changed_nothing_is_written(account: Account, warehouse: Target) -> None:
    load_from(account, warehouse, *KEPT)
    before = packages(warehouse)
    rows = {name: select(warehouse, f"select * from {name}_history order by record_key") for name in KEPT}
    report = kept(account, warehouse, DAYS[1])
    assert report == HistoryReport(tuple(f"{name}_history" for name in KEPT), 0, 0)
    assert packages(warehouse) == before
    assert rows == {name: select(warehouse, f"select * from {name}_history order by record_key") for name in KEPT}


@pytest.mark.nightly
def test_versions_of_a_budget_meet_and_a_value_that_comes_back_is_a_version_of_its_own(
    account: Account, warehouse: Target
) -> None:
    store = account.simulator.store
    project = next(row for row in account.simulator.truth()["projects"] if row["budget"])
    first = Decimal(str(project["budget"]))
    for day, budget in enumerate([Decimal("123.45"), None, first], start=1):
        store.edit_project(project["id"], budget=budget)
        load_from(account, warehouse, "projects")
        report = kept(account, warehouse, DAYS[day], ["projects"])
        assert (report.opened, report.closed) == (1, 1)
    assert versions(warehouse, "projects", project["id"], "budget") == [
        (DAYS[0], DAYS[1], first),
        (DAYS[1], DAYS[2], Decimal("123.45")),
        (DAYS[2], DAYS[3], None),
        (DAYS[3], None, first),
    ]
    assert_is_sound(warehouse)


def test_what_is_not_kept_makes_no_version(account: Account, warehouse: Target) -> None:
    project = account.simulator.truth()["projects"][0]
    account.simulator.store.rename_project(project["id"], "Another name")
    load_from(account, warehouse, "projects")
    assert kept(account, warehouse, DAYS[1], ["projects"]).opened == 0


def test_capacity_roles_currency_and_dates_are_kept_as_they_were(account: Account, warehouse: Target) -> None:
    store, truth = account.simulator.store, account.simulator.truth()
    user, client, project = truth["users"][0], truth["clients"][0], truth["projects"][0]
    capacity = user["weekly_capacity"]
    store.edit_user(user["id"], weekly_capacity_seconds=capacity - 3_600)
    store.create_role("Zebra, keeper", (user["id"],))
    store.create_role("Aardvark", (user["id"],))
    store.edit_client(client["id"], currency="ISK")
    store.edit_project(project["id"], ends_on=date(2031, 12, 31), over_budget_notification_percentage=Decimal("12.5"))
    load_from(account, warehouse, *KEPT)
    kept(account, warehouse, DAYS[1])
    before, after = (sorted(roles) for roles in (user["roles"], [*user["roles"], "Aardvark", "Zebra, keeper"]))
    assert versions(warehouse, "users", user["id"], "weekly_capacity", "roles") == [
        (DAYS[0], DAYS[1], capacity, "\n".join(before) or None),
        (DAYS[1], None, capacity - 3_600, "\n".join(after)),
    ]
    assert [row[2] for row in versions(warehouse, "clients", client["id"], "currency")] == [client["currency"], "ISK"]
    changed = versions(warehouse, "projects", project["id"], "ends_on", "over_budget_notification_percentage")[-1]
    assert changed[2:] == (date(2031, 12, 31), Decimal("12.5"))


def test_a_rate_that_is_added_ends_the_one_before(account: Account, warehouse: Target) -> None:
    user_id = account.simulator.truth()["user_cost_rates"][0]["user_id"]
    old = [row for row in account.simulator.truth()["user_cost_rates"] if row["user_id"] == user_id][-1]
    new = account.simulator.store.add_cost_rate(user_id, Decimal("61.07"), date(2030, 1, 1))
    load_from(account, warehouse, *KEPT)
    kept(account, warehouse, DAYS[1])
    columns = ("user_id", "amount", "start_date", "end_date")
    assert versions(warehouse, "user_cost_rates", new, *columns) == [
        (DAYS[1], None, user_id, Decimal("61.07"), date(2030, 1, 1), None)
    ]
    assert [row[-1] for row in versions(warehouse, "user_cost_rates", old["id"], *columns)] == [
        None,
        date(2029, 12, 31),
    ]


def test_a_record_that_goes_ends_and_one_that_comes_back_begins_anew(account: Account, warehouse: Target) -> None:
    row_id = int(select(warehouse, "select min(id) from user_assignments")[0][0])
    with open_pipeline(warehouse).sql_client() as client:
        client.execute_sql("create table aside as select * from user_assignments where id = %s", row_id)
        client.execute_sql("delete from user_assignments where id = %s", row_id)
    before = packages(warehouse)
    report = kept(account, warehouse, DAYS[1])
    assert (report.opened, report.closed) == (0, 1)
    assert kept(account, warehouse, DAYS[2]).closed == 0
    assert packages(warehouse) == before, "nothing was opened, so nothing had to be loaded"
    with open_pipeline(warehouse).sql_client() as client:
        client.execute_sql("insert into user_assignments select * from aside")
    kept(account, warehouse, DAYS[3])
    found = versions(warehouse, "user_assignments", row_id, "budget", "is_active")
    assert [row[:2] for row in found] == [(DAYS[0], DAYS[1]), (DAYS[3], None)]
    assert found[0][2:] == found[1][2:]
    assert_is_sound(warehouse)


def test_what_the_sweep_found_gone_ends(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    gone = account.simulator.truth()["user_assignments"][0]["id"]
    account.simulator.store.delete_user_assignment(gone)
    report = sync_from(account, warehouse)
    assert report.load is not None
    assert report.history is not None
    assert (report.history.opened, report.history.closed) == (0, 1)
    [first_run] = select(warehouse, "select min(started_at) from harvest_runs")
    assert versions(warehouse, "user_assignments", gone) == [(*first_run, report.load.started_at)]


def test_a_sync_begins_history_and_adds_nothing_where_nothing_changed(
    open_account: OpenAccount, warehouse: Target
) -> None:
    account = open_account(enforce_limits=False)
    client = account.client(requests_per_15_s=0, report_requests_per_15_min=0)
    first = sync(warehouse, client.settings, client=client, build_marts=False)
    truth = account.simulator.truth()
    assert first.history is not None
    assert first.history.opened == sum(len(truth[name]) for name in KEPT)
    client = account.client(requests_per_15_s=0, report_requests_per_15_min=0)
    second = sync(warehouse, client.settings, client=client, build_marts=False)
    assert second.history == HistoryReport(tuple(f"{name}_history" for name in KEPT), 0, 0)
    assert second.rotation is not None
    assert second.rotation.windows > 10
    assert not second.rotation.again, "all was read in full a moment ago"


def test_the_last_row_that_goes_ends_too(account: Account, warehouse: Target) -> None:
    with open_pipeline(warehouse).sql_client() as client:
        client.execute_sql("delete from task_assignments")
    count = len(account.simulator.truth()["task_assignments"])
    assert kept(account, warehouse, DAYS[1]).closed == count
    assert select(warehouse, "select distinct _dlt_valid_to from task_assignments_history") == [(DAYS[1],)]


def test_a_stream_that_was_not_read_keeps_its_versions(account: Account, warehouse: Target) -> None:
    project = account.simulator.truth()["projects"][0]
    account.simulator.store.edit_project(project["id"], fee=Decimal("10"))
    load_from(account, warehouse, "projects", "clients")
    with open_pipeline(warehouse).sql_client() as client:
        client.execute_sql("delete from users")
    report = kept(account, warehouse, DAYS[1], ["clients"])
    assert report == HistoryReport(("clients_history",), 0, 0)
    report = kept(account, warehouse, DAYS[2], ["clients", "projects"])
    assert (report.opened, report.closed) == (1, 1)
    assert [row[0] for row in versions(warehouse, "projects", project["id"])] == [DAYS[0], DAYS[2]]


def test_another_account_in_the_same_tables_is_left_alone(account: Account, warehouse: Target) -> None:
    """Told apart by the account alone, also where account and id would read the same without a mark between them."""
    number = account.simulator.account_id
    with open_pipeline(warehouse).sql_client() as client:
        client.execute_sql(
            f"insert into clients by name select * replace ('{number}' || substr(id::text, 1, 1) as account_id,"
            " substr(id::text, 2)::bigint as id, 'XXX' as currency) from clients"
        )
    count = len(account.simulator.truth()["clients"])
    others = select(warehouse, f"select distinct account_id from clients where account_id <> '{number}'")
    for (other,) in others:
        keep_history(Run(warehouse), other, at=DAYS[1], read=["clients"])
    theirs = f"select * from clients_history where account_id <> '{number}' order by record_key"
    before = select(warehouse, theirs)
    assert len(before) == count
    with open_pipeline(warehouse).sql_client() as client:
        client.execute_sql("update clients set currency = 'YYY'")
        client.execute_sql(f"delete from clients where account_id <> '{number}'")
    report = kept(account, warehouse, DAYS[2], ["clients"])
    assert (report.opened, report.closed) == (count, count)
    assert select(warehouse, theirs) == before


@pytest.mark.parametrize("step", ["extracted", "normalized"])
@pytest.mark.by_day(1)
def test_a_run_that_was_interrupted_leaves_no_second_open_version(
    account: Account, warehouse: Target, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    client_id = account.simulator.truth()["clients"][0]["id"]
    account.simulator.store.edit_client(client_id, currency="ISK")
    load_from(account, warehouse, "clients")
    with monkeypatch.context() as patched:
        patched.setattr(dlt.Pipeline, "normalize" if step == "extracted" else "load", interrupted)
        with pytest.raises(KeyboardInterrupt):
            kept(account, warehouse, DAYS[1], ["clients"])
    for day in (2, 3):
        kept(account, warehouse, DAYS[day], ["clients"])
    assert versions(warehouse, "clients", client_id, "currency")[1:] == [(DAYS[1], None, "ISK")]
    account.simulator.store.edit_client(client_id, currency="NOK")
    load_from(account, warehouse, "clients")
    kept(account, warehouse, DAYS[4], ["clients"])
    assert [row[:2] for row in versions(warehouse, "clients", client_id)] == [
        (DAYS[0], DAYS[1]),
        (DAYS[1], DAYS[4]),
        (DAYS[4], None),
    ]


def interrupted(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_a_clock_that_was_set_back_ends_no_version_before_it_began(account: Account, warehouse: Target) -> None:
    client_id = account.simulator.truth()["clients"][0]["id"]
    with open_pipeline(warehouse).sql_client() as client:
        client.execute_sql("update clients set currency = 'ISK' where id = %s", client_id)
    kept(account, warehouse, DAYS[0] - timedelta(days=2), ["clients"])
    assert [row[:2] for row in versions(warehouse, "clients", client_id)] == [(DAYS[0], DAYS[0]), (DAYS[0], None)]


def test_what_comes_back_by_a_clock_that_was_set_back_begins_no_earlier_than_it_ended(
    account: Account, warehouse: Target
) -> None:
    row_id = int(select(warehouse, "select min(id) from user_assignments")[0][0])
    with open_pipeline(warehouse).sql_client() as client:
        client.execute_sql("create table aside as select * from user_assignments where id = %s", row_id)
        client.execute_sql("delete from user_assignments where id = %s", row_id)
    kept(account, warehouse, DAYS[3])
    with open_pipeline(warehouse).sql_client() as client:
        client.execute_sql("insert into user_assignments select * from aside")
    kept(account, warehouse, DAYS[2])
    found = versions(warehouse, "user_assignments", row_id)
    assert found == [(DAYS[0], DAYS[3]), (DAYS[3], None)]
    assert_is_sound(warehouse)


def test_the_tables_are_in_the_schema_with_types_and_words(account: Account, warehouse: Target) -> None:
    dataset = open_pipeline(warehouse).dataset()
    for name in KEPT:
        stream = STREAMS[name]
        columns: dict[str, TColumnSchema] = dict(dataset.schema.tables[history_table(stream)]["columns"])
        for column, (data_type, words) in history_columns(stream).items():
            assert columns[column]["data_type"] == data_type
            # The two that say when are dlt's own, and it has no words for them.
            assert columns[column].get("description", words) == words
            assert "description" in columns[column] or column.startswith("_dlt_")
    assert dataset.clients_history.fetchall()


def test_what_the_catalogue_says_is_kept_exists() -> None:
    for name in KEPT:
        table = tables()[STREAMS[name].table_name]
        assert set(STREAMS[name].kept) <= {*table.columns, *table.lists}


def test_a_column_that_is_kept_from_now_on_was_null_until_now(
    open_account: OpenAccount, warehouse: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = open_account()
    load_from(account, warehouse, "clients")
    monkeypatch.setattr(history, "STREAMS", {"clients": replace(STREAMS["clients"], kept=("is_active",))})
    kept(account, warehouse, DAYS[0])
    monkeypatch.setattr(history, "STREAMS", {"clients": replace(STREAMS["clients"], kept=("is_active", "currency"))})
    report = kept(account, warehouse, DAYS[1])
    client = account.simulator.truth()["clients"][0]
    assert report.opened == report.closed == len(account.simulator.truth()["clients"])
    assert versions(warehouse, "clients", client["id"], "is_active", "currency") == [
        (DAYS[0], DAYS[1], client["is_active"], None),
        (DAYS[1], None, client["is_active"], client["currency"]),
    ]
    assert not kept(account, warehouse, DAYS[2]).opened


def test_a_run_that_ended_between_a_new_schema_and_its_package_leaves_no_table_unmade(
    open_account: OpenAccount, warehouse: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = open_account()
    load_from(account, warehouse, "clients")

    def ended(self: LoadStorage, load_id: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        # dlt has saved the schema with the new table by then, and not the package that would create it.
        patch.setattr(LoadStorage, "commit_new_load_package", ended)
        with pytest.raises(PipelineStepFailed, match="KeyboardInterrupt"):
            kept(account, warehouse, DAYS[0], ["clients"])
    load_from(account, warehouse, "clients")
    assert kept(account, warehouse, DAYS[1], ["clients"]).opened
    assert select(warehouse, "select count(*) from clients_history") == select(
        warehouse, "select count(*) from clients"
    )
