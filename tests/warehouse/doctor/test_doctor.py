"""`doctor`: what it finds, what it foretells, and how little it asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from harvest_simulator import Fault
from harvest_time_tracking import STREAMS, Client
from harvest_time_tracking.reading.request_shares import Split
from harvest_warehouse.doctor import DoctorReport, doctor
from harvest_warehouse.doctor.estimate import plan, seconds_for
from harvest_warehouse.load import load
from harvest_warehouse.warehouse import Target
from support.accounts import Account
from support.servers import proxy

OpenAccount = Callable[..., Account]


@pytest.fixture
def warehouse(tmp_path: Path) -> Target:
    return Target(tmp_path)


def ask(account: Account, warehouse: Target, **settings: Any) -> DoctorReport:
    clock = account.simulator.clock
    changed = replace(account.client().settings, **settings)
    client = Client(changed, sleep=clock.sleep, monotonic=clock.monotonic, now=clock.now)
    return doctor(warehouse, changed, client=client)


def verdicts(report: DoctorReport) -> dict[str, str]:
    return {check.name: check.verdict for check in report.checks}


def said(report: DoctorReport, name: str) -> str:
    return next(check.said for check in report.checks if check.name == name)


def test_an_account_in_good_health_is_fine_and_its_lists_are_counted_by_one_request_each(
    open_account: OpenAccount, warehouse: Target
) -> None:
    account = open_account()
    report = ask(account, warehouse)
    assert report.is_fine
    assert set(verdicts(report).values()) == {"ok"}
    truth = account.simulator.truth()
    lists = [name for name, stream in STREAMS.items() if stream.is_default and stream.data_key and not stream.parent]
    counted = {stream.stream: stream.records for stream in report.plan if stream.records is not None}
    assert counted == {name: len(truth[name]) for name in lists}
    assert len(account.simulator.requests) == len(lists) + 2, "and one for users/me, one for company"
    assert not warehouse.file.exists(), "looking leaves nothing behind"


def test_it_tells_the_way_to_harvest_without_the_proxys_password(
    open_account: OpenAccount, warehouse: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = open_account()
    assert said(ask(account, warehouse), "network") == "127.0.0.1 without a proxy."
    monkeypatch.setenv("HTTPS_PROXY", "http://bi:hun@ter2@127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/company.pem")
    report = ask(account, warehouse, base_url="https://api.harvestapp.invalid/v2")
    assert not report.is_fine
    assert verdicts(report)["network"] == "wrong"
    assert "token" not in verdicts(report), "nobody has looked at it"
    line = said(report, "network")
    assert "the proxy http://127.0.0.1:9 (HTTPS_PROXY), certificates from /etc/company.pem (REQUESTS_CA_BUNDLE)" in line
    assert "ter2" not in line


def test_the_token_for_the_list_of_accounts_goes_through_no_proxy_either(
    open_account: OpenAccount, warehouse: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy() as between:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, between.url)
        assert "It reaches: 123456" in said(ask(open_account(), warehouse, account_id="777"), "account")
        assert between.asked == []


@pytest.mark.parametrize(("kind", "verdict"), [(None, "ok"), (Fault.CLOCK_AHEAD, "note"), (Fault.CLOCK_BEHIND, "note")])
@pytest.mark.by_day(1)
def test_it_tells_of_clocks_that_differ(
    open_account: OpenAccount, warehouse: Target, kind: Fault | None, verdict: str
) -> None:
    account = open_account()
    if kind:
        account.simulator.faults.at(lambda _: True, kind, times=1 << 30)
    report = ask(account, warehouse)
    assert report.is_fine
    assert verdicts(report)["clock"] == verdict
    assert ("24 hours" in said(report, "clock")) == (kind is not None)


def test_what_it_foretells_is_never_less_than_what_a_load_asks(open_account: OpenAccount, warehouse: Target) -> None:
    account = open_account()
    report = ask(account, warehouse)
    client = account.client()
    loaded = load(warehouse, client.settings, client=client)
    assert loaded.requests <= report.first_requests
    by_stream = {stream.stream: stream for stream in report.plan}
    assert {outcome.stream: outcome.requests for outcome in loaded.streams} == {
        outcome.stream: by_stream[outcome.stream].first_requests for outcome in loaded.streams
    }


def test_it_says_what_the_marts_count_by_and_what_of_it_cannot_work(
    open_account: OpenAccount, warehouse: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = open_account()
    assert "cost rates are in CAD" in said(ask(account, warehouse), "marts")
    monkeypatch.setenv("HARVEST_MARTS__TARGET_UTILISATION", "75")
    report = ask(account, warehouse)
    assert verdicts(report)["marts"] == "note", "it prevents no load"
    assert report.is_fine
    assert "0.75" in said(report, "marts")
    monkeypatch.delenv("HARVEST_MARTS__TARGET_UTILISATION")
    account.simulator.as_role("member")
    assert "home_currency is not known" in said(ask(account, warehouse), "marts"), "a member may not read the company"


def test_an_account_that_the_token_does_not_reach_is_told_with_those_it_does(
    open_account: OpenAccount, warehouse: Target
) -> None:
    report = ask(open_account(), warehouse, account_id="777")
    assert verdicts(report)["account"] == "wrong"
    assert "It reaches: 123456" in said(report, "account")
    assert "99887766" not in said(report, "account"), "that one is of Forecast, another product"
    assert not report.plan


def test_a_rejected_token_is_told_with_the_way_to_a_new_one(open_account: OpenAccount, warehouse: Target) -> None:
    account = open_account()
    account.simulator.revoke_token()
    report = ask(account, warehouse)
    assert not report.is_fine
    assert "https://id.getharvest.com/developers" in said(report, "token or account")


def test_a_member_is_warned_of_rows_that_are_silently_missing(open_account: OpenAccount, warehouse: Target) -> None:
    account = open_account()
    account.simulator.as_role("member")
    report = ask(account, warehouse)
    assert report.is_fine
    assert verdicts(report)["role"] == "note"
    client = account.client()
    loaded = load(warehouse, client.settings, client=client)
    assert {stream.stream for stream in report.plan if not stream.is_loading} == {
        outcome.stream for outcome in loaded.skipped
    }


def test_a_feature_that_is_off_is_told_and_its_streams_are_not_planned(
    open_account: OpenAccount, warehouse: Target
) -> None:
    account = open_account()
    account.simulator.set_feature("invoice_feature", False)
    report = ask(account, warehouse)
    assert verdicts(report)["features"] == "note"
    refused = {stream.stream for stream in report.plan if not stream.is_loading}
    assert refused == {"invoices", "invoice_item_categories", "invoice_messages", "invoice_payments"}


def test_a_database_that_cannot_be_opened_prevents_a_load(open_account: OpenAccount, warehouse: Target) -> None:
    warehouse.file.write_text("This is not a database, and long enough to be looked at.")
    report = ask(open_account(), warehouse)
    assert verdicts(report)["database"] == "wrong"
    assert warehouse.file.exists()


def test_the_scratch_table_is_gone_afterwards(open_account: OpenAccount, warehouse: Target) -> None:
    duckdb.connect(str(warehouse.file)).close()
    ask(open_account(), warehouse)
    with duckdb.connect(str(warehouse.file)) as connection:
        assert connection.execute("show all tables").fetchall() == []


def test_a_plan_counts_pages_of_2000_and_a_request_for_each_parent() -> None:
    counts = {"time_entries": 4001, "users": 70, "invoices": 1000}
    parents = {"user_cost_rates": Split(60, 10), "invoice_payments": Split(100, 850)}
    plans = {stream.stream: stream for stream in plan(STREAMS.values(), counts, parents, {}, {})}
    assert plans["time_entries"].first_requests == 3 + 1, "three pages, and whether anything came in meanwhile"
    assert plans["time_entries"].daily_requests == 2, "what changed, and what runs"
    assert plans["user_cost_rates"].first_requests == 70
    # 2 and 19 of them change, which leaves 179 of the 200: for the living all but a thirtieth of the others, 1 + 29.
    assert plans["invoice_payments"].first_requests == 950
    daily = plans["user_cost_rates"].daily_requests + plans["invoice_payments"].daily_requests
    assert daily == 2 + 19 + 179
    assert plans["user_cost_rates"].daily_requests == 2 + 56 + 1
    assert "report_time_clients" not in plans, "reports are read when they are named"


def test_the_pace_makes_400_requests_take_a_minute() -> None:
    assert seconds_for(400, 100) == 60
    assert seconds_for(400, 0) == 0


@pytest.mark.nightly
def test_it_tells_within_how_many_runs_all_of_history_is_read_again(
    open_account: OpenAccount, warehouse: Target
) -> None:
    account = open_account()
    assert "after a first load, this says" in said(ask(account, warehouse), "re-reading")
    client = account.client()
    load(warehouse, client.settings, ["clients", "roles"], client=client)
    line = said(ask(account, warehouse), "re-reading")
    assert "10 requests in each sync reread history (reread_requests)" in line
    assert "within 1 run;" in line, "clients are the only list that is not read whole in each run"
    assert f"the longest unread is clients, not read since {datetime.now(UTC):%Y-%m-%d}" in line


@pytest.mark.nightly
def test_it_tells_within_how_many_runs_all_children_are_read_again(
    open_account: OpenAccount, warehouse: Target
) -> None:
    account = open_account(size="small")
    # The counts below are those of its usual invoices: the five rare ones come last.
    for invoice_id in list(account.simulator.store.invoices)[-5:]:
        account.simulator.store.delete_invoice(invoice_id)

    def line(requests: int | None) -> str:
        return said(ask_for_children(account, warehouse, requests), "children")

    assert "all in each run, 504 requests" in line(None)
    # Alive are 32 + 14 of invoices, 10 of estimates, 3 * 35 + 6 of people; others are 153 + 153, 16 and 3 * 5. Of 200, all 167
    # take 167, and for the others 33 are left: 14 of them for 153. Where much changes it is 100: a thirtieth of the others takes
    # 6 + 6 + 1 + 3; the 84 left are one too few for half of the living (16 + 7, 5, 3 * 18 + 3).
    assert "200 requests in each run (children_requests)" in line(200)
    assert "active people are all read again within 3 runs, all others within 26 runs (1 and 11 if no" in line(200)
    report = ask_for_children(account, warehouse, 0)
    assert verdicts(report)["children"] == "note"
    assert report.is_fine


def ask_for_children(account: Account, warehouse: Target, requests: int | None) -> DoctorReport:
    with account.client() as client:
        return doctor(warehouse, client.settings, children_requests=requests, client=client)


def test_it_notes_that_no_history_is_read_again_where_that_is_switched_off(
    open_account: OpenAccount, warehouse: Target
) -> None:
    account = open_account()
    with account.client() as client:
        report = doctor(warehouse, client.settings, reread_requests=0, client=client)
    assert verdicts(report)["re-reading"] == "note"
    assert report.is_fine
