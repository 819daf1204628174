"""Queries that no mart answers by itself, on rows made by hand: a week ago, leave, time without a rate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from harvest_warehouse.dashboard import queries
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.header import Rate
from harvest_warehouse.dashboard.queries import trust
from harvest_warehouse.dashboard.reader import Reader
from support.dashboards import page, top
from support.shop import Shop

# The day of the figures is Monday, 16 March 2026; a week ago is the 9th.
ACCOUNT = "123456"
EVERYTHING = Filters(ACCOUNT, "")
TABLES = (
    "fct_invoice",
    "mart_expected_cash",
    "fct_time_entry",
    "fct_expense",
    "mart_project_budget",
    "mart_project_budget_line",
)


def put(shop: Shop, table: str, rows: Sequence[dict[str, Any]]) -> None:
    def said(value: Any) -> str:
        return f"date '{value}'" if isinstance(value, date) else f"'{value}'" if isinstance(value, str) else str(value)

    shop.run(
        *(
            f"insert into {table} ({', '.join(row)}) values ({', '.join(map(said, row.values()))})"
            for row in ({"account_id": ACCOUNT, **row} for row in rows)
        )
    )


def day(text: str) -> date:
    return date.fromisoformat(f"2026-{text}")


@pytest.fixture(scope="module")
def bare(tiny_shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A company's calendar, people and projects, without its facts."""
    shop = tiny_shop.copy(tmp_path_factory.mktemp("bare"))
    shop.build()
    shop.run(*(f"delete from marts.{table}" for table in TABLES), "delete from invoice_payments")
    return shop


@pytest.fixture
def shop(bare: Shop, tmp_path: Path) -> Shop:
    return bare.copy(tmp_path)


def invoice(
    key: int, issued: str, due: str, amount: int, state: str = "open", closed: str | None = None
) -> dict[str, Any]:
    row = {
        "invoice_id": key, "client_id": 1, "currency": "EUR", "state": state, "issue_date": day(issued),
        "due_date": day(due), "amount": amount, "due_amount": amount if state == "open" else 0,
    }  # fmt: skip
    return {**row, "closed_on": day(closed)} if closed else row


def test_what_was_overdue_a_week_ago_is_known_from_dates(shop: Shop) -> None:
    put(
        shop,
        "marts.fct_invoice",
        [
            invoice(1, "02-01", "03-01", 100),
            # 40 of 100 were paid before the 9th, the rest after it.
            invoice(2, "02-01", "03-08", 100, "paid"),
            # Due on that day, issued after it, never sent.
            invoice(3, "02-01", "03-09", 1000),
            invoice(4, "03-10", "03-10", 1000),
            invoice(5, "01-01", "01-31", 1000, "draft"),
            # Written off after that day, and before.
            invoice(6, "01-01", "01-31", 30, "closed", "03-12"),
            invoice(7, "01-01", "01-31", 1000, "closed", "03-02"),
            # Paid twice.
            invoice(8, "01-01", "01-31", 50, "open"),
        ],
    )
    payments = [(1, 2, 40, "03-05"), (2, 2, 60, "03-12"), (3, 8, 100, "02-01")]
    put(
        shop,
        "invoice_payments",
        [{"id": key, "invoice_id": of, "amount": amount, "paid_date": day(on)} for key, of, amount, on in payments],
    )
    # 100 + 60 + 30.
    assert queries.overdue_a_week_ago(Reader(shop.warehouse), EVERYTHING) == [
        {"currency": "EUR", "invoices": 3, "overdue": Decimal(190)}
    ]


def test_the_months_invoicing_leaves_out_deposits_and_tells_drafts_apart(shop: Shop) -> None:
    net = {"net_amount": 0, "is_deposit": False}
    put(
        shop,
        "marts.fct_invoice",
        [
            {**invoice(1, "03-02", "04-01", 120), **net, "net_amount": 100},
            {**invoice(2, "03-09", "04-01", 60, "paid"), **net, "net_amount": 50},
            {**invoice(3, "03-09", "04-01", 900), **net, "net_amount": 900, "is_deposit": True},
            {**invoice(4, "03-01", "04-01", 40, "draft"), **net, "net_amount": 40},
            {**invoice(5, "02-28", "03-30", 30, "closed", "03-05"), **net, "net_amount": 30},
            # Dated ahead, and in another currency.
            {**invoice(6, "04-01", "04-30", 7), **net, "net_amount": 7},
            {**invoice(7, "03-02", "04-01", 5), **net, "net_amount": 5, "currency": "USD"},
        ],
    )
    found = queries.invoiced_by_month(Reader(shop.warehouse), Filters(ACCOUNT, "EUR"))
    assert [
        (row["month_start"], row["months_ago"], row["invoiced"], row["drafted"], row["invoices"]) for row in found
    ] == [
        (day("02-01"), 1, 30, 0, 1),
        (day("03-01"), 0, 150, 40, 2),
    ]


