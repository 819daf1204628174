"""Whom to call: by money, with the people to talk to and the record in Harvest, on an account made by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from harvest_warehouse.dashboard.calls import calls, in_order
from harvest_warehouse.dashboard.header import Header, Rate
from harvest_warehouse.dashboard.reader import Reader
from support.dashboards import nothing, top
from support.shop import Shop

A = "'123456'"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Three clients: Ada owes two invoices, Bo's project is over its hours and lost money, Cy has a credit only."""
    made = nothing(tmp_path_factory.mktemp("calls"))
    made.run(
        *(
            f"insert into marts.dim_client (account_id, client_id, client_name, currency, is_active) values ({A}, {key}, '{name}', '{code}', true)"
            for key, name, code in ((1, "Ada", "EUR"), (2, "Bo", "USD"), (3, "Cy", "EUR"))
        ),
        *(
            f"""insert into marts.fct_invoice (account_id, invoice_id, invoice_number, client_id, client_name, currency, state,
            due_amount, days_overdue, due_date)
            values ({A}, {key}, 'N{key}', {client}, '{name}', 'EUR', 'open', {due}, {days}, date '2026-01-01')"""
            for key, client, name, due, days in (
                (11, 1, "Ada", 100, 71), (12, 1, "Ada", 200, 9), (13, 3, "Cy", -500, 90), (14, 1, "Ada", 0, 500),
            )
        ),
        *(
            f"insert into marts.dim_project (account_id, project_id, project_name, client_id, client_name, is_active) values ({A}, {key}, '{name}', {client}, '{whose}', true)"
            for key, name, client, whose in ((21, "Engine", 2, "Bo"), (22, "Loom", 1, "Ada"), (23, "Card", 1, "Ada"))
        ),
        f"""insert into marts.mart_project_budget (account_id, project_id, project_name, client_id, client_name, currency,
        is_active, budget_unit, budget, budget_spent, spent_share, status)
        values ({A}, 21, 'Engine', 2, 'Bo', 'USD', true, 'hours', 50, 60, 1.2, 'over')""",
        # The calendar of an empty account has no month before its own.
        """insert into marts.dim_date (account_id, date_day, month_start, month_index, is_complete_month, is_as_of_date)
        select account_id, date '2026-02-01', date '2026-02-01', month_index - 1, true, false
        from marts.dim_date where is_as_of_date""",
        # 20 hours at 30 in the last complete month, on which 80 was lost.
        f"""insert into marts.mart_project_profitability_monthly (account_id, project_id, project_name, client_id, client_name,
        currency, project_type, month_start, is_complete_month, billable_hours, value_at_rates, revenue, margin, hours)
        values ({A}, 21, 'Engine', 2, 'Bo', 'USD', 'time_and_materials', date '2026-02-01', true, 20, 600, 600, -80, 20)""",
        *(
            f"insert into marts.dim_person (account_id, user_id, person_name, email, is_active) values ({A}, {key}, '{name}', '{name}@us.example', {is_here})"
            for key, name, is_here in ((31, "Max", "true"), (32, "Mia", "true"), (33, "Gone", "false"))
        ),
        *(
            f"""insert into user_assignments (account_id, id, project__id, user__id, is_active, is_project_manager)
            values ({A}, {key}, {project}, {user}, {is_on}, {is_manager})"""
            for key, project, user, is_on, is_manager in (
                (41, 21, 33, "true", "true"), (42, 21, 31, "true", "true"), (43, 21, 32, "true", "false"),
                (44, 22, 31, "true", "true"), (45, 22, 32, "true", "true"), (46, 23, 32, "true", "true"),
            )
        ),
    )  # fmt: skip
    made.run(
        "create table if not exists contacts (account_id varchar, id bigint, client__id bigint, first_name varchar, last_name varchar, email varchar, invoice_recipient_status varchar)"
    )
    made.run(
        *(
            f"""insert into contacts (account_id, id, client__id, first_name, last_name, email, invoice_recipient_status)
            values ({A}, {key}, {client}, {first}, 'Byron', {email}, '{status}')"""
            for key, client, first, email, status in (
                (51, 1, "'Any'", "'any@ada.example'", "none"), (52, 1, "'Copy'", "'copy@ada.example'", "cc"),
                (53, 1, "'Pay'", "'pay@ada.example'", "recipient"), (54, 2, "null", "null", "recipient"),
            )
        )
    )  # fmt: skip
    return made


@pytest.fixture(scope="module")
def head(shop: Shop) -> Header:
    return replace(top(shop), home_currency="EUR", currencies=("EUR", "USD"), web_address="https://a.harvestapp.com")


KEYS = ("client_name", "amount", "currency", "kind", "what", "contact", "contact_email", "manager", "url")


def test_each_call_names_the_amount_the_people_and_the_record(shop: Shop, head: Header) -> None:
    assert [tuple(row[key] for key in KEYS) for row in calls(Reader(shop.warehouse), head)] == [
        # One call about both invoices, linked to the larger one; Mia manages two of Ada's projects, Max one.
        (
            "Ada", 300, "EUR", "overdue", "overdue on 2 invoices, the oldest for 71 days", "Pay Byron", "pay@ada.example",
            "Mia", "https://a.harvestapp.com/invoices/12",
        ),
        # 10 hours over at 30; its other manager has left, and its contact has no e-mail.
        (
            "Bo", 300, "USD", "over budget", "over the budget of Engine", None, None, "Max",
            "https://a.harvestapp.com/projects/21",
        ),
        (
            "Bo", 80, "USD", "lost", "lost on Engine since Feb 2026", None, None, "Max",
            "https://a.harvestapp.com/projects/21",
        ),
    ]  # fmt: skip


def row(client: str, amount: int, currency: str) -> dict[str, Any]:
    return {"client_name": client, "amount": Decimal(amount), "currency": currency}


def test_the_order_is_by_money_where_there_are_rates_and_by_turns_where_not(head: Header) -> None:
    rows = [row("A", 100, "EUR"), row("B", 90, "EUR"), row("C", 120, "USD"), row("D", 10, "USD"), row("E", 5000, "XXX")]
    assert [one["client_name"] for one in in_order(rows, head)] == ["A", "C", "E", "B", "D"]
    # 120 USD are 60 EUR, and 10 are 5.
    known = replace(head, rates={"USD": Rate(date(2026, 2, 1), Decimal("0.5"))})
    assert [one["client_name"] for one in in_order(rows[:4], known)] == ["A", "B", "C", "D"]


def test_without_contacts_and_address_a_call_has_neither(tmp_path: Path, shop: Shop, head: Header) -> None:
    bare = shop.copy(tmp_path)
    bare.run("drop table contacts")
    [first, *_] = calls(Reader(bare.warehouse), replace(head, web_address=None))
    assert (first["client_name"], first["contact_email"], first["url"]) == ("Ada", None, None)
