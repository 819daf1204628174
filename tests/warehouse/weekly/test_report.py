"""The weekly page: the marts' own figures, each currency for itself, and nothing that runs or is fetched."""

from __future__ import annotations

import base64
import re
import shutil
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import duckdb
import pytest
from markupsafe import escape
from typer.testing import CliRunner

from harvest_simulator import Simulator
from harvest_time_tracking import Secret, Settings, SettingWrong
from harvest_warehouse.alerts.settings import AlertSettings
from harvest_warehouse.cli import app
from harvest_warehouse.load import load
from harvest_warehouse.marts import build
from harvest_warehouse.marts.settings import MartSettings
from harvest_warehouse.warehouse import Target
from harvest_warehouse.weekly import report

TODAY = date(2026, 3, 16)  # a Monday
RAW, MARTS = "harvest_time_tracking_data", "harvest_marts"
PNG = b"\x89PNG\r\n\x1a\n"


def made(folder: Path, *streams: str, **account: Any) -> Target:
    """A warehouse whose marts were built from a simulated account."""
    warehouse = Target(folder, pipelines_dir=folder / "pipelines")
    simulator = Simulator(today=TODAY, enforce_limits=False, **account)
    with simulator.serving() as url:
        settings = Settings(Secret(simulator.access_token), simulator.account_id, url, requests_per_15_s=0)
        load(warehouse, settings, streams)
    build(warehouse, MartSettings(), as_of=TODAY)
    return warehouse


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Target:
    return made(tmp_path_factory.mktemp("built"), size="tiny")


@pytest.fixture(scope="module")
def html(built: Target) -> str:
    return report(built, built.folder / "week.html", AlertSettings()).page.read_text(encoding="utf-8")


@pytest.fixture
def changed(built: Target, tmp_path: Path) -> Callable[..., str]:
    """The page of a copy of the database in which something was changed by SQL."""

    def page(*statements: str) -> str:
        warehouse = Target(tmp_path)
        shutil.copy(built.file, warehouse.file)
        with duckdb.connect(str(warehouse.file)) as database:
            for statement in statements:
                database.execute(statement)
        return report(warehouse, tmp_path / "week.html", AlertSettings()).page.read_text(encoding="utf-8")

    return page


def asked(warehouse: Target, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(warehouse.file), read_only=True) as database:
        return database.execute(query).fetchall()


def chapters(html: str) -> dict[str, str]:
    """What stands under each heading."""
    parts = re.split(r"<h2>(.*?)</h2>", html)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def tiles(html: str) -> dict[str, str]:
    found = re.findall(r'<div class="tile[^"]*">\s*<p>(.*?)</p>\s*<p class="figure">(.*?)</p>', html)
    return {unescape(label): unescape(figure) for label, figure in found}


