"""A list that was not shown to be whole is not called complete: in no table, no summary and no exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from harvest_warehouse.cli import app
from harvest_warehouse.database.pipeline_state import loaded_since
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.database.run import Run
from harvest_warehouse.load import load
from harvest_warehouse.warehouse import Target
from support.accounts import Account, assert_equals_truth, sync_from

OpenAccount = Callable[..., Account]
Spoil = Callable[[dict[str, Any]], None]


def spoiling(account: Account, path: str, spoil: Spoil) -> None:
    """From now on, what is answered at `path` is spoilt."""
    answer = account.simulator._answer

    def answered(asked: Any) -> Any:
        said = answer(asked)
        if asked.path == f"/v2/{path}" and said.status == 200:
            spoil(said.data)
        return said

    account.simulator._answer = answered  # type: ignore[method-assign]


def one_is_missing(said: dict[str, Any]) -> None:
    """Harvest says that there is one more than it lists."""
    said["total_entries"] += 1


@pytest.fixture
def command(open_account: OpenAccount, monkeypatch: pytest.MonkeyPatch) -> tuple[Account, Callable[..., Result]]:
    """An account, and the command line that reads it into this test's folder."""
    account = open_account(enforce_limits=False)
    for name, value in (
        ("BASE_URL", account.url),
        ("ACCESS_TOKEN", account.simulator.access_token),
        ("ACCOUNT_ID", account.simulator.account_id),
        ("REQUESTS_PER_15_S", "0"),
    ):
        monkeypatch.setenv(f"SOURCES__HARVEST_TIME_TRACKING__{name}", value)
    return account, lambda *arguments: CliRunner().invoke(app, [*arguments])


@pytest.mark.parametrize("stream", ["time_entries", "clients"])
def test_what_came_is_loaded_and_the_next_run_asks_for_all_of_it_again(
    open_account: OpenAccount, tmp_path: Path, stream: str
) -> None:
    account, warehouse = open_account(enforce_limits=False), Target(tmp_path)
    client = account.client(requests_per_15_s=0)
    spoiling(account, stream, one_is_missing)
    report = load(warehouse, client.settings, [stream], client=client)
    [outcome] = report.streams
    listed = len(account.simulator.truth()[stream])
    assert report.unproven == (outcome,)
    assert f"{listed + 1:,}" in outcome.reason, "what Harvest said"
    assert f"{listed:,}" in outcome.reason, "what came"
    assert "chang" not in outcome.reason, "nothing changed"
    account.pipeline = open_pipeline(warehouse)
    assert len(account.rows(stream)) == listed
    [run] = account.rows("harvest_runs")
    assert (run["outcome"], run["reason"]) == ("unproven", outcome.reason)
    assert stream not in loaded_since(Run(warehouse), account.simulator.account_id)
    account.simulator.requests.clear()
    load(warehouse, client.settings, [stream], client=client)
    lists = [request for request in account.simulator.requests if request.path == f"/v2/{stream}"]
    assert not any("updated_since" in request.query for request in lists)


def test_load_ends_with_0_and_with_strict_with_3(command: tuple[Account, Callable[..., Result]]) -> None:
    account, run = command
    spoiling(account, "clients", one_is_missing)
    plain = run("load", "clients", "projects")
    assert plain.exit_code == 0
    assert "clients: unproven, " in plain.output
    assert "1 not proven complete" in plain.output
    assert run("load", "clients", "projects", "--strict").exit_code == 3
    told = json.loads(run("load", "clients", "projects", "--json").stdout)
    assert {stream["stream"]: stream["outcome"] for stream in told["streams"]} == {
        "clients": "unproven",
        "projects": "complete",
    }


def test_sync_ends_with_3_sweeps_nothing_from_it_and_builds_the_marts(
    command: tuple[Account, Callable[..., Result]], tmp_path: Path
) -> None:
    account, run = command
    assert run("sync", "--no-build").exit_code == 0
    account.simulator.clock.sleep(3_600)
    gone = account.simulator.store.delete_time_entry(next(iter(account.simulator.store.time_entries)))
    spoiling(account, "time_entries", one_is_missing)
    ended = run("sync")
    assert ended.exit_code == 3
    assert "time_entries: not compared: unproven: " in ended.output
    assert (tmp_path / "harvest_time_tracking.duckdb").exists()
    account.pipeline = open_pipeline(Target(tmp_path))
    assert gone in {row["id"] for row in account.rows("time_entries")}
    assert "marts" in ended.output


def test_a_sync_with_a_list_that_is_not_proven_is_not_equal(open_account: OpenAccount, tmp_path: Path) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    spoiling(account, "clients", one_is_missing)
    report = sync_from(account, warehouse)
    assert not report.is_equal
    assert report.needs_somebody