def test_cash_is_expected_on_the_day_that_the_client_usually_pays(shop: Shop) -> None:
    row = {"invoice_number": "1", "client_id": 1, "client_name": "A", "currency": "EUR", "due_amount": 10}
    put(
        shop,
        "marts.mart_expected_cash",
        [
            {**row, "invoice_id": 1, "expected_in_days": 20, "expected_bucket": "8-30"},
            {**row, "invoice_id": 2, "expected_in_days": -6, "expected_bucket": "late"},
        ],
    )
    found = queries.expected_cash(Reader(shop.warehouse), Filters(ACCOUNT, "EUR"))
    assert [(row["invoice_id"], row["expected_date"]) for row in found] == [(2, day("03-10")), (1, day("04-05"))]


def entry(key: int, spent: str, **more: Any) -> dict[str, Any]:
    return {
        "time_entry_id": key, "project_id": 1, "client_id": 1, "user_id": 1, "task_id": 1, "currency": "EUR",
        "project_type": "time_and_materials", "is_billable": True, "is_billed": False, "is_time_off": False,
        "is_missing_billable_rate": False, "is_missing_cost_rate": False, "spent_date": day(spent), "tracked_hours": 2,
        "billable_hours": 2, "billable_amount": 0, "value_at_rates": 0, **more,
    }  # fmt: skip


def test_what_was_not_billed_a_week_ago_includes_what_was_billed_since(shop: Shop) -> None:
    put(shop, "marts.fct_invoice", [invoice(1, "02-01", "03-01", 9), invoice(2, "03-12", "04-01", 9)])
    put(
        shop,
        "marts.fct_time_entry",
        [
            entry(1, "03-09", billable_amount=200),
            entry(2, "03-10", billable_amount=1000),
            entry(3, "03-01", billable_amount=300, is_billed=True, invoice_id=2),
            entry(4, "01-15", billable_amount=1000, is_billed=True, invoice_id=1),
            entry(5, "03-01", billable_amount=1000, project_type="fixed_fee"),
            # Marked as invoiced by hand: nobody knows when.
            entry(6, "03-01", billable_amount=1000, is_billed=True),
        ],
    )
    expense = {
        "expense_id": 1, "currency": "EUR", "project_type": "time_and_materials", "is_billable": True, "is_billed": False,
        "spent_date": day("03-02"), "billable_amount": 5,
    }  # fmt: skip
    put(shop, "marts.fct_expense", [expense])
    # 200 + 300 + 5.
    assert queries.unbilled_a_week_ago(Reader(shop.warehouse), EVERYTHING) == [
        {"currency": "EUR", "unbilled": Decimal(505)}
    ]


def test_leave_of_this_week_and_the_next_comes_from_entries_and_from_requests(shop: Shop) -> None:
    [(ada,), (bo,)] = shop.rows("select user_id from marts.dim_person order by user_id limit 2")
    away = {"is_time_off": True, "is_billable": False, "tracked_hours": 8}
    put(
        shop,
        "marts.fct_time_entry",
        [
            entry(1, "03-13", user_id=ada, **away),
            entry(2, "03-16", user_id=ada, **away),
            entry(3, "03-18", user_id=ada, **away),
            entry(4, "03-30", user_id=ada, **away),
            entry(5, "03-17", user_id=bo),
        ],
    )
    shop.run(
        "create table pto_requests (account_id varchar, id bigint, status varchar, start_date date, end_date date, "
        "user__id bigint, user__name varchar)"
    )
    requests = [(1, "approved", "03-20", "03-24"), (2, "pending", "03-16", "03-20"), (3, "approved", "04-01", "04-02")]
    put(
        shop,
        "pto_requests",
        [
            {
                "id": key,
                "status": status,
                "start_date": day(start),
                "end_date": day(end),
                "user__id": bo,
                "user__name": "Bo",
            }
            for key, status, start, end in requests
        ],
    )
    found = queries.on_leave(Reader(shop.warehouse), EVERYTHING)
    # From Friday to Tuesday are two weeks, and the weekend is none of them.
    assert [(row["user_id"], row["when"], row["from_date"], row["to_date"], row["leave_hours"]) for row in found] == [
        (ada, "this week", day("03-16"), day("03-18"), 16),
        (bo, "this week", day("03-20"), day("03-20"), None),
        (bo, "next week", day("03-23"), day("03-24"), None),
    ]
    shown = page(shop, "People")
    assert shown.sections[3].title == "2 people on leave this week"
    assert shown.tiles[3].figure == "2"