def tables(html: str) -> dict[str, list[list[str]]]:
    """The rows of each table, by its first heading."""
    found = {}
    for table in re.findall(r"<table>(.*?)</table>", html, re.DOTALL):
        head, *rows = [
            [unescape(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
            for row in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
        ]
        found[head[0]] = rows
    return found


def drawings(html: str) -> list[str]:
    return [base64.b64decode(text).decode() for text in re.findall(r"data:image/svg\+xml;base64,([\w+/=]+)", html)]


def test_hours_are_those_of_the_marts(built: Target, html: str) -> None:
    [(billable, available)] = asked(
        built,
        f"""
        select sum(billable_hours), sum(available_hours) from {MARTS}.mart_utilisation_weekly
        where week_start = date '2026-03-09'
        """,
    )
    [(missing,)] = asked(
        built,
        f"select sum(missing_hours) from {MARTS}.mart_timesheet_compliance_weekly where week_start = date '2026-03-09'",
    )
    hours = chapters(html)["Hours"]
    assert tiles(hours) == {
        "Billable utilisation, last week": f"{billable / available * 100:,.0f} %",
        "Missing hours, last week": f"{missing:,.0f} h",
    }
    assert tables(hours)["Week of"][-1][2:] == [f"{billable:,.2f}", f"{available:,.2f}"]


def test_money_is_that_of_the_marts_in_each_currency_for_itself(built: Target, html: str) -> None:
    currencies = [row[0] for row in asked(built, f"select distinct currency from {MARTS}.dim_client order by 1")]
    assert len(currencies) >= 3
    found = chapters(html)
    assert sorted(set(found) - {"Who to call this Monday", "Hours"}) == currencies
    for currency in currencies:
        [(unbilled,)] = asked(
            built,
            f"""
            select coalesce(sum(uninvoiced_amount), 0) from {MARTS}.mart_unbilled
            where currency = '{currency}' and age_bucket <> 'fee'
            """,
        )
        ages = dict(
            asked(
                built,
                f"""
                select overdue_bucket, sum(open_amount) from {MARTS}.fct_invoice
                where currency = '{currency}' and state = 'open' group by 1
                """,
            )
        )
        [(over,)] = asked(
            built,
            f"""
            select count(*) from {MARTS}.mart_project_budget
            where currency = '{currency}' and is_active and status in ('over', 'forecast_over')
            """,
        )
        shown = tiles(found[currency])
        assert shown["Not yet billed"] == f"{currency} {unbilled:,.0f}"
        assert shown["Receivables"] == f"{currency} {sum(ages.values()):,.0f}"
        assert shown["Budgets over, or heading over"] == f"{over}"
        open_by_age = [number(row[1]) for row in tables(found[currency]).get("Overdue", [])]
        if ages:
            assert open_by_age == [
                round(ages.get(age, Decimal(0)), 2) for age in ("not_due", "1-30", "31-60", "61-90", "90+")
            ]
        assert sum(number(row[2]) for row in tables(found[currency]).get("Client", [])) == round(unbilled, 2)


def number(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


def test_every_colour_of_a_chart_is_explained(html: str) -> None:
    found = 0
    for legend, wide in re.findall(
        r'<ul class="legend"[^>]*>(.*?)</ul>.*?<img src="data:image/svg\+xml;base64,([\w+/=]+)"', html, re.DOTALL
    ):
        explained = set(re.findall(r"solid (#\w+)", legend))
        # Bars alone are filled with colours; text and axes are black or grey.
        bars = set(re.findall(r'<path aria-label[^>]*fill="(#\w+)"', base64.b64decode(wide).decode()))
        assert bars <= explained
        found += len(bars)
    assert found


def test_nothing_runs_and_nothing_is_fetched(html: str) -> None:
    drawn = drawings(html)
    assert len(drawn) >= 8
    for text in (re.sub(r"base64,[\w+/=]+", "", html), *drawn):
        assert not re.search(r"<script|javascript:|\son\w+=|<link|@import|<iframe|xlink:href|\shref=|url\(http", text)
    assert not re.search(r'(src|srcset)="(?!data:)', html)


def test_there_is_a_picture_beside_it(built: Target, html: str) -> None:
    assert (built.folder / "week.png").read_bytes().startswith(PNG)


def test_a_name_is_text_and_never_markup(changed: Callable[..., str], tmp_path: Path) -> None:
    bad = '<script>alert(1)</script> & "x"'
    page = changed(
        *(
            f"update {MARTS}.{table} set client_name = '{bad}'"
            for table in ("dim_client", "mart_unbilled", "mart_project_budget", "fct_invoice")
        ),
        f"update {MARTS}.dim_account set account_name = '{bad}'",
    )
    assert "<script" not in page
    assert f"<title>{escape(bad)}: the week</title>" in page
    assert f"<h1>{escape(bad)}: the week</h1>" in page
    assert f"<td>{escape(bad)}</td>" in page
    assert any("&lt;script&gt;alert" in drawn for drawn in drawings(page))
    assert not any("<script" in drawn for drawn in drawings(page))
    assert (tmp_path / "week.png").read_bytes().startswith(PNG), "in the picture, too"


def test_a_long_name_of_emoji_is_drawn_and_shortened(changed: Callable[..., str]) -> None:
    name = "\U0001f600\U0001f680" * 20
    page = changed(f"update {MARTS}.mart_unbilled set client_name = '{name}' || client_name")
    drawn = "".join(drawings(page))
    assert "\U0001f600\U0001f680" in drawn
    assert not re.search("[\ue000-\uf8ff\ufffd]", drawn)


def test_control_signs_in_names_stop_no_drawing(changed: Callable[..., str], tmp_path: Path) -> None:
    page = changed(
        f"update {MARTS}.mart_unbilled set client_name = chr(27) || client_name",
        f"update {MARTS}.dim_account set account_name = chr(7) || account_name",
    )
    for drawn in drawings(page):
        ElementTree.fromstring(drawn)
    assert (tmp_path / "week.png").read_bytes().startswith(PNG)


def test_the_verdict_is_read_from_the_reconciliation_and_not_run_where_there_is_none(
    html: str, changed: Callable[..., str]
) -> None:
    assert "<b>Compared with Harvest</b> not run" in html
    table = f"{RAW}.harvest_reconciliation"
    page = changed(
        f"drop table if exists {table}",
        f"""
        create table {table} as
        select '123456' as account_id, 'time/projects' as report, verdict, '' as reason,
          timestamptz '2026-03-15 10:00:00+00' as compared_at
        from (values ('exact'), ('exact'), ('mismatch')) as v(verdict)
        """,
    )
    assert "<b>Compared with Harvest</b> 2 exact, 0 ties, 1 mismatch (15 Mar 2026)" in page
    assert "not run" not in page


def test_whom_to_call_are_the_rows_of_the_alerts_the_worst_first(changed: Callable[..., str]) -> None:
    page = changed(
        f"delete from {MARTS}.mart_project_budget",
        f"delete from {MARTS}.fct_invoice",
        *(
            f"""
            insert into {MARTS}.fct_invoice
              (account_id, invoice_id, client_name, invoice_number, currency, state, open_amount, days_overdue, due_date)
            values ('123456', {days}, 'Late', 'N{days}', 'EUR', 'open', 10, {days}, date '2026-01-01')
            """
            for days in (3, 50, 7, 20)
        ),
    )
    calls = chapters(page)["Who to call this Monday"]
    assert "4 invoices overdue by 1 day or more: EUR 40.00" in calls
    assert re.findall(r"invoice (N\d+)", calls) == ["N50", "N20", "N7"]
    assert "and 1 more" in calls


def test_an_empty_account_has_a_page_too(tmp_path: Path) -> None:
    warehouse = made(tmp_path, empty=True)
    written = report(warehouse, tmp_path / "week.html", AlertSettings())
    page = written.page.read_text(encoding="utf-8")
    assert "Nobody: no alert was raised." in page
    assert "Utilisation by week: nothing to show, there are no time entries in Harvest" in page
    assert "CAD 0" not in page
    assert "Never read" not in page
    assert written.picture.read_bytes().startswith(PNG)


def test_what_was_never_read_is_told_before_a_figure_that_rests_on_it(tmp_path: Path) -> None:
    warehouse = made(tmp_path, "time_entries", size="tiny")
    page = report(warehouse, tmp_path / "week.html", AlertSettings()).page.read_text(encoding="utf-8")
    told = "Never read from Harvest: clients, projects, users, expenses and invoices."
    assert page.index(told) < page.index("<h2>")
    assert "Receivables by age: not known, invoices were never read from Harvest" in page


@pytest.mark.parametrize("name", [".", "week.png"])
def test_what_cannot_be_a_page_is_refused_before_anything_is_drawn(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingWrong, match="the page's file"):
        report(Target(tmp_path), tmp_path / name, AlertSettings())


def test_a_folder_that_is_not_there_is_told_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(SettingWrong, match=r"There is no folder .*/missing for the page"):
        report(Target(tmp_path), tmp_path / "missing" / "page.html", on_step=pytest.fail)


def test_a_missing_library_gives_the_command_that_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(SettingWrong, match=r'vl-convert-python: pip install "\.\[dashboard\]"'):
        report(Target(tmp_path), tmp_path / "week.html")


def test_the_command_writes_both_files_and_says_where(built: Target, tmp_path: Path) -> None:
    shutil.copy(built.file, Target(tmp_path).file)
    done = CliRunner().invoke(app, ["report", "--out", "monday.html"])
    assert done.exit_code == 0, done.output
    assert "monday.html" in done.stdout
    assert {"monday.html", "monday.png"} <= {path.name for path in tmp_path.iterdir()}
    wrong = CliRunner().invoke(app, ["report", "--out", "monday.png"])
    assert (wrong.exit_code, "--out is the page's file" in wrong.stderr) == (2, True)
