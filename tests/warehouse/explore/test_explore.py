"""Notebooks: each runs as a program on an account, and every chart has rows and a title."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harvest_time_tracking import SettingWrong
from harvest_warehouse import explore
from harvest_warehouse.cli.agents import explore as command
from harvest_warehouse.explore import charts
from harvest_warehouse.explore.explorer import DATABASE, Explorer, frame, opened
from harvest_warehouse.query import QueryReport
from harvest_warehouse.semantics import semantic_model
from harvest_warehouse.warehouse import Target
from support.consoles import run
from support.shop import Shop

GALLERY = Path(explore.__file__).parent / "gallery"
NOTEBOOKS = sorted(GALLERY.glob("*.py"))
MODEL = semantic_model()
# How many charts a notebook draws of a whole company.
CHARTS = {"utilisation": 3, "profitability": 3, "cash": 3, "data_quality": 3, "start": 1}


@pytest.fixture(scope="module")
def harvest(proven_shop: Shop) -> Explorer:
    return Explorer(proven_shop.warehouse)


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_every_cell_of_a_notebook_runs_and_its_charts_say_what_holds(
    file: Path, proven_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATABASE, str(proven_shop.warehouse.file))
    drawn: list[dict[str, Any]] = []

    def noted(chart: Any, *words: Any) -> Any:
        drawn.append(titled(chart, *words).to_dict())
        return titled(chart, *words)

    titled = charts.titled
    monkeypatch.setattr(charts, "titled", noted)
    spec = spec_from_file_location(f"notebook_{file.stem}", file)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.app.run()
    assert len(drawn) == CHARTS[file.stem]
    for chart in drawn:
        title = chart["title"]
        assert " ".join(title["text"]).strip()
        assert title["subtitle"].endswith(f"As of {proven_shop.as_of}")
        assert all(chart["datasets"].values()), title
        # A mark whose value has no colour is not drawn.
        colour = chart.get("encoding", {}).get("color", {})
        if domain := colour.get("scale", {}).get("domain"):
            [rows] = chart["datasets"].values()
            assert {row[colour["field"]] for row in rows} <= set(domain), title


@pytest.mark.nightly
@pytest.mark.by_day(1)
@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_runs_as_a_program_in_the_folder_of_a_warehouse(file: Path, proven_shop: Shop) -> None:
    done = subprocess.run(
        [sys.executable, str(file)],
        cwd=proven_shop.warehouse.folder,
        env={name: value for name, value in os.environ.items() if name != DATABASE},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_metrics_and_questions_are_those_of_the_model(harvest: Explorer) -> None:
    assert list(harvest.metrics["metric"]) == list(MODEL.metrics)
    assert list(harvest.questions["question"]) == list(MODEL.questions)
    assert set(harvest.metrics.set_index("metric").loc["hours", "proven_by"].split(", ")) == {
        *("time/projects", "time/team", "time/tasks")
    }


def test_a_metric_is_split_by_currency_and_is_the_sum_of_its_rows(harvest: Explorer, proven_shop: Shop) -> None:
    by_client = harvest.metric("unbilled_amount", by=["client_name"])
    assert {"client_name", "currency", "unbilled_amount"} <= set(by_client.columns)
    want = dict(
        proven_shop.rows(
            "select currency, sum(uninvoiced_amount) from marts.mart_unbilled "
            "where age_bucket not in ('fee', 'future') group by currency"
        )
    )
    have = by_client.groupby("currency")["unbilled_amount"].sum()
    assert len(want) > 1
    assert have.to_dict() == pytest.approx({currency: float(amount) for currency, amount in want.items()})
    [currency, *_] = want
    assert set(harvest.metric("unbilled_amount", by=["client_name"], currency=currency)["currency"]) == {currency}


def test_a_question_has_exact_values_too(harvest: Explorer) -> None:
    rows = harvest.rows("unbilled_by_age")
    assert {type(row["uninvoiced_amount"]) for row in rows} == {Decimal}
    framed = harvest.question("unbilled_by_age")
    assert list(framed["uninvoiced_amount"]) == [float(row["uninvoiced_amount"]) for row in rows]


def test_sql_of_ones_own_is_guarded(harvest: Explorer) -> None:
    assert list(harvest.sql("select 1 as one")["one"]) == [1]
    for statement in ("drop table invoices", "select * from read_text('/etc/hostname')"):
        with pytest.raises(SettingWrong):
            harvest.sql(statement)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda harvest: harvest.question("nothing"), "There is no question"),
        (lambda harvest: harvest.question("unbilled_by_client", weeks=3), "no parameter 'weeks'"),
        (lambda harvest: harvest.metric("nothing"), "There is no metric"),
        (lambda harvest: Explorer(harvest.warehouse, "1"), "Name one of the accounts"),
    ],
)
def test_what_does_not_exist_is_said_with_what_does(ask: Any, said: str, harvest: Explorer) -> None:
    with pytest.raises(SettingWrong, match=said):
        ask(harvest)


def test_before_anything_is_loaded_it_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DATABASE, raising=False)
    with pytest.raises(SettingWrong, match="dlt-harvest sync"):
        opened(tmp_path)


def test_decimals_are_numbers_and_days_are_times() -> None:
    day = datetime(2026, 11, 30).date()  # noqa: DTZ001 (a day)
    report = QueryReport(("a", "b", "c", "d"), ((Decimal("0.1"), day, None, "x"), (None, None, None, "y")))
    made = frame(report)
    assert made["a"].tolist()[0] == 0.1
    assert pd.isna(made["a"].tolist()[1])
    assert made["b"].dtype.kind == "M"
    assert made["d"].tolist() == ["x", "y"]
    assert frame(QueryReport(("a",), ())).empty


def test_the_command_copies_the_notebook_once_and_opens_it(
    proven_shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[list[str], dict[str, str]]] = []

    def instead(line: list[str], *, env: dict[str, str], check: bool) -> subprocess.CompletedProcess[str]:
        started.append((line, env))
        return subprocess.CompletedProcess(line, 0)

    monkeypatch.setattr(command.subprocess, "run", instead)
    assert b"dlt-harvest sync" in run("explore").err
    assert started == []
    monkeypatch.setenv(DATABASE, "another.duckdb")
    Target(tmp_path).file.write_bytes(proven_shop.warehouse.file.read_bytes())
    assert run("explore", "cash", "--headless").code == 0
    file = tmp_path / "harvest_cash.py"
    assert file.read_text() == (GALLERY / "cash.py").read_text()
    file.write_text("mine")
    again = run("explore", "cash", "--port", "2719")
    assert b"is here already" in again.out
    assert file.read_text() == "mine"
    assert [line[2:] for line, _ in started] == [
        ["marimo", "edit", "--skip-update-check", "--headless", str(file)],
        ["marimo", "edit", "--skip-update-check", "--port", "2719", str(file)],
    ]
    assert [env.get(DATABASE) for _, env in started] == [None, None]
    assert {env["HARVEST_WAREHOUSE__DESTINATION"] for _, env in started} == {"duckdb"}