def test_a_list_that_is_replaced_as_a_whole_keeps_its_rows_where_it_is_not_proven(open_account: OpenAccount) -> None:
    account = open_account(enforce_limits=False)
    account.load("roles")
    before = account.rows("roles")

    def hide_one(said: dict[str, Any]) -> None:
        said["roles"] = said["roles"][1:]

    spoiling(account, "roles", hide_one)
    account.load("roles")
    assert account.outcomes()["roles"].outcome == "unproven"
    assert account.rows("roles") == before
    assert len(before) > 1


def test_a_list_that_is_read_by_parent_is_no_better_proven_than_its_parents(
    open_account: OpenAccount, tmp_path: Path
) -> None:
    account, warehouse = open_account(enforce_limits=False), Target(tmp_path)
    client = account.client(requests_per_15_s=0)
    spoiling(account, "invoices", one_is_missing)
    report = load(warehouse, client.settings, ["invoices", "invoice_payments"], client=client)
    assert {outcome.stream for outcome in report.unproven} == {"invoices", "invoice_payments"}
    assert "it is read by invoices: " in report.unproven[1].reason
    assert loaded_since(Run(warehouse), account.simulator.account_id) == {}
    account.pipeline = open_pipeline(warehouse)
    assert_equals_truth(account, ["invoice_payments"])


def test_a_total_beyond_all_reason_costs_a_few_requests(open_account: OpenAccount) -> None:
    account = open_account(enforce_limits=False)

    def boast(said: dict[str, Any]) -> None:
        said["total_entries"] = 10**11

    spoiling(account, "time_entries", boast)
    account.load("time_entries")
    assert account.outcomes()["time_entries"].outcome == "unproven"
    assert len(account.rows("time_entries")) == len(account.simulator.truth()["time_entries"])
    assert len(account.simulator.requests) < 60


def test_a_project_that_does_not_exist_is_named_and_the_exit_code_is_3(
    command: tuple[Account, Callable[..., Result]],
) -> None:
    account, run = command
    there = next(iter(account.simulator.store.projects))
    assert run("load", "projects_id", "--project-id", str(there)).exit_code == 0
    for strict in ((), ("--strict",)):
        ended = run("load", "projects_id", "--project-id", str(there), "--project-id", "999", *strict)
        assert ended.exit_code == 3
        assert "projects/999" in ended.output
        assert "unproven" in ended.output


def nothing_is_said(said: dict[str, Any]) -> None:
    """Neither how many there are nor whether they go on."""
    for name in ("page", "per_page", "total_pages", "total_entries", "next_page", "links"):
        said.pop(name, None)


def some_are_cut_off(said: dict[str, Any]) -> None:
    """Without totals, pages hold less than they say."""
    said["total_entries"] = said["total_pages"] = None
    said["user_assignments"] = said["user_assignments"][:15]


@pytest.mark.parametrize("spoil", [nothing_is_said, some_are_cut_off])
def test_a_list_that_goes_on_by_links_is_not_whole_where_nobody_says_that_it_ended(
    open_account: OpenAccount, spoil: Spoil
) -> None:
    account = open_account(enforce_limits=False)
    account.simulator.set_paging(20)
    spoiling(account, "user_assignments", spoil)
    account.load("user_assignments")
    outcome = account.outcomes()["user_assignments"]
    came = len(account.rows("user_assignments"))
    assert came < len(account.simulator.truth()["user_assignments"])
    assert (outcome.outcome, outcome.rows) == ("unproven", came)
    assert f"{came:,} different records came" in outcome.reason


def test_a_list_without_totals_that_says_that_it_ended_is_whole(open_account: OpenAccount) -> None:
    account = open_account(enforce_limits=False)
    account.simulator.set_paging(20, ["total_entries", "total_pages"])
    streams = ["user_assignments", "clients", "time_entries", "expenses"]
    account.load(*streams)
    assert {stream: outcome.outcome for stream, outcome in account.outcomes().items()} == dict.fromkeys(
        streams, "complete"
    )
    assert_equals_truth(account, streams)


@pytest.mark.parametrize("stream", ["time_entries", "expenses"])
def test_a_total_that_ends_with_a_page_that_goes_on_is_not_believed(open_account: OpenAccount, stream: str) -> None:
    account = open_account(enforce_limits=False)
    account.simulator.set_paging(20)
    spoiling(account, stream, lambda said: said.update(total_entries=len(said[stream])))
    account.load(stream)
    outcome = account.outcomes()[stream]
    assert outcome.outcome == "unproven"
    assert "Harvest said 20 records" in outcome.reason
    assert "more follow page 1" in outcome.reason
