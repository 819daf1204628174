"""A figure that people see in several places is the same in all of them: dashboard, weekly report, alerts, demo and docs."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from harvest_warehouse.alerts import AlertsReport, alerts
from harvest_warehouse.alerts.settings import AlertSettings
from harvest_warehouse.cli import demo_company
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.formatting import money
from harvest_warehouse.dashboard.pages import PAGES
from harvest_warehouse.dashboard.reader import Reader
from harvest_warehouse.weekly.content import weeks
from harvest_warehouse.weekly.html import page as weekly_page
from support.dashboards import amount, ask, page, tiles, top
from support.shop import Shop

CLONE = Path(__file__).parents[3]
# Invoices that no place may count: nothing is owed on them, or the client is owed.
NOT_OWED = (("zero", 0), ("credit", -200))


SHEETS = "marts.mart_timesheet_compliance_weekly"
LAST_WEEK = "week_start = (select max(week_start) from marts.dim_date where is_complete_week)"


@pytest.fixture(scope="module")
def shop(small_shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A company with two more overdue invoices for each client: one of zero, one that was paid twice.

    Three people lack 9.5 hours last week, and one has as many hours as the week has, but none on two days.
    """
    made = small_shop.copy(tmp_path_factory.mktemp("places"))
    people = [key for (key,) in made.rows(f"select user_id from {SHEETS} where {LAST_WEEK} and is_active order by 1")]
    made.run(
        f"update {SHEETS} set tracked_hours = capacity_hours - 9.5, missing_hours_of_week = 9.5 where {LAST_WEEK} and user_id in {tuple(people[:3])}",
        f"update {SHEETS} set tracked_hours = capacity_hours, missing_hours = 16, missing_hours_of_week = 0 where {LAST_WEEK} and user_id = {people[3]}",
    )
    for place, (name, due) in enumerate(NOT_OWED):
        made.run(
            f"""
            insert into marts.fct_invoice
              (account_id, invoice_id, invoice_number, client_id, client_name, currency, state, due_date, amount,
              due_amount, open_amount, days_overdue, overdue_bucket)
            select account_id, {place + 1} * 10000000 + client_id, '{name}', client_id, client_name, currency, 'open',
              date '2026-01-01', {due}, {due}, {due}, 74, '61-90'
            from marts.dim_client where currency is not null
            """
        )
    return made


@pytest.fixture(scope="module")
def raised(shop: Shop) -> AlertsReport:
    return alerts(shop.warehouse, AlertSettings())


def by_currency(shop: Shop, label: str, name: str) -> dict[str, Decimal]:
    """A tile of a page in each currency, in whole units."""
    return {code: amount(tiles(page(shop, name, currency=code))[label]) for code in top(shop).currencies}


def document(name: str) -> str:
    return (CLONE / name).read_text(encoding="utf-8")


def rounded(amounts: dict[str, Decimal]) -> dict[str, Decimal]:
    return {code: Decimal(f"{value:.0f}") for code, value in amounts.items() if f"{value:.0f}" != "0"}


def lines(shop: Shop, key: str) -> dict[str, Decimal]:
    return {row["currency"]: row[key] for row in page(shop, "Overview").sections[1].rows}


@pytest.mark.nightly
def test_what_is_to_come_is_the_same_on_each_page(small_shop: Shop, tmp_path: Path) -> None:
    shop = small_shop.copy(tmp_path)
    owed = {line["currency"]: line["receivable"] for line in page(shop, "Overview").sections[1].rows}
    for code in top(shop).currencies:
        of = {section.name: section.rows for section in page(shop, "Billing & cash", currency=code).sections}
        assert sum(row["due_amount"] for row in of["expected-cash"]) == owed[code]
        invoiced = sum(row["invoiced"] for row in of["invoiced-by-month"])
        assert (
            invoiced
            == ask(
                shop,
                f"""select coalesce(sum(net_amount), 0) from marts.fct_invoice, (select date_day as today from marts.dim_date where is_as_of_date)
            where currency = '{code}' and state <> 'draft' and not is_deposit
            and issue_date between date_trunc('month', today) - interval 12 month and last_day(today)""",
            )[0][0]
        )
    of = {section.name: section.rows for section in page(shop, "Capacity").sections}
    free = [sum(row["bench_hours"] for row in of[name]) for name in of]
    assert free[0] == free[1] == free[2] > 0
    hours = sum(row["capacity_hours"] for row in of["capacity-by-week"])
    assert hours == ask(shop, "select sum(capacity_hours) from marts.mart_capacity_forecast_weekly")[0][0]


