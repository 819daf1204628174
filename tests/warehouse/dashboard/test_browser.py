"""The dashboard in a real browser: every page, every filter, figures off the page, light and dark, wide and narrow.

Needs Chromium as a program (Debian: `apt-get install -y chromium`); without it these tests are skipped, visibly.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest

from harvest_warehouse.dashboard import show
from harvest_warehouse.dashboard.pages import PAGES
from harvest_warehouse.dashboard.serve.access import KEY
from harvest_warehouse.dashboard.serve.launch import Server
from support.dashboards import BAD, GROUNDS, ask, company, named_badly, tiles, top
from support.dashboards import page as page_of
from support.servers import free_port
from support.shop import Shop

sync_api = pytest.importorskip("playwright.sync_api", reason="the browser test needs playwright")
CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install -y chromium")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000
KEY_OF_THE_TESTS = "the-key-of-the-tests"


@dataclass
class Site:
    """A dashboard that is being served, and a browser."""

    shop: Shop
    url: str
    browser: sync_api.Browser
    elsewhere: list[str] = field(default_factory=list)

    def open(self, name: str = "Overview", *, width: int = 1280, scheme: str = "light", **asked: str) -> sync_api.Page:
        """A page of the dashboard, drawn; requests to anywhere else are noted."""
        page = self.opening(name, width=width, scheme=scheme, **asked)
        shown(page, name)
        return page

    def opening(
        self, name: str = "Overview", *, width: int = 1280, scheme: str = "light", scripts: bool = True, **asked: str
    ) -> sync_api.Page:
        """A page of the dashboard, whatever it shows by now."""
        context = self.browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on(
            "request", lambda request: None if _is_ours(request.url, self.url) else self.elsewhere.append(request.url)
        )
        query = "&".join(
            f"{key}={quote(value)}" for key, value in {KEY: KEY_OF_THE_TESTS, "page": name, **asked}.items()
        )
        page.goto(f"{self.url}/?{query}", wait_until="commit")
        return page


def _is_ours(url: str, ours: str) -> bool:
    return url.startswith((ours, ours.replace("http", "ws"), "data:", "blob:"))


def shown(page: sync_api.Page, name: str) -> None:
    sync_api.expect(page.locator("main.page h1")).to_have_text(name, timeout=PATIENCE_MS)


def choose(page: sync_api.Page, name: str) -> None:
    page.get_by_label("Page", exact=True).select_option(name)


def tile(page: sync_api.Page, label: str) -> str:
    [figure] = figures(page.locator("main.page .tile", has=page.get_by_role("heading", name=label, exact=True)))
    return figure


def figures(of: sync_api.Locator) -> list[str]:
    return [figure.removeprefix("▲").strip() for figure in of.locator(".figure").all_inner_texts()]


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(browser: sync_api.Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(company(tmp_path_factory.mktemp("company")), browser) as site:
        yield site


@contextmanager
def serving(shop: Shop, browser: sync_api.Browser) -> Iterator[Site]:
    server = Server(port=free_port(), key=KEY_OF_THE_TESTS)
    report = show(shop.warehouse, server)
    # The simulated company lives in March: its data is old by the clock, and test_places.py has what a page says then.
    environment = {**os.environ, **report.environment, "HARVEST_ALERTS__MAX_AGE_HOURS": "10000000"}
    with subprocess.Popen(report.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment) as served:
        try:
            _wait_for(report.listens_on, served)
            yield Site(shop, f"http://127.0.0.1:{server.port}", browser)
        finally:
            served.send_signal(signal.SIGTERM)
            served.communicate(timeout=30)


@pytest.fixture(autouse=True)
def closed(site: Site) -> Iterator[None]:
    yield
    for context in site.browser.contexts:
        context.close()


def _wait_for(listens_on: tuple[str, int], served: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 90
    while True:
        try:
            with socket.create_connection(listens_on, timeout=5):
                return
        except OSError:
            assert served.poll() is None, "the dashboard ended"
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def test_one_clicks_through_every_page_and_each_has_its_charts(site: Site) -> None:
    page = site.open()
    for name in PAGES:
        choose(page, name)
        shown(page, name)
        assert page.locator("main.page .tile").count() >= 3
        sync_api.expect(page.locator("main.page figure canvas")).to_have_count(page.locator("main.page figure").count())
        assert page.locator('text="An internal error occurred"').count() == 0
        head = page.locator("header.head").inner_text()
        assert "Compared with Harvest" in head
        assert "not run" in head
        assert "Without a rate" in head
    assert site.elsewhere == []


def test_no_name_runs_on_any_page(site: Site, tmp_path: Path) -> None:
    with serving(named_badly(site.shop, tmp_path), site.browser) as bad:
        page = bad.open()
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        for name in PAGES:
            choose(page, name)
            shown(page, name)
            charts = page.locator("main.page figure")
            sync_api.expect(page.locator("main.page figure canvas")).to_have_count(charts.count())
            assert page.locator("header.head .account").inner_text() == BAD
            assert not page.evaluate("window.ran")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_answer_can_be_read_before_any_script_has_run(site: Site, scheme: str) -> None:
    for width in (1280, 400):
        page = site.opening("Overview", width=width, scheme=scheme, scripts=False)
        first = page.locator("#first")
        sync_api.expect(first.locator("h1")).to_have_text("Overview")
        assert dict(
            zip(first.locator(".tile h2").all_inner_texts(), figures(first), strict=True)
        ) == tiles(page_of(site.shop, "Overview"))  # fmt: skip
        assert first.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
        assert not page.evaluate(FAINT, "#first")
        assert first.evaluate(GROUND) == colour(GROUNDS[scheme])


def test_marimos_page_takes_the_place_of_the_first_answer(site: Site) -> None:
    page = site.open()
    sync_api.expect(page.locator("#first")).to_be_hidden()
    assert page.get_by_role("heading", level=1).count() == 1


@pytest.mark.nightly
def test_a_page_that_meets_a_load_says_so_and_comes_by_itself(site: Site) -> None:
    writing = (
        f"import duckdb; held = duckdb.connect({str(site.shop.warehouse.file)!r}); print('open', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", writing], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "open\n"
        page = site.opening()
        sync_api.expect(page.get_by_role("alert")).to_contain_text("is being written", timeout=PATIENCE_MS)
        sync_api.expect(page.get_by_role("alert")).to_contain_text("tries again by itself")
        other.communicate("\n")
    shown(page, "Overview")


def test_the_page_opened_is_in_the_address(site: Site) -> None:
    page = site.open("Margin")
    choose(page, "Trust")
    shown(page, "Trust")
    page.wait_for_url("**page=Trust*")


def test_the_currency_changes_every_figure_of_money_to_what_the_marts_say(site: Site) -> None:
    page = site.open("Billing & cash")
    for currency in top(site.shop).currencies:
        page.get_by_label("Currency", exact=True).select_option(currency)
        sync_api.expect(page.locator("header.head")).to_contain_text(f"Currency{currency}")
        [[unbilled]] = ask(
            site.shop,
            "select coalesce(sum(uninvoiced_amount), 0) from marts.mart_unbilled "
            f"where age_bucket <> 'fee' and currency = '{currency}'",
        )
        [[overdue, invoices]] = ask(
            site.shop,
            "select coalesce(sum(due_amount), 0), count(*) from marts.fct_invoice "
            f"where state = 'open' and due_amount > 0 and days_overdue > 0 and currency = '{currency}'",
        )
        figure = page.locator("main.page .tile .figure").first
        sync_api.expect(figure).to_contain_text(f"{currency} {overdue:,.0f}")
        assert tile(page, "Not yet billed") == f"{currency} {unbilled:,.0f}"
        assert f"on {invoices}" in page.locator("main.page .tile .note").all_inner_texts()[0]
    assert site.elsewhere == []


def test_the_client_the_weeks_the_contractors_and_the_target_change_what_they_should(site: Site) -> None:
    head = top(site.shop)
    currency = head.currencies[0]
    client_id, client = next(iter(head.clients[currency].items()))
    page = site.open("Billing & cash")
    page.locator("marimo-multiselect button").click()
    page.get_by_role("option", name=client).click()
    page.keyboard.press("Escape")
    [[unbilled]] = ask(
        site.shop,
        f"select coalesce(sum(uninvoiced_amount), 0) from marts.mart_unbilled where age_bucket <> 'fee' and client_id = {client_id}",
    )
    figures = page.locator("main.page .tile .figure")
    sync_api.expect(figures.nth(2)).to_contain_text(f"{currency} {unbilled:,.0f}")

    choose(page, "Overview")
    shown(page, "Overview")
    page.get_by_label("Looking back").select_option("4 weeks")
    sync_api.expect(page.locator("main.page")).to_contain_text("over 4 weeks")

    page.get_by_label("With contractors").click()
    [[billable, available]] = ask(
        site.shop,
        "select sum(billable_hours), sum(available_hours) from marts.mart_utilisation_weekly where not is_contractor "
        "and week_end = (select max(week_end) from marts.dim_date where is_complete_week)",
    )
    sync_api.expect(figures.nth(3)).to_contain_text(f"{billable / available * 100:.0f}%")

    page.get_by_label("Target", exact=True).select_option("100 %")
    sync_api.expect(page.locator("main.page .tile .note").nth(3)).to_contain_text("target 100%")


def test_the_table_behind_a_chart_opens_and_downloads_as_it_is(site: Site, tmp_path: Path) -> None:
    page = site.open("People")
    page.get_by_role("button", name="Table:").first.click()
    button = page.get_by_role("button", name="Download CSV").or_(page.get_by_role("link", name="Download CSV")).first
    with page.expect_download() as downloading:
        button.click()
    downloading.value.save_as(tmp_path / "people.csv")
    header, *rows = (tmp_path / "people.csv").read_text(encoding="utf-8-sig").splitlines()
    assert header.startswith("Person,Kind,Billable utilisation (%)")
    [[people]] = ask(
        site.shop,
        "select count(distinct user_id) from marts.mart_utilisation_weekly where is_complete_week and week_index > "
        "(select max(week_index) from marts.dim_date where is_complete_week) - 12",
    )
    assert len(rows) == people


def test_the_keyboard_reaches_the_pages_and_the_filters_in_their_order_and_shows_where_it_is(site: Site) -> None:
    page = site.open()
    reached = []
    for _ in range(6):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUSED))
    assert [name for name, _ in reached] == [
        "Page",
        "Currency",
        "Clients (all if none)",
        "Looking back",
        "With contractors",
        "Target",
    ]
    assert all(width >= 2 for _, width in reached)


def test_the_keyboard_alone_goes_from_page_to_page_and_keeps_its_place(site: Site) -> None:
    page = site.open()
    page.keyboard.press("Tab")
    for key, name in (
        ("ArrowDown", "People"),
        ("ArrowDown", "Budgets"),
        ("End", "Trust"),
        ("ArrowUp", "Clients & pipeline"),
    ):
        page.keyboard.press(key)
        shown(page, name)
        assert page.evaluate(FOCUSED)[0] == "Page"
        assert page.get_by_role("combobox", name="Page", exact=True).input_value()


# What the focused element is called, and how wide its outline is.
FOCUSED = """() => {
  let at = document.activeElement;
  while (at.shadowRoot && at.shadowRoot.activeElement) at = at.shadowRoot.activeElement;
  const style = getComputedStyle(at);
  const named = at.labels && at.labels.length ? at.labels[0].textContent : at.getAttribute('aria-label') || at.textContent;
  return [named.trim(), style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth)];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.by_day(1)