def test_time_without_a_rate_is_worth_what_other_time_on_the_project_is(shop: Shop) -> None:
    [(first,), (second,)] = shop.rows("select project_id from marts.dim_project order by project_id limit 2")
    put(
        shop,
        "marts.fct_time_entry",
        [
            # 3 hours for 240 elsewhere on the project: 80 an hour.
            entry(1, "03-01", project_id=first, billable_hours=1, value_at_rates=100),
            entry(2, "03-02", project_id=first, billable_hours=2, value_at_rates=140),
            entry(3, "03-03", project_id=first, billable_hours=5, is_missing_billable_rate=True),
            entry(4, "03-04", project_id=first, billable_hours="1.5", is_missing_billable_rate=True),
            entry(5, "03-04", project_id=second, billable_hours=2, is_missing_billable_rate=True),
        ],
    )
    found = trust.entries_without_rate(Reader(shop.warehouse), EVERYTHING)
    assert [(row["project_id"], row["entries"], row["hours"], row["oldest_date"]) for row in found] == [
        (first, 2, Decimal("6.5"), day("03-03")),
        (second, 1, 2, day("03-04")),
    ]
    assert [row["worth"] for row in found] == [pytest.approx(520), None]


def test_a_budget_that_is_over_shows_who_and_what_used_it(shop: Shop) -> None:
    project = {
        "project_id": 1, "project_name": "Engine", "client_id": 1, "client_name": "Ada", "currency": "EUR", "is_active": True,
        "budget_unit": "hours",
    }  # fmt: skip
    put(
        shop,
        "marts.mart_project_budget",
        [{**project, "budget": 8, "budget_spent": 10, "budget_remaining": -2, "status": "over"}],
    )
    put(
        shop,
        "marts.mart_project_budget_line",
        [
            {**project, "line_kind": kind, "line_id": key, "line_name": name, "spent": spent}
            for kind, key, name, spent in (
                ("task", 1, "Design", 4), ("task", 2, "Build", 6), ("person", 1, "Max", 10), ("person", 2, "Mia", 0),
            )
        ],
    )  # fmt: skip
    section = page(shop, "Budgets", currency="EUR").sections[3]
    assert section.title == "Which tasks and people used the one budget that is over or heading over"
    assert [(row["line_name"], row["spent"], row["share"]) for row in section.rows] == [
        ("Build", 6, Decimal("0.6")),
        ("Design", 4, Decimal("0.4")),
        ("Max", 10, 1),
    ]


def test_an_invoice_in_a_currency_that_no_client_has_is_on_the_pages(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "JPY" not in top(shop).currencies
    row = {**invoice(1, "01-01", "01-31", 450_000), "currency": "JPY", "client_name": "Ada", "days_overdue": 44}
    put(shop, "marts.fct_invoice", [{**row, "overdue_bucket": "31-60"}])
    assert top(shop).currencies[-1] == "JPY"
    lines = {line["currency"]: line["overdue"] for line in page(shop, "Overview").sections[1].rows}
    assert lines["JPY"] == 450_000
    billing = page(shop, "Billing & cash", currency="JPY")
    assert billing.sections[0].title == "Call Ada first: JPY 450,000 overdue on 1 invoice, for 44 days"
    assert billing.sections[1].title == "All of the JPY 450,000 that clients owe is overdue"
    # Without revenue in it, the marts hold no rate of it: the settings do.
    assert "JPY" in top(shop).unconverted
    monkeypatch.setenv("HARVEST_MARTS__EXCHANGE_RATES", '{"JPY": {"2025-01": 0.008, "2026-02": 0.009, "2026-04": 1}}')
    assert top(shop).rates["JPY"] == Rate(day("03-01"), Decimal("0.009"))
    assert top(shop).in_home(Decimal(450_000), "JPY") == 4050
