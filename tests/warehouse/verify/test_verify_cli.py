"""`dlt-harvest verify` as its users meet it."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

from harvest_warehouse.cli.console import PlainConsole
from harvest_warehouse.cli.render.verify import difference_table, rows_lines
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.verify.row_checks import OddEntry, RowChecks
from harvest_warehouse.verify.verdicts import Figure, Judged
from harvest_warehouse.warehouse import Target
from support.accounts import Account

OpenAccount = Callable[..., Account]


def run(account: Account, *arguments: str) -> subprocess.CompletedProcess[str]:
    prefix = "SOURCES__HARVEST_TIME_TRACKING__"
    environment = {
        f"{prefix}ACCESS_TOKEN": account.simulator.access_token,
        f"{prefix}ACCOUNT_ID": account.simulator.account_id,
        f"{prefix}BASE_URL": account.url,
        f"{prefix}REQUESTS_PER_15_S": "0",
        f"{prefix}REPORT_REQUESTS_PER_15_MIN": "0",
    }
    return subprocess.run(
        [sys.executable, "-m", "harvest_warehouse.cli", *arguments],
        env=os.environ | {"COLUMNS": "200"} | environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture
def account(open_account: OpenAccount) -> Account:
    account = open_account()
    account.simulator.enforce_limits = False
    done = run(account, "load")
    assert done.returncode == 0, done.stderr
    return account


def hours_by_task(account: Account, days: tuple[date, date], currency: str) -> dict[int, float]:
    rows = account.simulator.report_truth("report_time_tasks", *days)
    return {row["task_id"]: float(row["total_hours"]) for row in rows if row["currency"] == currency}


@pytest.mark.nightly
def test_it_says_beforehand_how_long_it_takes_and_exits_0_where_all_agrees(account: Account) -> None:
    done = run(account, "verify")
    assert done.returncode == 0, done.stdout + done.stderr
    # Of the year that the four months are in: seven; the budgets, and the year before.
    assert "asking Harvest for 10 reports, a minute or less" in done.stderr
    assert "4 months compared only as part of a year" in done.stdout
    by_month = run(account, "verify", "--months")
    assert by_month.returncode == 0, by_month.stdout + by_month.stderr
    assert "asking Harvest for 31 reports" in by_month.stderr
    assert "as part of a year" not in by_month.stdout
    # In the order of their calls, and no report that was not asked for.
    assert "Every figure in these Harvest reports agrees: project_budget, " in done.stdout
    assert "0 ties" in done.stdout
    assert "Found: hours are rounded up to 6 minutes (" in done.stdout
    last = done.stdout.splitlines()[-1]
    assert last.startswith("Not proven, because no Harvest report shows it: hours before they are rounded")
    assert "people, their rates" in last


@dataclass(frozen=True)
class Deleted:
    """An entry that Harvest has no more, and the hours of its task in January: ours and Harvest's."""

    task: str
    ours: float
    theirs: float


@pytest.fixture
def deleted(account: Account) -> Deleted:
    store = account.simulator.store
    project = next(project for project in store.projects.values() if project.is_fixed_fee)
    january = (date(2026, 1, 1), date(2026, 1, 31))
    currency = store.clients[project.client_id].currency
    before = hours_by_task(account, january, currency)
    entry = next(
        entry for entry in store.time_entries.values() if entry.spent_date.month == 1 and entry.project_id == project.id
    )
    store.delete_time_entry(entry.id)
    after = hours_by_task(account, january, currency)
    return Deleted(store.tasks[entry.task_id].name, before[entry.task_id], after.get(entry.task_id, 0.0))


def test_what_differs_is_named_with_both_figures_and_exits_3(account: Account, deleted: Deleted) -> None:
    done = run(account, "verify")
    assert done.returncode == 3
    line = next(line for line in done.stdout.splitlines() if "time/tasks" in line and "total_hours" in line)
    for named in (deleted.task, f" {deleted.ours:.2f} ", f" {deleted.theirs:.2f} ", "2026-01-01"):
        assert named in line


