"""Alerts asked of rows made by hand: what is left out of them, what is said, sent and returned."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from harvest_time_tracking import SettingWrong
from harvest_warehouse.alerts import alerts
from harvest_warehouse.alerts.catalogue import Alert
from harvest_warehouse.alerts.settings import AlertSettings, alert_settings
from harvest_warehouse.alerts.webhook import deliver
from harvest_warehouse.alerts.wording import alert_title
from harvest_warehouse.cli import app
from harvest_warehouse.cli.render.alerts import message
from harvest_warehouse.warehouse import Target
from support.shop import Shop

RAW, MARTS = "harvest_time_tracking_data", "harvest_marts"
ACCOUNT = {"account_id": "123456"}
PROJECT = ACCOUNT | {"client_name": "Ada", "project_name": "Engine", "project_id": 1, "is_active": True}
BUDGET = PROJECT | {
    "currency": "EUR",
    "budget_unit": "money",
    "budget": 1000,
    "budget_spent": 100,
    "spent_share": 0.1,
    "status": "ok",
}
INVOICE = ACCOUNT | {"invoice_id": 1, "client_name": "Ada", "currency": "EUR", "state": "open"}
ENTRY = ACCOUNT | {
    "time_entry_id": 1,
    "user_id": 1,
    "project_id": 1,
    "client_id": 1,
    "currency": "EUR",
    "project_type": "time_and_materials",
    "is_billable": True,
    "is_billed": False,
    "is_closed": False,
    "is_running": False,
    "spent_date": "2026-03-13",
    "hours": 2,
    "tracked_hours": 2,
    "uninvoiced_hours": 2,
    "uninvoiced_amount": 200,
    "value_at_rates": 200,
}
EXPENSE = ACCOUNT | {
    "expense_id": 1,
    "project_id": 1,
    "client_id": 1,
    "currency": "EUR",
    "project_type": "time_and_materials",
    "is_billable": True,
    "is_billed": False,
    "spent_date": "2026-01-05",
    "uninvoiced_amount": 5,
}
SHEET = ACCOUNT | {
    "user_id": 1,
    "person_name": "Bo",
    "week_start": "2026-03-09",
    "is_active": True,
    "capacity_hours": 40,
}
MONTH = PROJECT | {"currency": "EUR", "month_start": "2026-02-01", "is_complete_month": True, "revenue": 1000}
SENT = ACCOUNT | {
    "id": 7,
    "number": "A7",
    "client__id": 1,
    "currency": "EUR",
    "state": "open",
    "issue_date": "2026-03-01",
    "sent_at": "2026-03-01 12:00:00+00",
    "_dlt_id": "x",
    "_dlt_load_id": "1",
}
BILLED = ENTRY | {"is_billed": True, "invoice_id": 7}

# The simulated company lives in March: its data is old by the clock, and only the tests of that look at it.
ANY_AGE = "10000000"

Rows = dict[str, list[dict[str, Any]]]

# What is besides a threshold: name of the alert, tables that make it fire, and tables that do not.
CASES: list[tuple[str, Rows, Rows]] = [
    (
        "budget",
        {"mart_project_budget": [BUDGET | {"budget": 0, "spent_share": None, "status": "over"}]},
        {
            "mart_project_budget": [
                BUDGET | {"budget_spent": 2000, "spent_share": 2, "status": "over", "is_active": False}
            ]
        },
    ),
    (
        "unbilled",
        {"fct_expense": [EXPENSE]},
        {"fct_time_entry": [ENTRY | {"spent_date": "2026-01-05", "is_billed": True, "uninvoiced_amount": 0}]},
    ),
    (
        "margin",
        {"mart_project_profitability_monthly": [MONTH | {"margin": -50, "month_start": "2025-12-01"}]},
        {
            "mart_project_profitability_monthly": [
                MONTH | {"margin": -50, "month_start": "2025-11-01"},
                MONTH | {"margin": -50, "month_start": "2026-03-01", "is_complete_month": False},
                MONTH | {"margin": None, "currency": "USD"},
            ]
        },
    ),
    (
        "missing_timesheets",
        {"mart_timesheet_compliance_weekly": [SHEET | {"week_index": 0, "missing_hours_of_week": 8}]},
        {
            "mart_timesheet_compliance_weekly": [
                SHEET | {"user_id": 2, "week_index": -1, "missing_hours_of_week": 40},
                SHEET | {"user_id": 3, "week_index": 1, "missing_hours_of_week": 40},
                SHEET | {"user_id": 4, "week_index": 0, "missing_hours_of_week": 40, "is_active": False},
                # Four days of ten hours: on the fifth, eight are missing by the day, and none by the week.
                SHEET | {"user_id": 5, "week_index": 0, "missing_hours_of_week": 0, "missing_hours": 8},
            ]
        },
    ),
    (
        "overdue_invoices",
        {"fct_invoice": [INVOICE | {"due_amount": "0.01", "days_overdue": 1}]},
        {
            "fct_invoice": [
                INVOICE | {"invoice_id": 2, "due_amount": 0, "days_overdue": 573},
                INVOICE | {"invoice_id": 3, "due_amount": -200, "days_overdue": 71},
                INVOICE | {"invoice_id": 4, "due_amount": 200, "days_overdue": 0},
                INVOICE | {"invoice_id": 5, "due_amount": 200, "days_overdue": 9, "state": "draft"},
            ]
        },
    ),
    (
        "changed_after_invoicing",
        {
            "invoices": [SENT | {"sent_at": "2026-01-01 12:00:00+00"}],
            "fct_time_entry": [BILLED | {"updated_at": "2026-02-14 00:00:00+00"}],
        },
        {
            "invoices": [SENT | {"sent_at": "2026-01-01 12:00:00+00"}],
            "fct_time_entry": [BILLED | {"updated_at": "2026-02-13 23:59:59+00"}],
        },
    ),
]


@pytest.fixture(autouse=True)
def of_any_age(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARVEST_ALERTS__MAX_AGE_HOURS", ANY_AGE)


@pytest.fixture(scope="module")
def built(tiny_shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Target:
    """The marts of a small company as they are built, so that columns are those that there are."""
    shop = tiny_shop.copy(tmp_path_factory.mktemp("built"))
    shop.build()
    return shop.warehouse


@pytest.fixture(scope="module")
def emptied(built: Target, tmp_path_factory: pytest.TempPathFactory) -> Target:
    """The same tables with no facts in them: nothing needs attention."""
    warehouse = Target(tmp_path_factory.mktemp("emptied"))
    shutil.copy(built.file, warehouse.file)
    with duckdb.connect(str(warehouse.file)) as database:
        query = "select table_name from information_schema.tables where table_schema = ? and table_name not in ('dim_account', 'dim_date', 'mart_data_quality')"
        for (table,) in database.execute(query, [MARTS]).fetchall():
            database.execute(f"delete from {MARTS}.{table}")
        database.execute(f"delete from {RAW}.invoices")
        put(database, f"{MARTS}.dim_client", [ACCOUNT | {"client_id": 1, "client_name": "Ada"}])
        put(database, f"{MARTS}.dim_person", [ACCOUNT | {"user_id": 1, "person_name": "Bo"}])
        put(database, f"{MARTS}.dim_project", [PROJECT])
    return warehouse


@pytest.fixture
def blank(emptied: Target, tmp_path: Path) -> Target:
    """A copy of it, to put rows into."""
    warehouse = Target(tmp_path)
    shutil.copy(emptied.file, warehouse.file)
    return warehouse


def put(database: duckdb.DuckDBPyConnection, table: str, rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        marks = ", ".join("?" for _ in row)
        database.execute(f"insert into {table} ({', '.join(row)}) values ({marks})", list(row.values()))


def having(warehouse: Target, tables: Rows) -> Target:
    """The warehouse with these rows; `week_index` counts from the last complete week."""
    with duckdb.connect(str(warehouse.file)) as database:
        last = database.execute(f"select max(week_index) from {MARTS}.dim_date where is_complete_week").fetchall()[0][0]
        for table, rows in tables.items():
            schema = RAW if table == "invoices" else MARTS
            moved = [row | ({"week_index": last + row["week_index"]} if "week_index" in row else {}) for row in rows]
            put(database, f"{schema}.{table}", moved)
    return warehouse


@pytest.mark.parametrize(("name", "tables"), [(name, fires) for name, fires, _ in CASES])
def test_it_fires(blank: Target, name: str, tables: Rows) -> None:
    report = alerts(having(blank, tables), AlertSettings())
    assert [(raised.alert.name, len(raised.rows)) for raised in report.raised] == [(name, 1)]
    # Every row can be said in words.
    assert message(report).count("•") == 1


@pytest.mark.parametrize(("name", "tables"), [(name, quiet) for name, _, quiet in CASES])
def test_it_keeps_quiet(blank: Target, name: str, tables: Rows) -> None:
    report = alerts(having(blank, tables), AlertSettings())
    assert report.raised == ()
    assert name in report.quiet


def test_work_of_thirty_days_is_what_the_mart_of_unbilled_work_has_in_its_older_ages(built: Target) -> None:
    query = f"""
        select currency, sum(uninvoiced_amount) from {MARTS}.mart_unbilled
        where age_bucket not in ('future', '0-30', 'fee') group by 1 having sum(uninvoiced_amount) > 0
    """
    with duckdb.connect(str(built.file), read_only=True) as database:
        expected = dict(database.execute(query).fetchall())
    raised = {one.alert.name: one for one in alerts(built, AlertSettings()).raised}
    assert (raised["unbilled"].totals if expected else {}) == expected


def test_totals_are_by_currency_and_never_over_them(blank: Target) -> None:
    invoices = [
        INVOICE
        | {
            "invoice_id": number,
            "invoice_number": number,
            "currency": currency,
            "due_amount": amount,
            "days_overdue": 9,
        }
        for number, (currency, amount) in enumerate([("EUR", "1.10"), ("USD", "5"), ("EUR", "2.20")])
    ]
    [raised] = (report := alerts(having(blank, {"fct_invoice": invoices}), AlertSettings())).raised
    assert raised.totals == {"EUR": Decimal("3.3"), "USD": Decimal(5)}
    assert alert_title(raised, report) == "3 invoices overdue by 1 day or more: EUR 3.30, USD 5.00"


def test_the_largest_amount_of_each_currency_comes_first(blank: Target) -> None:
    amounts = [("EUR", 10), ("JPY", 450_000), ("EUR", 300), ("JPY", 20_000)]
    invoices = [
        INVOICE | {"invoice_id": number, "currency": currency, "due_amount": amount, "days_overdue": 9}
        for number, (currency, amount) in enumerate(amounts)
    ]
    [raised] = alerts(having(blank, {"fct_invoice": invoices}), AlertSettings()).raised
    found = [(row["currency"], row["open_amount"]) for row in raised.rows]
    assert found == [("EUR", 300), ("JPY", 450_000), ("EUR", 10), ("JPY", 20_000)]


def test_what_a_budget_is_over_by_is_money(blank: Target) -> None:
    over = BUDGET | {"status": "over", "budget": 50, "budget_spent": 60, "spent_share": 1.2, "budget_unit": "hours"}
    budgets = [
        over,
        over | {"project_id": 2, "budget_unit": "money"},
        # No billable hour, no rate.
        over | {"project_id": 3},
    ]
    # 900 for 12 hours in two months: 75 an hour, and 10 hours over.
    months = [
        MONTH | {"month_start": month, "billable_hours": hours, "value_at_rates": value}
        for month, hours, value in (("2025-01-01", 8, 500), ("2025-02-01", 4, 400))
    ]
    made = having(blank, {"mart_project_budget": budgets, "mart_project_profitability_monthly": months})
    [raised] = alerts(made, AlertSettings()).raised
    assert {row["project_id"]: row["over_amount"] for row in raised.rows} == {1: 750, 2: 10, 3: None}
    assert [row["project_id"] for row in raised.rows] == [1, 2, 3]


def test_a_loss_is_said_to_be_one(blank: Target) -> None:
    lost = MONTH | {"client_id": 1, "revenue": "9572.26", "margin": "-34787.06"}
    report = alerts(having(blank, {"mart_project_profitability_monthly": [lost]}), AlertSettings())
    assert "Ada, Engine: lost EUR 34,787.06 on revenue of EUR 9,572.26" in message(report)


LOADED = datetime(2026, 3, 16, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("as_of", "hours", "is_old"),
    [
        ("2026-03-16", 36, False),
        ("2026-03-16", 36.1, True),
        # Built as of a day long gone, from rows that were loaded just now.
        ("2025-09-01", 0, True),
        # The night's load, read in the evening: the day itself is no age.
        ("2026-03-15", 20, False),
    ],
)
def test_old_data_is_told_whether_it_was_loaded_or_built_long_ago(
    blank: Target, as_of: str, hours: float, is_old: bool
) -> None:
    date_accounts(blank, as_of)
    report = alerts(blank, AlertSettings(), now=LOADED + timedelta(hours=hours))
    assert (bool(report.old), report.needs_attention) == (is_old, is_old)


def date_accounts(warehouse: Target, as_of: str) -> None:
    with duckdb.connect(str(warehouse.file)) as database:
        database.execute(
            f"update {MARTS}.dim_account set loaded_at = ?, as_of_date = ?, time_zone = 'UTC'", [LOADED, as_of]
        )


def test_old_data_comes_first_and_ends_with_3(blank: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    date_accounts(blank, "2026-03-16")
    monkeypatch.setenv("HARVEST_ALERTS__MAX_AGE_HOURS", "36")
    done = CliRunner().invoke(app, ["alerts"])
    assert done.exit_code == 3
    first, last = done.stdout.splitlines()
    assert re.fullmatch(
        r"The data is [\d,]+ days old: figures are as of 16 Mar 2026, loaded 16 Mar 2026 04:00 UTC", first
    )
    assert last.startswith("No other alert, as of 16 Mar 2026")
    with webhook(200) as (address, taken):
        monkeypatch.setenv("RUNTIME__SLACK_INCOMING_HOOK", address)
        CliRunner().invoke(app, ["alerts"])
    [body] = taken
    assert "days old" in json.loads(body)["text"].splitlines()[0]


def test_thresholds_are_settings(blank: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    spent = having(blank, {"mart_project_budget": [BUDGET | {"budget_spent": 500, "spent_share": 0.5}]})
    assert alerts(spent).raised == ()
    monkeypatch.setenv("HARVEST_ALERTS__BUDGET_SHARE", "0.5")
    want = dataclasses.replace(AlertSettings(), budget_share=Decimal("0.5"), max_age_hours=Decimal(ANY_AGE))
    assert alert_settings() == want
    assert [raised.alert.name for raised in alerts(spent).raised] == ["budget"]


@pytest.mark.parametrize(("value", "said"), [("80", "a share"), ("much", "a number"), ("-1", "a number")])
def test_a_threshold_that_cannot_work_is_refused(value: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARVEST_ALERTS__BUDGET_SHARE", value)
    with pytest.raises(SettingWrong, match=said):
        alert_settings()


def test_a_misspelled_threshold_is_told(tmp_path: Path) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text("[harvest_alerts]\nbudget_shares = 0.5\n")
    command = [sys.executable, "-m", "harvest_warehouse.cli", "alerts"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "Did you mean budget_share?" in done.stderr) == (2, True)


def test_a_misspelled_variable_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARVEST_ALERTS__BUDGETSHARE", "0.5")
    with pytest.raises(SettingWrong, match=r"HARVEST_ALERTS__BUDGETSHARE. Did you mean HARVEST_ALERTS__BUDGET_SHARE\?"):
        alert_settings()


def test_an_alert_is_one_entry(blank: Target) -> None:
    mine = Alert(
        "many_clients",
        "soon",
        ("client", "clients"),
        "there are",
        "{client_name}",
        "select account_id, client_name from marts.dim_client",
    )
    [raised] = alerts(blank, AlertSettings(), catalogue=[mine]).raised
    assert raised.rows == ({"account_id": "123456", "client_name": "Ada"},)


def test_the_command_ends_with_3_where_something_needs_somebody_and_with_0_where_not(blank: Target) -> None:
    quiet = CliRunner().invoke(app, ["alerts"])
    assert (quiet.exit_code, "Nothing needs attention, as of 16 Mar 2026" in quiet.stdout) == (0, True)
    having(blank, {"fct_invoice": [INVOICE | {"due_amount": "10.50", "days_overdue": 3, "invoice_number": "I1"}]})
    loud = CliRunner().invoke(app, ["alerts"])
    assert loud.exit_code == 3
    assert "  Ada: invoice I1, EUR 10.50, due –, 3 days overdue\n" in loud.stdout
    shown = CliRunner().invoke(app, ["alerts", "--json"])
    document = json.loads(shown.stdout, parse_float=Decimal)
    assert shown.exit_code == 3
    assert document["as_of"] == {"123456": "2026-03-16"}
    [alert] = document["alerts"]
    assert (alert["name"], alert["totals"], alert["rows"][0]["open_amount"]) == (
        "overdue_invoices",
        {"EUR": Decimal("10.5")},
        Decimal("10.5"),
    )
    assert document["delivered"] is None


def test_without_marts_it_says_how_to_build_them(tmp_path: Path) -> None:
    with duckdb.connect(str(Target(tmp_path).file)) as database:
        database.execute(f"create schema {RAW}; create table {RAW}.clients (id bigint)")
    result = CliRunner().invoke(app, ["alerts"])
    assert (result.exit_code, "dlt-harvest build" in result.stderr) == (2, True)


@contextmanager
def webhook(status: int) -> Iterator[tuple[str, list[bytes]]]:
    """Something that takes messages and answers with this status."""
    taken: list[bytes] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "/login")
            self.end_headers()

        def do_GET(self) -> None:
            """A page that asks to log in."""
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/services/T0/B0/verysecret", taken
    finally:
        server.shutdown()
        server.server_close()


def test_what_was_found_goes_to_the_webhook_and_no_name_can_call_anybody(
    blank: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    having(blank, {"fct_invoice": [INVOICE | {"client_name": "<!channel> & Co", "due_amount": 1, "days_overdue": 3}]})
    with webhook(200) as (address, taken):
        monkeypatch.setenv("RUNTIME__SLACK_INCOMING_HOOK", address)
        result = CliRunner().invoke(app, ["alerts", "--json"])
    assert result.exit_code == 3
    assert json.loads(result.stdout)["delivered"] == "delivered"
    [body] = taken
    assert "&lt;!channel&gt; &amp; Co" in json.loads(body)["text"]
    assert "verysecret" not in result.output


def test_a_webhook_on_this_machine_is_reached_without_the_proxy(blank: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy would see the address, which is a secret, and would know another machine by that name."""
    with webhook(200) as (address, taken):
        monkeypatch.setenv("RUNTIME__SLACK_INCOMING_HOOK", address)
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        assert deliver(blank, "found") is None
    assert len(taken) == 1


def test_nothing_is_sent_where_nothing_was_found(blank: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    with webhook(200) as (address, taken):
        monkeypatch.setenv("RUNTIME__SLACK_INCOMING_HOOK", address)
        assert CliRunner().invoke(app, ["alerts"]).exit_code == 0
    assert taken == []


@pytest.mark.parametrize("status", [404, 500, 302, 307, None])
def test_a_message_that_does_not_arrive_is_told_without_the_address(
    blank: Target, status: int | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    having(blank, {"fct_invoice": [INVOICE | {"due_amount": 1, "days_overdue": 3}]})
    with webhook(status or 200) as (address, taken):
        # Without a status, to where nobody listens.
        monkeypatch.setenv("RUNTIME__SLACK_INCOMING_HOOK", address if status else "http://127.0.0.1:1/verysecret")
        result = CliRunner().invoke(app, ["alerts", "--debug"])
    assert result.exit_code == 3
    assert (f"answered {status}" if status else "cannot be reached") in result.stderr
    assert len(taken) == (1 if status else 0)
    assert "verysecret" not in result.output + caplog.text
