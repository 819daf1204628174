"""The weekly page: the marts' own figures, each currency for itself, and nothing that runs or is fetched."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import duckdb
import pytest
import vl_convert
from markupsafe import escape
from typer.testing import CliRunner

from harvest_simulator import Simulator
from harvest_time_tracking import Secret, Settings, SettingWrong
from harvest_warehouse.alerts.settings import AlertSettings
from harvest_warehouse.cli import app
from harvest_warehouse.dashboard.small_png import small
from harvest_warehouse.load import load
from harvest_warehouse.marts import build
from harvest_warehouse.marts.settings import MartSettings
from harvest_warehouse.warehouse import Target
from harvest_warehouse.weekly import picture, report
from harvest_warehouse.weekly.content import weeks
from harvest_warehouse.weekly.html import page

TODAY = date(2026, 3, 16)  # a Monday
RAW, MARTS = "harvest_time_tracking_data", "harvest_marts"
CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
# The simulated company lives in March: only one test looks at how old that is.
OF_ANY_AGE = AlertSettings(max_age_hours=Decimal(10**7))
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
    return report(built, built.folder / "week.html", OF_ANY_AGE).page.read_text(encoding="utf-8")


@pytest.fixture
def changed(built: Target, tmp_path: Path) -> Callable[..., str]:
    """The page of a copy of the database in which something was changed by SQL."""

    def page(*statements: str) -> str:
        warehouse = Target(tmp_path)
        shutil.copy(built.file, warehouse.file)
        with duckdb.connect(str(warehouse.file)) as database:
            for statement in statements:
                database.execute(statement)
        return report(warehouse, tmp_path / "week.html", OF_ANY_AGE).page.read_text(encoding="utf-8")

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


def rows(html: str, table: str) -> list[list[str]]:
    """Cells of each row of the table with this class, without its heading."""
    [body] = re.findall(rf'<table class="{table}">.*?<tbody>(.*?)</tbody>', html, re.DOTALL)
    return [
        [unescape(re.sub(r"<[^>]+>", "", cell)) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)]
        for row in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    ]


def pictures(html: str) -> list[bytes]:
    return [base64.b64decode(text) for text in re.findall(r"data:image/png;base64,([\w+/=]+)", html)]


def test_hours_are_those_of_the_marts(built: Target, html: str) -> None:
    [(billable, available)] = asked(
        built,
        f"""
        select sum(billable_hours), sum(available_hours) from {MARTS}.mart_utilisation_weekly
        where week_start = date '2026-03-09'
        """,
    )
    [(chased,)] = asked(
        built,
        f"""
        select count(*) from {MARTS}.mart_timesheet_compliance_weekly
        where week_start = date '2026-03-09' and is_active and capacity_hours - tracked_hours >= 8
        """,
    )
    shown = tiles(chapters(html)["How the company stands"])
    assert shown["Billable utilisation, last week"] == f"{billable / available * 100:,.0f}%"
    assert shown["Timesheets to chase, last week"] == f"{chased}"


def test_money_is_that_of_the_marts_in_one_line_for_each_currency(built: Target, html: str) -> None:
    currencies = {row[0] for row in asked(built, f"select distinct currency from {MARTS}.dim_client")}
    assert len(currencies) >= 3
    found = {currency: figures for currency, *figures in rows(html, "currencies")}
    assert set(found) == currencies
    for currency in currencies:
        [(overdue,)] = asked(
            built,
            f"""
            select coalesce(sum(due_amount), 0) from {MARTS}.fct_invoice
            where currency = '{currency}' and state = 'open' and due_amount > 0 and due_date < date '2026-03-16'
            """,
        )
        [(unbilled, old)] = asked(
            built,
            f"""
            select coalesce(sum(uninvoiced_amount), 0),
              coalesce(sum(uninvoiced_amount) filter (where age_bucket <> '0-30'), 0)
            from {MARTS}.mart_unbilled where currency = '{currency}' and age_bucket <> 'fee'
            """,
        )
        [(over,)] = asked(
            built,
            f"""
            select count(*) from {MARTS}.mart_project_budget
            where currency = '{currency}' and is_active and status in ('over', 'forecast_over')
            """,
        )
        [(revenue,)] = asked(
            built,
            f"""
            select coalesce(sum(revenue), 0) from {MARTS}.mart_project_profitability_monthly
            where currency = '{currency}' and project_type <> 'non_billable'
              and month_start in (date '2025-12-01', date '2026-01-01', date '2026-02-01')
            """,
        )
        assert found[currency] == [f"{value:,.0f}" for value in (overdue, unbilled, old, over, revenue)]


def test_it_begins_with_whom_to_call_and_mail_programs_keep_all_of_it(built: Target, html: str) -> None:
    assert list(chapters(html)) == ["Who to call this Monday", "How the company stands"]
    # Gmail cuts a message off after 102 KB, and no program keeps drawings in SVG.
    assert len(html.encode()) < 100_000
    assert "<svg" not in html
    assert "image/svg" not in html
    drawn = pictures(html)
    assert len(drawn) == 2
    assert all(picture.startswith(PNG) for picture in drawn)


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install -y chromium")
def test_it_is_two_pages_on_paper(built: Target, html: str) -> None:
    assert html
    subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
            f"--print-to-pdf={built.folder / 'week.pdf'}", (built.folder / "week.html").as_uri(),
        ],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    assert len(re.findall(rb"/Type\s*/Page\b", (built.folder / "week.pdf").read_bytes())) <= 2


def test_the_picture_has_the_same_first_half(built: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    drawn = picture._Drawing._write

    def keep(self: object, words: str, *others: Any, **more: Any) -> None:
        written.append(words)
        drawn(self, words, *others, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(picture._Drawing, "_write", keep)
    accounts, raised = weeks(built, AlertSettings())
    picture.picture(accounts)
    html = page(accounts, raised)
    text = " ".join(written)
    for cells in rows(html, "calls"):
        for words in " ".join(cells).split():
            assert words in text
    assert "Who to call this Monday" in written
    assert {*tiles(html), *tiles(html).values()} <= set(written)


def test_a_picture_keeps_its_colours_and_loses_its_weight() -> None:
    shapes = "".join(f'<rect x="{10 * n}" width="10" height="40" fill="#{n:02x}38{255 - n:02x}"/>' for n in range(200))
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg" width="2000" height="40">{shapes}</svg>'
    png = bytes(vl_convert.svg_to_png(drawing))
    shrunk = small(png)
    assert len(shrunk) < len(png)
    palette = shrunk[shrunk.index(b"PLTE") + 4 :]
    colours = {tuple(palette[at : at + 3]) for at in range(0, 600, 3)}
    assert colours == {(n, 0x38, 255 - n) for n in range(200)}
    # In the same order from left to right: the picture is still the same one.
    data = zlib.decompress(shrunk[shrunk.index(b"IDAT") + 4 :])
    row = [tuple(palette[3 * number : 3 * number + 3]) for number in data[1:2001]]
    assert row == [(n, 0x38, 255 - n) for n in range(200) for _ in range(10)]


def test_nothing_runs_and_nothing_is_fetched(html: str) -> None:
    text = re.sub(r"base64,[\w+/=]+", "", html)
    assert not re.search(r"<script|javascript:|\son\w+=|<link|@import|<iframe|xlink:href|url\(http", text)
    assert not re.search(r'(src|srcset)="(?!data:)', html)
    # Links lead to Harvest only, and by a click only.
    links = re.findall(r'<(\w+) href="([^"]*)"', html)
    assert links
    assert all(tag == "a" and re.match(r"https://[\w-]+\.harvestapp\.com/", url) for tag, url in links)


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
        f"update {RAW}.company set base_uri = 'javascript:{bad}'",
    )
    assert "<script" not in page
    assert "javascript:" not in page
    assert f"<title>{escape(bad)}: the week</title>" in page
    assert f"<h1>{escape(bad)}: the week</h1>" in page
    assert f"<td>{escape(bad)}</td>" in page
    assert (tmp_path / "week.png").read_bytes().startswith(PNG), "in the picture, too"


def test_control_signs_and_emoji_in_names_stop_no_drawing(changed: Callable[..., str], tmp_path: Path) -> None:
    long = "\U0001f600\U0001f680" * 20
    page = changed(
        f"update {MARTS}.mart_project_budget set client_name = chr(27) || '{long}' || client_name",
        f"update {MARTS}.fct_invoice set client_name = chr(27) || '{long}' || client_name",
        f"update {MARTS}.dim_account set account_name = chr(7) || account_name",
    )
    assert long in page
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
    assert "<b>Compared with Harvest</b> 2 of 3 figures equal, 1 different (15 Mar 2026)" in page
    assert "not run" not in page


def test_whom_to_call_is_by_money_and_the_alerts_stand_below(changed: Callable[..., str]) -> None:
    page = changed(
        f"delete from {MARTS}.mart_project_budget",
        f"delete from {MARTS}.fct_invoice",
        f"delete from {MARTS}.fct_time_entry",
        f"delete from {MARTS}.fct_expense",
        f"delete from {MARTS}.mart_project_profitability_monthly",
        f"delete from {MARTS}.mart_timesheet_compliance_weekly",
        *(
            f"""
            insert into {MARTS}.fct_invoice
              (account_id, invoice_id, client_id, client_name, invoice_number, currency, state, due_amount, days_overdue, due_date)
            values ('123456', {amount}, {amount}, 'Late {amount}', 'N{amount}', 'EUR', 'open', {amount}, {days}, date '2026-01-01')
            """
            for amount, days in ((3, 700), (50, 2), (7, 90), (20, 9))
        ),
    )
    calls = chapters(page)["Who to call this Monday"]
    assert "Call first: Late 50, EUR 50 overdue on 1 invoice, for 2 days" in calls
    assert [row[:2] for row in rows(page, "calls")] == [
        [f"Late {amount}", f"EUR {amount}"] for amount in (50, 20, 7, 3)
    ]
    assert "4 invoices overdue by 1 day or more: EUR 80.00" in calls


def test_more_calls_than_fit_are_counted(changed: Callable[..., str]) -> None:
    page = changed(
        *(
            f"""
            insert into {MARTS}.fct_invoice
              (account_id, invoice_id, client_id, client_name, currency, state, due_amount, days_overdue)
            values ('123456', {key}, {key}, 'Late {key}', 'EUR', 'open', 1000000000, 9)
            """
            for key in range(1, 12)
        ),
    )
    assert len(rows(page, "calls")) == 8
    [more] = re.findall(r"and ([\d,]+) more, in the dashboard", page)
    # Eleven more than eight of them, whatever else the company has to be called about.
    assert int(more) >= 3


def test_old_figures_are_said_in_red_before_anything_else(built: Target, tmp_path: Path) -> None:
    old = report(built, tmp_path / "week.html", AlertSettings()).page.read_text(encoding="utf-8")
    first = re.findall(r"<(?:p|h2)[^>]*>(.*?)</", old)[0]
    assert re.match(r"The data is [\d,]+ days old: figures are as of 16 Mar 2026", first)
    assert 'class="warning"' in old
    assert re.search(r"\.warning \{ background: #cf3838", old)


def test_an_empty_account_has_a_page_too(tmp_path: Path) -> None:
    warehouse = made(tmp_path, empty=True)
    written = report(warehouse, tmp_path / "week.html", OF_ANY_AGE)
    page = written.page.read_text(encoding="utf-8")
    assert "Who to call: nothing to show, there are no time entries, expenses or invoices in Harvest" in page
    assert "Utilisation by week: nothing to show, there are no time entries in Harvest" in page
    assert "CAD 0" not in page
    assert "Never read" not in page
    assert written.picture.read_bytes().startswith(PNG)


def test_what_was_never_read_is_told_before_a_figure_that_rests_on_it(tmp_path: Path) -> None:
    warehouse = made(tmp_path, "time_entries", size="tiny")
    page = report(warehouse, tmp_path / "week.html", OF_ANY_AGE).page.read_text(encoding="utf-8")
    told = "Never read from Harvest: clients, projects, users, expenses, invoices and estimates."
    assert page.index(told) < page.index("<h2>")
    assert "Who to call: not known, clients, projects and invoices were never read from Harvest" in page


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
    assert "days old" in done.stderr, "the simulated company lives in March"
    assert {"monday.html", "monday.png"} <= {path.name for path in tmp_path.iterdir()}
    wrong = CliRunner().invoke(app, ["report", "--out", "monday.png"])
    assert (wrong.exit_code, "--out is the page's file" in wrong.stderr) == (2, True)
