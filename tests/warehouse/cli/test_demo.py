"""The demo: quick, repeatable, true to the company it shows, and apart from the user's own data."""

from __future__ import annotations

import sys
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from harvest_simulator import Clock, Simulator
from harvest_warehouse.cli.demo import _command
from harvest_warehouse.cli.demo_company import DemoReport, demo, demo_warehouse
from support.consoles import COLOURS, STEERING, run

OWN = "harvest_time_tracking.duckdb"
NOW = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DemoReport]:
    """The demo, in a folder where an earlier one was killed, and where the user has something, too."""
    folder = tmp_path_factory.mktemp("demo")
    demo_warehouse(folder).file.write_text("half of a database")
    (folder / ".harvest_demo" / "harvest_demo").mkdir(parents=True)
    (folder / ".harvest_demo" / "harvest_demo" / "state.json").write_text("{half of a state")
    (folder / OWN).write_text("the user's own")
    return folder, demo(folder, now=NOW)


@pytest.mark.nightly
def test_every_stream_is_complete(shown: tuple[Path, DemoReport]) -> None:
    assert {outcome.outcome for outcome in shown[1].sync.load.streams} == {"complete"}  # type: ignore[union-attr]


@pytest.mark.nightly
def test_it_is_equal_to_harvest_and_proven(shown: tuple[Path, DemoReport]) -> None:
    assert shown[1].sync.is_equal
    assert shown[1].verify.is_proven
    assert shown[1].verify.counts["exact"] > 1_000


@pytest.mark.nightly
def test_its_marts_are_built_and_no_error_is_among_what_the_checks_tell(shown: tuple[Path, DemoReport]) -> None:
    built = shown[1].build
    assert {table.name for table in built.tables} >= {"mart_project_budget", "mart_utilisation_weekly", "mart_unbilled"}
    assert all(table.rows for table in built.tables)
    assert dict(built.as_of) == {"123456": NOW.date()}
    assert {found.severity for found in built.found} <= {"warning", "finding"}


@pytest.mark.nightly
def test_its_answers_are_those_of_the_company(shown: tuple[Path, DemoReport]) -> None:
    hours, people, overdue = shown[1].answers
    today = NOW.date()
    company = Simulator(today=today, clock=Clock(NOW)).truth()
    due: dict[str, Decimal] = defaultdict(Decimal)
    for invoice in company["invoices"]:
        if invoice["state"] == "open" and invoice["due_amount"] > 0 and invoice["due_date"] < today.isoformat():
            due[invoice["currency"]] += invoice["due_amount"]
    assert [(row[0], row[2]) for row in overdue.rows] == [(name, f"{due[name]:,.2f}") for name in sorted(due)]
    assert len(hours.rows) == len(people.rows) == 5
    billable: dict[str, Decimal] = defaultdict(Decimal)
    for entry in company["time_entries"]:
        age = (today - datetime.fromisoformat(entry["spent_date"]).replace(tzinfo=UTC).date()).days
        if age < 90 and entry["billable"]:
            billable[entry["user"]["name"]] += entry["hours"]
    best = sorted(billable.values(), reverse=True)[:5]
    shown_hours = [Decimal(row[1].replace(",", "")) for row in people.rows]
    # A running timer goes on between the load and this look at the truth.
    assert all(abs(have - want) < 1 for have, want in zip(shown_hours, best, strict=True))


@pytest.mark.parametrize(("encoding", "columns"), [("cp1252", None), ("latin-1", 80), ("ascii", 60)])
@pytest.mark.nightly
def test_what_it_prints_can_be_shown_on_every_console(
    shown: tuple[Path, DemoReport],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    encoding: str,
    columns: int | None,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("harvest_warehouse.cli.demo_company.demo", lambda *_, **__: shown[1])
    monkeypatch.setattr("harvest_warehouse.weekly.report", lambda *_, **__: WeekFiles)
    printed = run("demo", encoding=encoding, columns=columns)
    assert printed.code == 0, printed.err.decode(encoding)
    text = COLOURS.sub("", printed.out.decode(encoding))
    assert not STEERING.search(text)
    assert not columns or max(len(line) for line in text.splitlines() if line.startswith(" ")) <= columns
    assert shown[1].answers[0].rows[0][0] in text


class WeekFiles:
    """Stands for the page and the picture, which are drawn elsewhere."""

    page, picture = "harvest_demo.html", "harvest_demo.png"


@pytest.mark.nightly
def test_it_starts_afresh_and_touches_nothing_of_the_users(shown: tuple[Path, DemoReport]) -> None:
    folder, _ = shown
    assert (folder / OWN).read_text() == "the user's own"
    assert {path.name for path in folder.iterdir()} == {
        OWN,
        "harvest_demo.duckdb",
        ".harvest_demo.duckdb.lock",
        ".harvest_demo",
    }


@pytest.mark.nightly
def test_the_file_opens_without_dlt(shown: tuple[Path, DemoReport]) -> None:
    with duckdb.connect(str(demo_warehouse(shown[0]).file), read_only=True) as database:
        found = database.execute("select count(*) from harvest_time_tracking_data.users").fetchall()
    assert found == [(40,)]


def test_the_command_that_is_named_can_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [".venv/bin/dlt-harvest", "demo"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _command() == ".venv/bin/dlt-harvest"
    (tmp_path / "dlt-harvest").touch(mode=0o755)
    assert _command() == "dlt-harvest"
