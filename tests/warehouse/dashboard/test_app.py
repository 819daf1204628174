"""The dashboard over HTTP: what an address answers, what is behind a figure, and many visitors at once."""

from __future__ import annotations

import gzip
import io
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from html import unescape
from http.client import HTTPMessage
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import pytest
from openpyxl import load_workbook

from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.page import Column, Page, Section, Tile
from harvest_warehouse.dashboard.pages import PAGES
from harvest_warehouse.dashboard.reader import Reader
from harvest_warehouse.dashboard.records import behind
from harvest_warehouse.dashboard.records.behind import Behind
from harvest_warehouse.dashboard.records.kinds import KINDS
from harvest_warehouse.dashboard.records.records import records_asked_for
from harvest_warehouse.dashboard.serve import answers
from harvest_warehouse.dashboard.serve.answers import Answer, Dashboard
from harvest_warehouse.dashboard.serve.rates import without_rates
from harvest_warehouse.dashboard.serve.snapshot import version
from harvest_warehouse.dashboard.url import FILTERS, filters_of, slug
from harvest_warehouse.dashboard.workbook import workbook
from support.dashboards import KEY_OF_THE_TESTS, ask, page, served, text, tiles, top
from support.shop import Shop


@dataclass(frozen=True)
class Said:
    """An answer over HTTP."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def html(self) -> str:
        return self.body.decode()


def get(site: str, path: str, **headers: str) -> Said:
    """An answer to somebody who has the key."""
    port = urlsplit(site).port
    request = Request(f"{site}{path}", headers={"Cookie": f"dlt_harvest_{port}={KEY_OF_THE_TESTS}", **headers})
    try:
        with urlopen(request, timeout=120) as answer:
            return Said(answer.status, answer.headers, answer.read())
    except HTTPError as error:
        return Said(error.code, error.headers, error.read())


@pytest.fixture(scope="module")
def shop(small_shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return small_shop.copy(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="module")
def site(shop: Shop) -> Iterator[str]:
    with served(shop) as site:
        yield site


@contextmanager
def being_written(shop: Shop) -> Iterator[None]:
    """Another program has the database open for the duration of a block."""
    keeping = f"import duckdb; one = duckdb.connect({str(shop.warehouse.file)!r}); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", keeping], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "open\n"
        yield
        other.communicate("\n")


def links(html: str) -> list[str]:
    return [unescape(found) for found in re.findall(r'href="(/[^"]*)"', html)]


# Addresses


def test_every_page_is_at_its_own_address_and_links_to_all_others_with_the_filters(site: str) -> None:
    paths = [
        "/",
        "/people",
        "/capacity",
        "/budgets",
        "/billing-cash",
        "/margin",
        "/clients-pipeline",
        "/trust",
        "/runs",
    ]
    for path, name in zip(paths, PAGES, strict=True):
        said = get(site, f"{path}?weeks=26&contractors=off")
        assert said.status == 200
        assert f"<title>{name.replace('&', '&amp;')} · " in said.html
        navigation = said.html.split("<nav")[1].split("</nav>")[0]
        assert links(navigation) == [f"{each}?weeks=26&contractors=off" for each in paths]
    assert get(site, "/overview").html == get(site, "/").html


@pytest.mark.nightly
def test_every_link_of_every_page_leads_somewhere(site: str) -> None:
    # One of each kind in each part of a page: all others differ in an id or a day.
    seen: dict[tuple[str, ...], str] = {}
    for name in PAGES:
        for part in get(site, f"/{slug(name)}").html.split("<section")[0:]:
            for link in links(part):
                there = urlsplit(link)
                seen.setdefault((there.path, *sorted(parse_qs(there.query))), link)
    assert len([link for link in seen.values() if link.startswith("/rows/")]) >= 6
    for link in seen.values():
        assert get(site, link).status == 200, link


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/rows/nothing", "/nothing.xlsx", "/overview/nothing.csv", "/static/1/app.js", "/rows/nothing.xlsx"],
)
def test_an_address_of_nothing_is_not_found_and_says_where_to_begin(site: str, path: str) -> None:
    said = get(site, path)
    assert said.status == 404
    assert "The first one is at <code>/</code>." in said.html


def test_an_address_with_thousands_of_values_is_refused(site: str) -> None:
    assert get(site, "/?" + "&".join(f"client={n}" for n in range(1_001))).status == 400


def test_answers_are_compressed_for_whoever_takes_that_and_no_browser_keeps_them(site: str) -> None:
    plain, packed = get(site, "/people"), get(site, "/people", **{"Accept-Encoding": "br, gzip"})
    assert plain.headers["Content-Encoding"] is None
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 4
    for said in (plain, packed):
        assert said.headers["Cache-Control"] == "no-store"
        assert "script-src 'self'" in said.headers["Content-Security-Policy"]


def test_no_page_has_a_script_or_a_style_in_it_that_the_policy_would_refuse(site: str) -> None:
    for name in PAGES:
        html = get(site, f"/{slug(name)}").html
        assert re.findall(r"<script(?! src=\"/static/)", html) == []
        assert re.findall(r"<style|\sstyle=|\son[a-z]+=", html) == []


def test_without_a_key_nothing_is_answered(site: str) -> None:
    for path in ("/", "/people.xlsx", "/overview/budgets.csv", "/rows/time", "/nothing"):
        with pytest.raises(HTTPError, match="403"):
            urlopen(f"{site}{path}", timeout=60)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_offers_the_filters_that_change_it_and_no_others(shop: Shop, name: str) -> None:
    head = top(shop)
    clients = head.clients[head.currencies[0]]
    changed = {
        "currency": {"currency": [head.currencies[1]]},
        "client": {"client": [str(next(iter(clients)))]},
        "weeks": {"weeks": ["4"]},
        "contractors": {"contractors": ["off"]},
        "target": {"target": ["100"]},
    }
    assert list(changed) == list(FILTERS)
    of_page = Dashboard(shop.warehouse)

    def main(asked: dict[str, list[str]]) -> str:
        """What a page says, without its links: these hold all filters."""
        whole = text(of_page.page(slug(name), asked)).split("<main")[1]
        return re.sub(r'href="[^"]*"', "", whole)

    usual = main({})
    assert {filter_ for filter_, asked in changed.items() if main(asked) != usual} == set(filters_of(name))
    form = text(of_page.page(slug(name), {})).partition("<form")[2].partition("</form>")[0]
    assert set(re.findall(r'name="(\w+)"', form)) == set(filters_of(name))


def test_a_filter_that_a_page_does_not_show_is_kept_for_the_next_one(site: str) -> None:
    html = get(site, "/people?currency=USD&weeks=4").html
    assert '<input type="hidden" name="currency" value="USD">' in html
    assert '<option value="4" selected>' in html


# What is behind a figure


def records_at(shop: Shop, address: str | None, read: Reader | None = None) -> Section:
    """Records at an address, as its page reads them."""
    assert address
    there = urlsplit(address)
    wanted = records_asked_for(there.path.removeprefix("/rows/"), parse_qs(there.query), shop.simulator.account_id)
    assert wanted
    return wanted.read(read or Reader(shop.warehouse), 100_000, hides_rates=False)


def total(section: Section, key: str) -> Decimal:
    return sum((row[key] for row in section.rows), Decimal(0))


def behind_of(shop: Shop, name: str, **filters: Any) -> tuple[Page, Behind]:
    head = top(shop)
    chosen = Filters(head.account_id, **{"currency": head.currencies[0], "target": head.target, **filters})
    return page(shop, name, **{"currency": chosen.currency, **filters}), Behind(chosen, [])


def test_each_figure_of_a_tile_leads_somewhere_and_every_entry_is_of_a_tile_or_a_section(shop: Shop) -> None:
    pages = [behind_of(shop, name) for name in PAGES]
    labels = {tile.label for content, _ in pages for tile in content.tiles}
    assert all(of.tile(tile.label) for content, of in pages for tile in content.tiles)
    assert {*behind._TILES, *behind._TABLES} == {*labels, "The data is old"}
    tables = {(content.title, section.name) for content, _ in pages for section in content.sections}
    assert set(behind._TABLES.values()) <= tables
    assert set(behind._ROWS) <= {name for _, name in tables}


def test_the_records_behind_money_add_up_to_the_figure_in_each_currency(shop: Shop) -> None:
    for currency in top(shop).currencies:
        content, of = behind_of(shop, "Billing & cash", currency=currency)
        read = Reader(shop.warehouse)
        with read.at_once():
            for label, key in (
                ("Not yet billed", "uninvoiced_amount"),
                ("Receivables", "open_amount"),
                ("Overdue", "open_amount"),
            ):
                assert tiles(content)[label] == f"{currency} {total(records_at(shop, of.tile(label), read), key):,.0f}"
            by_name = {section.name: section for section in content.sections}
            for row in by_name["unbilled-by-client"].rows:
                found = records_at(shop, of.row("unbilled-by-client", row), read)
                assert total(found, "uninvoiced_amount") == row["uninvoiced_amount"]
                assert total(found, "uninvoiced_hours") == row["uninvoiced_hours"]
            for row in by_name["receivables-by-age"].rows:
                address = of.row("receivables-by-age", row)
                assert bool(address) == bool(row["invoices"])
                if address:
                    found = records_at(shop, address, read)
                    assert (len(found.rows), total(found, "open_amount")) == (row["invoices"], row["open_amount"])
            for row in by_name["overdue-invoices"].rows:
                [invoice] = records_at(shop, of.row("overdue-invoices", row), read).rows
                assert invoice["open_amount"] == row["open_amount"]


def test_the_records_behind_hours_add_up_to_the_figure(shop: Shop) -> None:
    content, of = behind_of(shop, "People", weeks=4)
    by_name = {section.name: section for section in content.sections}
    people, by_week, missing = (by_name[name] for name in ("people", "people-by-week", "timesheets-to-chase"))
    read = Reader(shop.warehouse)
    with read.at_once():
        for row in people.rows:
            found = records_at(shop, of.row("people", row), read)
            sums = (total(found, "billable_hours"), total(found, "tracked_hours"))
            assert sums == (row["billable_hours"], row["tracked_hours"])
        for row in by_week.rows[:20]:
            found = records_at(shop, of.row("people-by-week", row), read)
            assert total(found, "billable_hours") == row["billable_hours"]
        for row in missing.rows[:5]:
            found = records_at(shop, of.row("timesheets-to-chase", row), read)
            assert total(found, "tracked_hours") == row["tracked_hours"]


@pytest.mark.parametrize("has_contractors", [True, False])
def test_the_records_behind_a_week_add_up_with_contractors_and_without(shop: Shop, has_contractors: bool) -> None:
    content, of = behind_of(shop, "Overview", has_contractors=has_contractors)
    [section] = [section for section in content.sections if section.name == "utilisation-by-week"]
    for row in section.rows[-3:]:
        found = records_at(shop, of.row("utilisation-by-week", row))
        assert total(found, "billable_hours") == row["billable_hours"]


def test_a_bar_is_a_link_to_its_records_and_one_that_sums_up_others_is_none(shop: Shop, site: str) -> None:
    content, of = behind_of(shop, "Billing & cash")
    html = get(site, "/billing-cash").html
    [section] = [part for part in html.split("<section") if 'id="section-unbilled-by-client"' in part]
    drawn = section.partition("<svg xmlns")[2].partition("</figure>")[0]
    [shown] = [section for section in content.sections if section.name == "unbilled-by-client"]
    expected = {of.row("unbilled-by-client", row) for row in shown.rows}
    assert set(links(drawn)) == expected
    [label] = {row["label"] for row in shown.rows[:1]}
    assert f"<title>Client: {label}\n" in drawn
    assert of.row("unbilled-by-client", {"label": "3 other clients", "age_bucket": "90+"}) is None


def test_each_record_has_its_link_to_harvest_and_an_odd_address_of_the_account_has_none(
    shop: Shop, tmp_path: Path
) -> None:
    [[address]] = ask(shop, "select base_uri from company")
    assert re.fullmatch(r"https://[\w-]+\.harvestapp\.com", address)
    [invoice, *_] = records_at(shop, "/rows/invoices?only=open").rows
    assert invoice["in_harvest"] == f"{address}/invoices/{invoice['invoice_id']}"
    [entry, *_] = records_at(shop, "/rows/time?weeks=1").rows
    assert entry["in_harvest"] == f"{address}/time/day/{entry['spent_date']:%Y/%m/%d}/{entry['user_id']}"
    odd = shop.copy(tmp_path)
    odd.run(f"update marts.fct_time_entry set user_id = null where time_entry_id = {entry['time_entry_id']}")
    assert [row["in_harvest"] for row in records_at(odd, "/rows/time?weeks=1").rows if row["user_id"] is None] == [None]
    for said in ("javascript:alert(1)//x.harvestapp.com", "http://x.harvestapp.com", "https://x.com/<b>", ""):
        odd.run(f"update company set base_uri = '{said}'")
        assert "in_harvest" not in records_at(odd, "/rows/invoices?only=open").rows[0]


def test_conditions_of_an_address_that_make_no_sense_are_left_out(shop: Shop) -> None:
    whole = records_at(shop, "/rows/invoices").rows
    for odd in ("client=1;drop", "only=everything", "overdue=x", "weeks=4", "from=2026-01-01", "age=0-30", "x=1"):
        assert len(records_at(shop, f"/rows/invoices?{odd}").rows) == len(whole)
    assert records_at(shop, "/rows/invoices?number=' or 1=1 --").rows == []
    assert len(records_at(shop, "/rows/time?from=2026-02-30").rows) == len(records_at(shop, "/rows/time").rows)


def test_more_records_than_a_page_holds_are_counted_and_added_up_all_the_same(shop: Shop, site: str) -> None:
    [[number, hours]] = ask(shop, "select count(*), sum(tracked_hours) from marts.fct_time_entry")
    assert number > 500
    html = get(site, "/rows/time").html
    assert f"<h2>{number:,} time entries · Tracked (h): {hours:,.2f} · " in html
    assert html.count("<tr>") == 501
    assert "The first 500 are shown; the sums are of all." in html


# Files


def test_the_workbook_of_a_page_has_a_sheet_for_each_table_with_numbers_as_numbers(shop: Shop, site: str) -> None:
    said = get(site, "/billing-cash.xlsx?weeks=26")
    assert said.headers["Content-Disposition"] == 'attachment; filename="billing-cash.xlsx"'
    book = load_workbook(io.BytesIO(said.body))
    content = page(shop, "Billing & cash", weeks=26)
    with_rows = [section for section in content.sections if section.rows]
    assert len(book.sheetnames) == len(with_rows) + 1
    front = {row[0]: row[1] for row in book.worksheets[0].iter_rows(values_only=True)}
    assert front["Looking back"] == "26 weeks"
    assert front["Not yet billed"].startswith(tiles(content)["Not yet billed"])
    for section, sheet in zip(with_rows, book.worksheets[1:], strict=True):
        title, head, *rows = sheet.iter_rows(values_only=True)
        assert title[0] == section.title
        assert list(head) == [column.title for column in section.columns]
        assert len(rows) == len(section.rows)
        for cells, row in zip(rows, section.rows, strict=True):
            for cell, column in zip(cells, section.columns, strict=True):
                value = row[column.key]
                if isinstance(value, Decimal):
                    assert isinstance(cell, int | float)
                    assert cell == pytest.approx(float(value), abs=0.051)
                elif isinstance(value, date):
                    assert isinstance(cell, datetime)
                    assert cell.date() == value


def test_no_name_is_a_formula_or_a_link_in_a_workbook_and_long_names_of_sheets_are_told_apart() -> None:
    rows = [{"name": said} for said in ('=HYPERLINK("http://evil.example")', "@SUM(1)", "http://evil.example", "007")]
    names = ("a-very-long-name-of-a-table-in-a-page", "a-very-long-name-of-a-table-in-another", "a:b/c")
    sections = [Section("t", rows, [Column("name", "Name")], name=name) for name in names]
    book = load_workbook(io.BytesIO(workbook("P", [], [Tile("=1+1", "=2")], sections)))
    assert book.sheetnames == ["P", "A very long name of a table in", "A very long name of a table i 2", "A b c"]
    for sheet in book.worksheets[1:]:
        cells = [row[0] for row in sheet.iter_rows(min_row=3)]
        assert [cell.value for cell in cells] == [row["name"] for row in rows]
        assert {cell.data_type for cell in cells} == {"s"}
        assert not [cell for cell in cells if cell.hyperlink]


def test_a_table_is_downloaded_as_csv_with_the_filters_of_its_page(shop: Shop, site: str) -> None:
    said = get(site, "/people/people.csv?weeks=4&contractors=off")
    assert said.headers["Content-Disposition"] == 'attachment; filename="people.csv"'
    assert said.body == page(shop, "People", weeks=4, has_contractors=False).sections[0].csv()
    assert said.body != page(shop, "People", weeks=4).sections[0].csv()


# Rates


def test_with_rates_hidden_no_page_file_or_record_tells_a_rate_a_cost_or_a_margin(shop: Shop) -> None:
    with served(shop, hides_rates=True) as site:
        assert get(site, "/margin").status == get(site, "/margin.xlsx").status == 404
        assert get(site, "/margin/projects.csv").status == get(site, "/rows/time?only=without-cost-rate").status == 404
        for name in set(PAGES) - {"Margin"}:
            html = get(site, f"/{slug(name)}").html
            for harmless in (r"href=\"[^\"]*\"", "added up without a rate", "at the project&#39;s average rate"):
                html = re.sub(harmless, "", html)
            assert not re.search(r"\b(rates?|costs?|margins?)\b", html, re.IGNORECASE), name
        assert "Margin" not in get(site, "/trust").html.split("<main")[0]
        html = get(site, "/rows/time").html
        assert "Tracked (h)" in html
        assert "Billable rate" not in html
        assert "Value at rates" not in html
        sheet = load_workbook(io.BytesIO(get(site, "/rows/time.xlsx").body)).worksheets[1]
        assert not [cell.value for cell in sheet[2] if "rate" in str(cell.value).lower()]
    with served(shop) as site:
        assert get(site, "/margin").status == 200
        assert "Billable rate" in get(site, "/rows/time").html


def test_a_new_figure_about_rates_is_hidden_by_its_words_alone(shop: Shop) -> None:
    content = page(shop, "Overview")
    rows = [{"label": "A", "value": 1}]
    new = Page(
        "Overview",
        content.question,
        (*content.tiles, Tile("Margin, last month", "7"), Tile("Profit", "7"), Tile("Kept", "7", "after costs")),
        (
            *content.sections,
            Section("t", rows, [Column("value", "Effective rate (EUR/h)")], name="new"),
            Section("t", rows, [], name="cost-by-client"),
        ),
    )
    hidden = without_rates(content, top(shop))
    assert without_rates(new, top(shop)) == hidden
    assert {tile.label for tile in hidden.tiles} == {tile.label for tile in content.tiles}


# The database


def test_an_answer_is_kept_until_the_database_is_written_again(shop: Shop, tmp_path: Path) -> None:
    own = shop.copy(tmp_path)
    made = Dashboard(own.warehouse)
    first = made.page("overview", {})
    assert made.page("overview", {}) is first
    assert made.page("overview", {"weeks": ["12"], "nonsense": ["1"]}) is first
    assert made.page("overview", {"weeks": ["4"]}) is not first
    own.run("update marts.dim_account set account_name = 'Another name'")
    again = made.page("overview", {})
    assert '<p class="account">Another name</p>' in text(again)
    assert '<p class="account">Another name</p>' not in text(first)


def test_two_who_ask_for_the_same_at_the_same_moment_have_it_made_once(shop: Shop) -> None:
    made = Dashboard(shop.warehouse)
    with ThreadPoolExecutor(2) as visitors:
        one, other = visitors.map(lambda _: made.page("budgets", {}), range(2))
    assert one is other


def test_a_page_that_was_made_is_answered_while_the_database_is_being_written(shop: Shop, tmp_path: Path) -> None:
    own = shop.copy(tmp_path)
    with served(own) as site:
        before = get(site, "/")
        with being_written(own):
            # As after the first rows of a load.
            os.utime(own.warehouse.file)
            assert get(site, "/").body == before.body
            new = get(site, "/trust")
            assert new.status == 503
            assert "is being written" in new.html
            assert '<meta http-equiv="refresh" content="5">' in new.html
        assert get(site, "/trust").status == 200


def test_what_the_database_refuses_is_said_in_its_words(shop: Shop, tmp_path: Path) -> None:
    own = shop.copy(tmp_path)
    own.run("drop table marts.mart_project_budget")
    with served(own) as site:
        said = get(site, "/budgets")
        assert said.status == 500
        assert "The database says: " in said.html
        assert "mart_project_budget" in said.html
        assert get(site, "/trust").status == 200


def test_between_two_pages_the_database_is_free_to_be_written(shop: Shop, tmp_path: Path) -> None:
    own = shop.copy(tmp_path)
    with served(own) as site:
        for path in ("/", "/people.xlsx", "/rows/time"):
            assert get(site, path).status == 200
            with being_written(own):
                pass


def test_what_a_server_holds_is_read_again_within_a_minute(shop: Shop) -> None:
    @dataclass(frozen=True)
    class OnAServer:
        kind: Any

    @dataclass(frozen=True)
    class Kind:
        is_file: bool = False

    place: Any = OnAServer(Kind())
    assert version(place, lambda: 1_200.0) == version(place, lambda: 1_259.0)
    assert version(place, lambda: 1_200.0) != version(place, lambda: 1_260.0)


@pytest.mark.nightly
def test_thirty_visitors_at_once_are_all_answered_two_at_a_time(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, at_once = threading.Lock(), [0, 0]
    made = Dashboard.page

    def counted(self: Dashboard, name: str, asked: Any) -> Answer:
        with lock:
            at_once[0] += 1
            at_once[1] = max(at_once)
        try:
            time.sleep(0.02)
            return made(self, name, asked)
        finally:
            with lock:
                at_once[0] -= 1

    monkeypatch.setattr(Dashboard, "page", counted)
    with served(shop) as site:
        asked = [(name, f"/{slug(name)}?weeks={weeks}") for name in PAGES for weeks in (4, 8, 12, 26, 52)][:30]
        paths = [path for _, path in asked]
        with ThreadPoolExecutor(len(paths)) as visitors:
            found = list(visitors.map(lambda path: get(site, path), paths))
    assert len(paths) == 30
    assert {said.status for said in found} == {200}
    for (name, _), said in zip(asked, found, strict=True):
        assert f"<title>{name.replace('&', '&amp;')}" in said.html
    assert at_once[1] == 2


# Several accounts


@pytest.fixture(scope="module")
def two(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    other = shop.copy(tmp_path_factory.mktemp("two"))
    tables = [
        name
        for (name,) in ask(
            other, "select table_name from information_schema.tables where table_schema = 'harvest_marts'"
        )
    ]
    other.run(
        *(f"insert into marts.{name} select * replace ('999' as account_id) from marts.{name}" for name in tables)
    )
    other.run(
        "insert into harvest_runs select * replace ('999' as account_id) from harvest_runs",
        "update marts.dim_account set account_name = 'Second' where account_id = '999'",
        "update marts.fct_invoice set open_amount = open_amount * 2, due_amount = due_amount * 2 where account_id = '999'",
    )
    return other


def test_of_several_accounts_one_is_chosen_and_stays_chosen(two: Shop, site: str) -> None:
    assert 'name="account"' not in get(site, "/").html
    currency = top(two).currencies[0]
    [[owed]] = ask(
        two,
        "select sum(open_amount) from marts.fct_invoice "
        f"where account_id = '999' and currency = '{currency}' and open_amount > 0",
    )
    with served(two) as of_two:
        assert '<option value="123456" selected>' in get(of_two, "/").html
        html = get(of_two, "/billing-cash?account=999").html
        assert '<p class="account">Second</p>' in html
        assert f"{currency} {owed:,.0f}" in html
        assert "account=999" in links(html.split("<nav")[1])[1]
        [receivables] = [link for link in links(html) if link.startswith("/rows/invoices?account=999&only=open&")][:1]
        assert f"Open: {owed:,.2f}" in get(of_two, receivables).html
        # Trust has no filter but the account.
        assert re.findall(r'name="(\w+)"', get(of_two, "/trust").html.partition("<form")[2]) == ["account"]


def test_every_kind_of_record_is_asked_for_by_something(shop: Shop) -> None:
    asked = {kind for kind, *_ in (*behind._TILES.values(), *behind._ROWS.values())}
    assert asked == set(KINDS)
    assert answers.FIRST == "overview"
