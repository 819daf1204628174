"""The dashboard in a real browser: every page, every filter, figures off the page, light and dark, wide and narrow.

Needs Chromium as a program (Debian: `apt-get install -y chromium`); without it these tests are skipped, visibly.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harvest_warehouse.dashboard.pages import PAGES
from harvest_warehouse.dashboard.serve.access import KEY
from support.dashboards import BAD, GROUNDS, KEY_OF_THE_TESTS, ask, named_badly, served, tiles, top
from support.dashboards import page as page_of
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


@dataclass
class Site:
    """A dashboard that is being served, and a browser."""

    shop: Shop
    url: str
    browser: sync_api.Browser
    elsewhere: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def open(self, path: str = "/", *, width: int = 1280, scheme: str = "light", scripts: bool = True) -> sync_api.Page:
        """A page of the dashboard; requests to anywhere else are noted, and what the browser complains of."""
        context = self.browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on(
            "request", lambda request: None if _is_ours(request.url, self.url) else self.elsewhere.append(request.url)
        )
        page.on("console", lambda message: self.said.append(message.text) if message.type == "error" else None)
        page.goto(f"{self.url}{path}{'&' if '?' in path else '?'}{KEY}={KEY_OF_THE_TESTS}", wait_until="load")
        return page


def _is_ours(url: str, ours: str) -> bool:
    return url.startswith((ours, "data:"))


def shown(page: sync_api.Page, name: str) -> None:
    sync_api.expect(page.locator("main h1")).to_have_text(name, timeout=PATIENCE_MS)


def choose(page: sync_api.Page, name: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()
    shown(page, name)


def tile(page: sync_api.Page, label: str) -> str:
    [figure] = figures(page.locator("main .tile", has=page.get_by_role("heading", name=label, exact=True)))
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
def site(browser: sync_api.Browser, small_shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(small_shop.copy(tmp_path_factory.mktemp("company")), browser) as site:
        yield site


@contextmanager
def serving(shop: Shop, browser: sync_api.Browser) -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patch:
        # The simulated company lives in March: its data is old by the clock, and test_places.py has what a page says then.
        patch.setenv("HARVEST_ALERTS__MAX_AGE_HOURS", "10000000")
        with served(shop) as url:
            yield Site(shop, url, browser)


@pytest.fixture(autouse=True)
def closed(site: Site) -> Iterator[None]:
    yield
    for context in site.browser.contexts:
        context.close()


def test_one_clicks_through_every_page_and_each_has_its_charts_and_nothing_else_is_asked_for(site: Site) -> None:
    page = site.open()
    for name in PAGES:
        choose(page, name)
        assert page.title().startswith(name)
        assert page.locator("main .tile").count() >= 3
        charts = [section for section in page_of(site.shop, name).sections if section.chart is not None]
        assert page.locator("main svg[role=img]:visible").count() == len(charts)
        head = page.locator("header").inner_text()
        assert "Compared with Harvest" in head
        assert "not run" in head
        assert "Without a rate" in head
    assert (site.elsewhere, site.said) == ([], [])


@pytest.mark.nightly
def test_no_name_runs_on_any_page(site: Site, tmp_path: Path) -> None:
    with serving(named_badly(site.shop, tmp_path), site.browser) as bad:
        page = bad.open()
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        for name in PAGES:
            choose(page, name)
            assert page.locator("header .account").inner_text() == BAD
            assert not page.evaluate("window.ran")
        page.goto(f"{bad.url}/rows/time")
        assert not page.evaluate("window.ran")
        assert (bad.elsewhere, bad.said) == ([], [])


def test_the_page_is_painted_once_and_whole_and_is_there_without_scripts(site: Site) -> None:
    page = site.open("/billing-cash", scripts=False)
    of_page = page_of(site.shop, "Billing & cash")
    assert dict(
        zip(page.locator(".tile h2").all_inner_texts(), figures(page.locator("main")), strict=True)
    ) == tiles(of_page)  # fmt: skip
    assert page.locator("main svg[role=img]:visible").count() == len([s for s in of_page.sections if s.chart])
    # The form works as forms do.
    last = top(site.shop).currencies[-1]
    page.locator("#currency").select_option(last)
    page.get_by_role("button", name="Show").click()
    page.wait_for_url(f"**currency={last}*")
    assert tile(page, "Overdue") == tiles(page_of(site.shop, "Billing & cash", currency=last))["Overdue"]


@pytest.mark.nightly
def test_a_page_that_meets_a_load_says_so_and_comes_by_itself(site: Site, tmp_path: Path) -> None:
    own = site.shop.copy(tmp_path)
    writing = f"import duckdb; held = duckdb.connect({str(own.warehouse.file)!r}); print('open', flush=True); input()"
    with (
        serving(own, site.browser) as busy,
        subprocess.Popen(
            [sys.executable, "-c", writing], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other,
    ):
        assert other.stdout
        assert other.stdout.readline() == "open\n"
        page = busy.open()
        sync_api.expect(page.get_by_role("alert")).to_contain_text("is being written", timeout=PATIENCE_MS)
        sync_api.expect(page.get_by_role("alert")).to_contain_text("tries again by itself")
        other.communicate("\n")
        shown(page, "Overview")


def test_the_address_follows_page_and_filters_and_the_way_back_works(site: Site) -> None:
    last = top(site.shop).currencies[-1]
    page = site.open("/billing-cash")
    page.locator("#currency").select_option(last)
    page.wait_for_url(f"{site.url}/billing-cash?currency={last}")
    choose(page, "Margin")
    assert page.url == f"{site.url}/margin?currency={last}"
    page.get_by_label("Looking back").select_option("26 weeks")
    page.wait_for_url(f"{site.url}/margin?currency={last}&weeks=26")
    page.go_back()
    page.go_back()
    shown(page, "Billing & cash")
    assert page.url == f"{site.url}/billing-cash?currency={last}"
    sync_api.expect(page.locator("#currency")).to_have_value(last)
    page.go_forward()
    shown(page, "Margin")
    # Whoever gets the address sees the same.
    again = site.open(f"/margin?currency={last}&weeks=26")
    assert again.locator("#currency").input_value() == last


def test_the_currency_changes_every_figure_of_money_to_what_the_marts_say(site: Site) -> None:
    page = site.open("/billing-cash")
    for currency in top(site.shop).currencies:
        page.locator("#currency").select_option(currency)
        [[unbilled]] = ask(
            site.shop,
            "select coalesce(sum(uninvoiced_amount), 0) from marts.mart_unbilled "
            f"where age_bucket not in ('fee', 'future') and currency = '{currency}'",
        )
        [[overdue, invoices]] = ask(
            site.shop,
            "select coalesce(sum(due_amount), 0), count(*) from marts.fct_invoice "
            f"where state = 'open' and due_amount > 0 and days_overdue > 0 and currency = '{currency}'",
        )
        figure = page.locator("main .tile .figure").first
        sync_api.expect(figure).to_contain_text(f"{currency} {overdue:,.0f}")
        assert tile(page, "Not yet billed") == f"{currency} {unbilled:,.0f}"
        assert f"on {invoices}" in page.locator("main .tile .note").all_inner_texts()[0]


def test_the_client_the_weeks_the_contractors_and_the_target_change_what_they_should(site: Site) -> None:
    head = top(site.shop)
    currency = head.currencies[0]
    client_id, client = next(iter(head.clients[currency].items()))
    page = site.open("/billing-cash")
    page.get_by_text("All clients", exact=True).click()
    page.get_by_role("checkbox", name=client, exact=True).check()
    [[unbilled]] = ask(
        site.shop,
        f"select coalesce(sum(uninvoiced_amount), 0) from marts.mart_unbilled where age_bucket not in ('fee', 'future') and client_id = {client_id}",
    )
    figure = page.locator("main .tile .figure")
    sync_api.expect(figure.nth(2)).to_contain_text(f"{currency} {unbilled:,.0f}")
    # The list stays open for the next client, and Escape closes it.
    assert page.get_by_role("checkbox", name=client, exact=True).is_visible()
    page.keyboard.press("Escape")
    sync_api.expect(page.get_by_role("checkbox", name=client, exact=True)).to_be_hidden()
    sync_api.expect(page.get_by_text("1 client", exact=True)).to_be_focused()

    choose(page, "Overview")
    shown(page, "Overview")
    page.get_by_label("Looking back").select_option("4 weeks")
    sync_api.expect(page.locator("main")).to_contain_text("over 4 weeks")

    page.get_by_label("Without contractors").check()
    [[billable, available]] = ask(
        site.shop,
        "select sum(billable_hours), sum(available_hours) from marts.mart_utilisation_weekly where not is_contractor "
        "and week_end = (select max(week_end) from marts.dim_date where is_complete_week)",
    )
    sync_api.expect(figure.nth(3)).to_contain_text(f"{billable / available * 100:.0f}%")

    page.locator("#target").select_option("100%")
    sync_api.expect(page.locator("main .tile .note").nth(3)).to_contain_text("target 100%")


def test_a_tile_and_a_bar_lead_to_the_records_behind_them_and_these_on_to_harvest(site: Site) -> None:
    page = site.open("/billing-cash")
    [[owed]] = ask(
        site.shop,
        "select sum(open_amount) from marts.fct_invoice where state = 'open' and due_amount > 0 "
        f"and currency = '{top(site.shop).currencies[0]}'",
    )
    page.get_by_role("heading", name="Receivables", exact=True).click()
    shown(page, "Invoices")
    sync_api.expect(page.locator("main h2")).to_contain_text(f"Open: {owed:,.2f}")
    [[address]] = ask(site.shop, "select base_uri from company")
    assert (
        page.get_by_role("link", name="Open", exact=True).first.get_attribute("href").startswith(f"{address}/invoices/")
    )  # type: ignore[union-attr]
    page.go_back()
    page.locator("#section-receivables-by-age svg:visible a").last.click()
    shown(page, "Invoices")
    sync_api.expect(page.locator("main .question")).to_contain_text("days overdue")


def test_a_tile_that_leads_to_a_table_opens_it(site: Site) -> None:
    page = site.open("/people")
    sync_api.expect(page.locator("#people table")).to_be_hidden()
    page.get_by_role("heading", name="Room until target, a week", exact=True).click()
    sync_api.expect(page.locator("#people table")).to_be_visible()


def test_the_table_behind_a_chart_opens_and_downloads_as_it_is(site: Site, tmp_path: Path) -> None:
    page = site.open("/people")
    page.get_by_text(re.compile("^Table: ")).first.click()
    sync_api.expect(page.locator("#people table")).to_be_visible()
    with page.expect_download() as downloading:
        page.get_by_role("link", name=re.compile("^Download CSV")).first.click()
    downloading.value.save_as(tmp_path / "people.csv")
    header, *rows = (tmp_path / "people.csv").read_text(encoding="utf-8-sig").splitlines()
    assert header.startswith("Person,Kind,Role,Billable utilisation (%)")
    [[people]] = ask(
        site.shop,
        "select count(distinct user_id) from marts.mart_utilisation_weekly where is_complete_week and week_index > "
        "(select max(week_index) from marts.dim_date where is_complete_week) - 12",
    )
    assert len(rows) == people


def test_the_keyboard_reaches_the_pages_and_the_filters_in_their_order_and_shows_where_it_is(site: Site) -> None:
    page = site.open()
    reached = []
    for _ in range(5 + len(PAGES)):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUSED))
    names = [name.split("\n")[0].strip() for name, _ in reached]
    pages = 1 + len(PAGES)
    assert names[:pages] == ["Skip to the page", *PAGES]
    assert "without a cost rate" in reached[pages][0]
    assert names[pages + 1 :] == [
        "Looking back",
        "Target",
        "Without contractors",
    ]
    assert all(width >= 2 for _, width in reached)


def test_the_keyboard_alone_goes_from_page_to_page_and_keeps_its_place(site: Site) -> None:
    page = site.open()
    page.get_by_role("link", name="People", exact=True).focus()
    page.keyboard.press("Enter")
    shown(page, "People")
    assert page.evaluate(FOCUSED)[0] == "People"
    page.get_by_label("Looking back").focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_url("**weeks=26")
    assert page.evaluate(FOCUSED)[0].startswith("Looking back")
    page.keyboard.press("ArrowDown")
    page.wait_for_url("**weeks=52")


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
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        for element in ("html", "body", "#app", "main", "header"):
            box = page.locator(element).first
            assert box.evaluate("e => e.scrollWidth - e.clientWidth") <= 0, (name, element)
        assert page.locator("main").evaluate("e => e.getBoundingClientRect().right") <= width
        assert not page.evaluate(FAINT, "#app"), name
        assert not page.evaluate(FAINT_IN_CHARTS), name
        for charts in page.locator("main figure:not(.scroll):visible").all():
            assert charts.evaluate("e => e.scrollWidth - e.clientWidth") <= 0, name


def test_on_paper_there_are_figures_and_charts_and_no_filter_and_no_empty_sheet(site: Site, tmp_path: Path) -> None:
    page = site.open(scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert (
        page.locator("form.filters, nav, .button, .download").evaluate_all(
            "each => each.filter(e => e.getClientRects().length)"
        )
        == []
    )
    charts = [section for section in page_of(site.shop, "Overview").sections if section.chart is not None]
    assert page.locator("main svg[role=img]:visible").count() == len(charts)
    assert not page.evaluate(FAINT, "#app")
    file = tmp_path / "overview.pdf"
    page.pdf(path=file, format="A4", print_background=False)
    sheets = re.findall(rb"/Type /Page\b", file.read_bytes())
    assert 1 <= len(sheets) <= 2


def colour(code: str) -> list[int]:
    return [int(code[start : start + 2], 16) for start in (1, 3, 5)]


GROUND = """e => {
  const canvas = document.createElement('canvas').getContext('2d');
  canvas.fillStyle = getComputedStyle(e).backgroundColor;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""

# Every text on the page, shadows included, whose contrast with its ground is below what WCAG AA asks for.
# Labels of charts, which have colours of their own.
FAINT_IN_CHARTS = """() => [...document.querySelectorAll('main svg .role-axis-label text')].filter(
  e => e.getClientRects().length && getComputedStyle(e).fill !== getComputedStyle(document.body).color
).map(e => e.textContent)"""

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
                const read = fetch(url + "/", {credentials: "include"}).then((r) => r.text(), () => "refused");
                return {read: await read};
            }""",
            site.url,
        )
    assert tried == {"read": "refused"}


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
