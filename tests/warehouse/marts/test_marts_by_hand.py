"""Edges that no company of the simulator's has: a few rows put in by hand, and what they must come to, counted by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from harvest_warehouse.marts.settings import MartSettings
from support.shop import Shop

# Beside the tiny company: somebody of their own, and a client with a currency of its own.
PERSON, CLIENT, CURRENCY = 9_000_001, 9_000_002, "NZD"
AS_OF = date(2026, 3, 16)
# Created on a Tuesday, with time from the Thursday before, and a Saturday on which a timer was started and stopped.
WORK = {date(2026, 3, 5): 3, date(2026, 3, 14): 0}
# 90 days up to and with 28 February begin on 1 December, those up to and with 16 March on 17 December.
INVOICES = {date(2025, 11, 30): 1_000, date(2025, 12, 1): 100, date(2025, 12, 16): 10, date(2025, 12, 17): 1}
# Two clients with another: a fee of 61 over the 61 days of March and April, and one of 31 over March alone.
FEES = {9_100_001: (61, date(2026, 4, 30)), 9_100_002: (31, date(2026, 3, 31))}
FEES_CURRENCY = "ISK"
# Ten hours in December, and three that were worked in February all the same, without any budget.
RETAINER, RETAINER_END, LATE_USE = 9_200_001, date(2025, 12, 31), date(2026, 2, 5)


@pytest.fixture(scope="module")
def shop(tiny_shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    made = tiny_shop.copy(tmp_path_factory.mktemp("by-hand"))
    account = made.simulator.account_id
    made.run(
        f"""insert into users (account_id, id, first_name, is_active, weekly_capacity, created_at, _dlt_load_id, _dlt_id)
        values ('{account}', {PERSON}, 'Edgar', true, 144000, timestamptz '2026-03-10 12:00:00+00', 'x', 'by-hand')""",
        f"""insert into clients (account_id, id, name, currency, is_active)
        values ('{account}', {CLIENT}, 'Edge', '{CURRENCY}', true)""",
        *(
            f"""insert into time_entries (account_id, id, spent_date, user__id, hours, rounded_hours, billable, is_running,
            client__id, project__id, task__id)
            select '{account}', {PERSON + place}, date '{day}', {PERSON}, {hours}, {hours}, false, false,
            client__id, id, (select min(id) from tasks) from projects where id = (select min(id) from projects)"""
            for place, (day, hours) in enumerate(WORK.items())
        ),
        *(
            f"""insert into invoices (account_id, id, client__id, currency, issue_date, amount, due_amount, state,
            _dlt_load_id, _dlt_id)
            values ('{account}', {CLIENT + place}, {CLIENT}, '{CURRENCY}', date '{day}', {amount}, {amount}, 'open',
            'x', 'by-hand-{place}')"""
            for place, (day, amount) in enumerate(INVOICES.items())
        ),
        *(
            f"""insert into clients (account_id, id, name, currency, is_active)
            values ('{account}', {client}, 'Fee', '{FEES_CURRENCY}', true)"""
            for client in FEES
        ),
        *(
            f"""insert into projects (account_id, id, client__id, name, is_active, is_billable, is_fixed_fee, fee,
            starts_on, ends_on, budget_by, budget_is_monthly, created_at)
            values ('{account}', {client}, {client}, 'Fee', true, true, true, {fee},
            date '2026-03-01', date '{end}', 'none', false, timestamptz '2026-03-01 12:00:00+00')"""
            for client, (fee, end) in FEES.items()
        ),
        f"""insert into projects (account_id, id, client__id, name, is_active, is_billable, is_fixed_fee, budget,
        starts_on, ends_on, budget_by, budget_is_monthly, created_at)
        values ('{account}', {RETAINER}, {CLIENT}, 'Retainer', true, false, false, 10,
        date '2025-12-01', date '{RETAINER_END}', 'project', true, timestamptz '2025-12-01 12:00:00+00')""",
        f"""insert into time_entries (account_id, id, spent_date, user__id, hours, rounded_hours, billable, budgeted,
        is_running, client__id, project__id, task__id)
        select '{account}', {RETAINER}, date '{LATE_USE}', min(id), 3, 3, false, true, false, {CLIENT}, {RETAINER},
        (select min(id) from tasks) from users where id <> {PERSON}""",
    )
    assert made.as_of == AS_OF
    made.build(MartSettings(week_start=0))
    return made


def test_somebody_who_worked_before_they_were_created_was_there_from_their_first_entry(shop: Shop) -> None:
    [span] = shop.rows(f"select span_start, span_end from marts.dim_person where user_id = {PERSON}")
    assert span == (date(2026, 3, 5), AS_OF)


def test_a_day_without_capacity_is_never_an_empty_one(shop: Shop) -> None:
    weeks = shop.rows(
        f"""select week_start, working_days, capacity_hours, tracked_hours, missing_hours, empty_working_days
        from marts.mart_timesheet_compliance_weekly where user_id = {PERSON} order by week_start"""
    )
    assert weeks == [
        # Thursday, with 3 of 8 hours, and Friday, with none.
        (date(2026, 3, 2), 2, 16, 3, 13, 1),
        # Five empty days; the Saturday has an entry, no hours and no capacity.
        (date(2026, 3, 9), 5, 40, 0, 40, 5),
        # Monday.
        (date(2026, 3, 16), 1, 8, 0, 8, 1),
    ]


def test_ninety_days_are_ninety_with_the_first_and_the_last_of_them(shop: Shop) -> None:
    months = shop.rows(
        f"""select month_start, receivable_end, issued_in_90_days from marts.mart_receivables_monthly
        where currency = '{CURRENCY}' order by month_start"""
    )
    assert months == [
        (date(2025, 11, 1), 1_000, 1_000),
        (date(2025, 12, 1), 1_111, 1_111),
        (date(2026, 1, 1), 1_111, 1_111),
        (date(2026, 2, 1), 1_111, 111),
        (date(2026, 3, 1), 1_111, 1),
    ]
    [[days]] = shop.rows(
        f"select max(days_sales_outstanding) from marts.mart_receivables_monthly where currency = '{CURRENCY}'"
    )
    assert Decimal(str(days)) == 90 * 1_111


def test_a_fee_that_runs_on_is_no_greater_share_of_a_year_once_the_fees_of_others_have_ended(shop: Shop) -> None:
    shares = shop.rows(
        f"""select client_id, month_start, revenue, revenue_in_12_months, revenue_share_in_12_months
        from marts.mart_client_monthly where currency = '{FEES_CURRENCY}' order by client_id, month_start"""
    )
    march, april = date(2026, 3, 1), date(2026, 4, 1)
    longer, shorter = FEES
    assert [row[:4] for row in shares] == [
        (longer, march, 31, 31),
        (longer, april, 30, 61),
        (shorter, march, 31, 31),
        (shorter, april, 0, 31),
    ]
    assert [float(row[4]) for row in shares] == pytest.approx([1 / 2, 61 / 92, 1 / 2, 31 / 92])


def test_what_is_used_of_a_monthly_budget_after_the_end_of_its_project_is_counted(shop: Shop) -> None:
    months = shop.rows(
        f"""select month_start, used, rolling_balance from marts.mart_retainer_monthly
        where project_id = {RETAINER} order by month_start"""
    )
    assert months == [(date(2025, 12, 1), 0, 10), (date(2026, 1, 1), 0, 10), (date(2026, 2, 1), 3, 7)]