@pytest.mark.nightly
def test_what_differs_is_in_the_json_until_it_is_repaired(account: Account, deleted: Deleted) -> None:
    machine = run(account, "verify", "--json")
    assert machine.returncode == 3
    report = json.loads(machine.stdout)
    found = next(
        one for one in report["differing"] if one["report"] == "time/tasks" and one["measure"] == "total_hours"
    )
    assert (float(found["ours"]), float(found["theirs"])) == (deleted.ours, deleted.theirs)
    assert any("notes" in named for named in report["not_in_reports"])
    assert list(report["rows"]["rounding_rules"]) == ["rounded up to 6 minutes"]
    assert report["is_proven"] is False
    repaired = run(account, "verify", "--repair")
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    assert "Read again, round 1: time_entries" in repaired.stdout


@pytest.mark.nightly
def test_hours_that_no_rounding_makes_so_are_named_and_exit_3_though_every_report_agrees(account: Account) -> None:
    with open_pipeline(Target(Path.cwd())).sql_client() as client:
        client.execute_sql("update time_entries set hours = hours + 1 where id = (select min(id) from time_entries)")
    done = run(account, "verify", "--json")
    assert done.returncode == 3, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["differing"] == []
    (odd,) = report["rows"]["odd_entries"]
    assert Decimal(odd["hours"]) - Decimal(odd["rounded_hours"]) > Decimal("0.8")
    said = run(account, "verify")
    assert said.returncode == 3
    assert "Rows in the database contradict themselves." in said.stdout
    assert f"time entry {odd['id']} ({odd['spent_date']}, {odd['project']}, {odd['person']})" in said.stdout


@pytest.mark.parametrize("columns", [60, 80, 140])
@pytest.mark.parametrize("subject", ["Migration of a large warehouse", "M" * 200])
def test_a_narrow_terminal_shows_what_differs_and_both_figures(
    monkeypatch: pytest.MonkeyPatch, columns: int, subject: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    january = date(2026, 1, 1), date(2026, 1, 31)
    values, theirs = {"": Decimal(1)}, Decimal("11231053.75")
    figure = Figure("time/projects", *january, 14307001, subject, "CAD", "uninvoiced_amount", values, theirs)
    console = PlainConsole()
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    console.file = terminal
    console.show(difference_table([Judged(figure, "mismatch", Decimal("11231443.20"))]))
    shown = re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue())
    assert "11,231,443.20" in shown
    assert "11,231,053.75" in shown
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= columns
    # A word that does not fit goes on in the next line.
    assert shown.count("M") == subject.count("M")
    assert ("currency, from, to, verdict, report" in " ".join(shown.split())) == (columns == 60)
    assert ("too narrow for" in shown) == (columns < 140)


def test_a_name_that_a_terminal_would_obey_stays_on_its_line() -> None:
    name = "Site\x1b]52;c;cm0gLXJm\x07\n\x1b[2J"
    odd = OddEntry(7, date(2026, 1, 2), name, name, Decimal(8), Decimal(7))
    (line,) = rows_lines(RowChecks(odd=(odd,)))
    assert "(2026-01-02, Site, Site) has 8.00 hours, rounded 7.00" in line
    console = Console(width=200)
    figure = Figure("uninvoiced", odd.spent_date, odd.spent_date, 7, name, "CAD", "total_hours", {}, Decimal(1))  # type: ignore[arg-type]
    with console.capture() as captured:
        console.print(difference_table([Judged(figure, "mismatch", Decimal(1))]))
    assert "Site (7)" in captured.get()


@pytest.mark.nightly
def test_a_token_that_does_not_see_everything_exits_3_with_the_reason(account: Account) -> None:
    account.simulator.as_role("member")
    done = run(account, "verify")
    assert done.returncode == 3
    assert "Not provable, time/projects" in done.stdout
    assert "administrator" in done.stdout


def test_without_a_load_it_exits_1_and_a_wrong_day_exits_2(open_account: OpenAccount) -> None:
    account = open_account()
    empty = run(account, "verify")
    assert empty.returncode == 1
    assert "dlt-harvest load" in empty.stderr
    wrong = run(account, "verify", "--since", "yesterday")
    assert wrong.returncode == 2
    assert "since" in wrong.stderr