def test_what_is_overdue_is_the_same_in_all_places(shop: Shop, raised: AlertsReport) -> None:
    [alert] = [one for one in raised.raised if one.alert.name == "overdue_invoices"]
    assert not {row["invoice_number"] for row in alert.rows} & {name for name, _ in NOT_OWED}
    assert rounded(by_currency(shop, "Overdue", "Billing & cash")) == rounded(alert.totals)
    assert {code: value for code, value in lines(shop, "overdue").items() if value} == alert.totals
    assert sum(row["overdue_invoices"] for row in page(shop, "Overview").sections[1].rows) == len(alert.rows)
    for code in top(shop).currencies:
        billing = page(shop, "Billing & cash", currency=code)
        ages, listed = billing.sections[1].rows, billing.sections[0].rows
        total = alert.totals.get(code, Decimal(0))
        assert sum(row["open_amount"] for row in ages if row["overdue_bucket"] != "not_due") == total
        assert sum(row["open_amount"] for row in listed) == total
    called: dict[str, Decimal] = {}
    for row in page(shop, "Overview").sections[0].rows:
        if row["kind"] == "overdue":
            called[row["currency"]] = called.get(row["currency"], Decimal(0)) + row["amount"]
    assert called == alert.totals
    question = next(query for words, query in demo_company.QUESTIONS if words.startswith("Invoices overdue"))
    asked = question.replace("current_date", f"date '{shop.as_of}'")
    assert {code: due for code, _, due in ask(shop, asked)} == alert.totals
    assert alert.totals, "nothing was compared"


def test_what_is_not_billed_is_the_same_in_all_places(shop: Shop, raised: AlertsReport) -> None:
    [alert] = [one for one in raised.raised if one.alert.name == "unbilled"]
    old = {code: value for code, value in lines(shop, "unbilled_old").items() if value}
    assert old == alert.totals
    whole = lines(shop, "unbilled")
    assert rounded(by_currency(shop, "Not yet billed", "Billing & cash")) == rounded(whole)
    expected = {code: value for code, value in whole.items() if value}
    assert expected, "nothing was compared"
    [example] = re.findall(r'sql "(select [^"]+ from mart_unbilled [^"]+)"', document("docs/how-to/query-with-sql.md"))
    told: dict[str, Decimal] = {}
    for _, code, unbilled in ask(shop, example.replace("mart_unbilled", "marts.mart_unbilled")):
        told[code] = told.get(code, Decimal(0)) + unbilled
    assert {code: value for code, value in told.items() if value} == expected
    [example] = re.findall(r'sql "(from mart_unbilled [^"]+)"', document("README.md"))
    query = (
        f"select currency, sum(uninvoiced_amount) {example.replace('mart_unbilled', 'marts.mart_unbilled')} group by 1"
    )
    assert {code: value for code, value in ask(shop, query) if value} == expected


def test_missing_hours_are_the_same_in_all_places(shop: Shop, raised: AlertsReport) -> None:
    [alert] = [one for one in raised.raised if one.alert.name == "missing_timesheets"]
    assert tiles(page(shop, "Overview"))["Timesheets to chase, last week"] == f"{len(alert.rows)}"
    late = [row for row in page(shop, "People").sections[2].rows if row["missing_hours"] >= 8]
    assert {row["person_name"]: row["missing_hours"] for row in late} == {
        row["person_name"]: row["missing_hours"] for row in alert.rows
    }
    assert page(shop, "People").sections[2].title.startswith(f"{len(late)} timesheet")
    # Three people with 9.5 hours each are sure to be among them.
    assert alert.totals[""] >= Decimal("28.5")
    assert len(alert.rows) >= 3


def test_a_margin_is_of_the_same_months_in_all_places(shop: Shop, raised: AlertsReport) -> None:
    head = top(shop)
    rows = page(shop, "Margin", currency=head.home_currency).sections[3].rows
    thin = {
        row["project_id"]: (row["revenue"], row["margin"])
        for row in rows
        if row["revenue"] > 0 and row["margin"] < Decimal("0.2") * row["revenue"]
    }
    [alert] = [one for one in raised.raised if one.alert.name == "margin"] or [None]
    found = {row["project_id"]: (row["revenue_amount"], row["margin_amount"]) for row in alert.rows} if alert else {}
    paid = {row["project_id"] for row in rows}
    assert {key: value for key, value in found.items() if key in paid} == thin
    months = page(shop, "Margin", currency=head.home_currency).sections[1].rows
    assert [row["month_start"] for row in months] == [date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1)]


def test_the_weekly_page_has_the_overviews_figures(shop: Shop) -> None:
    accounts, report = weeks(shop.warehouse, AlertSettings(max_age_hours=Decimal(10**7)))
    html = weekly_page(accounts, report)
    shown = page(shop, "Overview")
    for tile in shown.tiles:
        assert f'<p class="figure">{tile.figure.replace(">", "&gt;").replace("<", "&lt;")}</p>' in html
    for row in shown.sections[1].rows:
        assert f"{row['overdue']:,.0f}" in html
    first = shown.sections[0].rows[0]
    assert money(first["amount"], first["currency"]) in html


@pytest.mark.parametrize("name", PAGES)
def test_old_data_is_said_first_on_every_page(shop: Shop, name: str) -> None:
    head = top(shop, now=top(shop).loaded_at + timedelta(days=400))
    shown = PAGES[name](Reader(shop.warehouse), Filters(head.account_id, head.currencies[0]), head)
    assert (shown.tiles[0].label, shown.tiles[0].is_alarming) == ("The data is old", True)
    assert shown.tiles[0].figure.endswith(" days")
    fresh = page(shop, name)
    assert [tile.label for tile in shown.tiles[1:]] == [tile.label for tile in fresh.tiles]