def test_it_fits_and_can_be_read_light_and_dark_wide_and_narrow(site: Site, width: int, scheme: str) -> None:
    page = site.open(width=width, scheme=scheme)
    assert page.locator("body").evaluate(GROUND) == colour(GROUNDS[scheme])
    for name in PAGES:
        choose(page, name)
        shown(page, name)
        for element in ("html", "body", "#App", "main.page", "header.head"):
            box = page.locator(element).first
            assert box.evaluate("e => e.scrollWidth - e.clientWidth") <= 0, (name, element)
        assert page.locator("main.page").evaluate("e => e.getBoundingClientRect().right") <= width
        assert not page.evaluate(FAINT, "#App"), name
        for charts in page.locator("main.page figure").all():
            assert charts.evaluate("e => e.scrollWidth - e.clientWidth") <= 0, name
    assert site.elsewhere == []


def colour(code: str) -> list[int]:
    return [int(code[start : start + 2], 16) for start in (1, 3, 5)]


GROUND = """e => {
  const canvas = document.createElement('canvas').getContext('2d');
  canvas.fillStyle = getComputedStyle(e).backgroundColor;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""

# Every text on the page, shadows included, whose contrast with its ground is below what WCAG AA asks for.
FAINT = """within => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const colour = css => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = css;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const up = e => e.assignedSlot || e.parentElement || (e.getRootNode().host ?? null);
  const ground = e => {
    for (; e; e = up(e)) {
      const found = colour(getComputedStyle(e).backgroundColor);
      if (found[3] > 200) return found;
    }
    return [255, 255, 255, 255];
  };
  const light = c => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
    const part = c[i] / 255;
    return sum + weight * (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  }, 0);
  const faint = [];
  const look = e => {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    const style = getComputedStyle(e);
    if (own && e.getClientRects().length && style.visibility !== 'hidden' && style.opacity !== '0') {
      const [dark, bright] = [light(colour(style.color)), light(ground(e))].sort((a, b) => a - b);
      const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
      const ratio = (bright + 0.05) / (dark + 0.05);
      if (ratio < (large ? 3 : 4.5) && !e.closest('.flag')) faint.push(`${e.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
    }
    for (const child of e.shadowRoot ? e.shadowRoot.children : []) look(child);
    for (const child of e.children) look(child);
  };
  look(document.querySelector(within));
  return faint;
}"""


@contextmanager
def another_origin(html: str) -> Iterator[tuple[str, list[str]]]:
    """A page on another port of this machine, as any other program could serve one, and what is asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", asked
    finally:
        server.shutdown()
        server.server_close()


def test_a_page_of_another_origin_gets_nothing_though_the_browser_has_the_key(site: Site) -> None:
    context = site.browser.new_context()
    page = context.new_page()
    page.goto(f"{site.url}/?{KEY}={KEY_OF_THE_TESTS}", wait_until="commit")
    assert context.cookies(site.url)[0]["httpOnly"]
    with another_origin("<title>another</title>") as (elsewhere, _):
        page.goto(elsewhere)
        tried = page.evaluate(
            """async (url) => {
                const socket = new Promise((ended) => {
                    const ws = new WebSocket(url.replace("http", "ws") + "/ws?session_id=s_1");
                    ws.onopen = () => ended("open");
                    ws.onerror = () => ended("refused");
                });
                const read = fetch(url + "/", {credentials: "include"}).then((r) => r.text(), () => "refused");
                return {socket: await socket, read: await read};
            }""",
            site.url,
        )
    assert tried == {"socket": "refused", "read": "refused"}


def test_whoever_has_no_key_is_told_how_to_get_in(site: Site) -> None:
    page = site.browser.new_context().new_page()
    answer = page.goto(site.url)
    assert answer is not None
    assert answer.status == 403
    assert "dlt-harvest show" in page.inner_text("body")


def test_the_key_does_not_stay_in_the_address(site: Site) -> None:
    page = site.open()
    assert KEY_OF_THE_TESTS not in page.url


def test_a_picture_of_another_host_is_never_fetched_whatever_puts_it_into_the_page(site: Site) -> None:
    page = site.open()
    with another_origin("") as (elsewhere, asked):
        page.evaluate(
            """url => new Promise(done => {
                const picture = new Image();
                picture.onload = picture.onerror = () => done();
                picture.src = url;
            })""",
            f"{elsewhere}pixel.png",
        )
    assert asked == []
