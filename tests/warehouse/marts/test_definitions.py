"""What a figure is made of, case by case: rows put in by hand, and what they must come to, worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from harvest_warehouse.cli.render.build import build_lines
from harvest_warehouse.marts.settings import MartSettings
from support.shop import Shop

# A Monday. The Thursday before is a holiday.
AS_OF, HOLIDAY = date(2026, 3, 16), date(2026, 3, 12)


@dataclass
class Hand:
    """Puts records into the tables of an account, with ids that nobody has."""

    account: str
    statements: list[str] = field(default_factory=list)
    ids: Iterator[int] = field(default_factory=lambda: count(9_000_001))

    def put(self, table: str, **values: object) -> int:
        """Insert a row; a text that is a day goes into a column of days, `x__id` names another record."""
        key = next(self.ids)
        row = {"account_id": self.account, "id": key, **values}
        self.statements.append(
            f"insert into {table} ({', '.join(row)}) values ({', '.join(map(_literal, row.values()))})"
        )
        return key

    def client(self, currency: str) -> int:
        return self.put("clients", name="Client", currency=currency, is_active=True)

    def project(self, client: int, **values: object) -> int:
        given = {"is_active": True, "is_billable": True, "is_fixed_fee": False, "budget_by": "none"}
        given |= {"budget_is_monthly": False, "created_at": date(2026, 1, 1)}
        return self.put("projects", client__id=client, name="Project", **{**given, **values})

    def fee(self, client: int, fee: int, first: date, last: date) -> int:
        return self.project(client, is_fixed_fee=True, fee=fee, starts_on=first, ends_on=last)

    def person(self, *, weekly_hours: int = 40, is_active: bool = True) -> int:
        return self.put(
            "users",
            first_name="Somebody",
            is_active=is_active,
            weekly_capacity=weekly_hours * 3600,
            created_at=date(2026, 1, 5),
            _dlt_load_id="x",
            _dlt_id=f"person-{len(self.statements)}",
        )

    def task(self, name: str) -> int:
        return self.put("tasks", name=name, is_active=True)

    def hours(
        self, person: int, client: int, project: int, task: int, day: date, hours: float, **values: object
    ) -> int:
        given = {"billable": False, "budgeted": False, "is_billed": False, "is_closed": False}
        return self.put(
            "time_entries",
            spent_date=day,
            user__id=person,
            client__id=client,
            project__id=project,
            task__id=task,
            hours=hours,
            rounded_hours=hours,
            is_running=False,
            **{**given, **values},
        )

    def expense(self, person: int, client: int, project: int, day: date, cost: int) -> int:
        return self.put(
            "expenses",
            spent_date=day,
            user__id=person,
            client__id=client,
            project__id=project,
            total_cost=cost,
            billable=True,
            is_billed=False,
        )

    def invoice(
        self, client: int, currency: str, day: date, amount: int, *lines: tuple[int, str, int], **values: object
    ) -> int:
        row = f"invoice-{len(self.statements)}"
        key = self.put(
            "invoices",
            client__id=client,
            currency=currency,
            issue_date=day,
            amount=amount,
            _dlt_load_id="x",
            _dlt_id=row,
            **{"state": "open", "due_amount": amount, **values},
        )
        for project, kind, money in lines:
            self.put(
                "invoices__line_items",
                project__id=project,
                kind=kind,
                quantity=1,
                unit_price=money,
                amount=money,
                _dlt_parent_id=row,
                _dlt_root_id=row,
                _dlt_list_idx=0,
                _dlt_id=f"{row}-{money}",
            )
        return key


def _literal(value: object) -> str:
    if isinstance(value, date):
        return f"date '{value}'"
    return f"'{value}'" if isinstance(value, str) else str(value)


@dataclass(frozen=True)
class Cases:
    """The account with all cases, and the ids by which each finds its own."""

    shop: Shop
    ids: dict[str, int]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.shop.rows(query.format(**self.ids))

    def row(self, query: str) -> tuple[Any, ...]:
        [found] = self.rows(query)
        return found


def put_documents(hand: Hand, ids: dict[str, int]) -> None:
    # An account in New Zealand dollars with invoices in yen.
    ids["nzd"] = client = hand.client("NZD")
    ids["fee_nzd"] = hand.fee(client, 1_000, date(2026, 1, 1), date(2026, 1, 31))
    ids["work_nzd"] = hand.project(client)
    hand.invoice(client, "JPY", date(2026, 1, 31), 100_000, (ids["fee_nzd"], "Service", 100_000))
    hand.invoice(client, "JPY", date(2026, 1, 31), 50_000, (ids["work_nzd"], "Service", 50_000))
    ids["estimate"] = hand.put(
        "estimates",
        client__id=client,
        currency="NZD",
        state="accepted",
        amount=2_000,
        issue_date=date(2026, 1, 2),
        _dlt_load_id="x",
        _dlt_id="estimate",
    )
    hand.invoice(client, "JPY", date(2026, 2, 1), 300_000, estimate__id=ids["estimate"])

    # A retainer: a deposit, and an invoice of 20 hours that draws on it.
    ids["retained"] = client = hand.client("SEK")
    ids["retained_work"] = project = hand.project(client)
    ids["deposit"] = hand.invoice(client, "SEK", date(2026, 1, 5), 5_000, retainer__id=77)
    ids["drawing"] = hand.invoice(client, "SEK", date(2026, 2, 2), 2_000, (project, "Service", 2_000), retainer__id=77)
    hand.hours(
        ids["worker"], client, project, ids["work"], date(2026, 1, 20), 20,
        billable=True, billable_rate=100, is_billed=True, invoice__id=ids["drawing"],
    )  # fmt: skip

    # Two invoices of the running month, one of them dated after today.
    client = hand.client("DKK")
    hand.invoice(client, "DKK", date(2026, 3, 5), 1_000)
    hand.invoice(client, "DKK", date(2026, 3, 26), 5_000)

    # A fee with expenses beside it, and lines of 475, which all count against it; work that is dated later.
    client = hand.client("NOK")
    ids["fee_nok"] = project = hand.fee(client, 1_000, date(2026, 1, 1), date(2026, 6, 30))
    hand.expense(ids["worker"], client, project, date(2026, 3, 2), 120)
    hand.invoice(client, "NOK", date(2026, 2, 1), 475, (project, "Labour", 400), (project, "Outlay", 75))
    ids["later"] = project = hand.project(client)
    hand.hours(ids["worker"], client, project, ids["work"], date(2026, 3, 20), 4, billable=True, billable_rate=100)

    # Ten hours at 100 with travel of 500, all invoiced, and an invoice that was written off.
    client = hand.client("PLN")
    ids["travel"] = project = hand.project(client)
    hand.hours(ids["worker"], client, project, ids["work"], date(2026, 1, 20), 10, billable=True, billable_rate=100)
    hand.expense(ids["worker"], client, project, date(2026, 1, 21), 500)
    hand.invoice(client, "PLN", date(2026, 1, 31), 1_500, (project, "Service", 1_500), state="paid")
    hand.invoice(client, "PLN", date(2026, 1, 31), 500, (project, "Service", 500), state="closed")

    # A client who pays: 100 after ten days, 300 after thirty.
    client = hand.client("CHF")
    paid = {"state": "paid", "due_amount": 0}
    hand.invoice(client, "CHF", date(2026, 1, 1), 100, paid_date=date(2026, 1, 11), **paid)
    hand.invoice(client, "CHF", date(2026, 1, 1), 300, paid_date=date(2026, 1, 31), **paid)
    ids["owed"] = hand.invoice(client, "CHF", date(2026, 3, 6), 50, due_date=date(2026, 4, 5))


def put_fees(hand: Hand, ids: dict[str, int], home: str) -> None:
    # A fee over the running month, and one in a currency without cents.
    ids["home"] = at_home = hand.client(home)
    ids["running_fee"] = hand.fee(at_home, 31_000, date(2026, 3, 1), date(2026, 3, 31))
    yen = hand.client("JPY")
    ids["fee_jpy"] = hand.fee(yen, 100_000, date(2026, 1, 1), date(2026, 3, 31))

    # At home, something was spent in December.
    hand.expense(ids["worker"], at_home, ids["running_fee"], date(2025, 12, 1), 70)
    ids["shared_fee"] = project = hand.fee(at_home, 900, date(2026, 3, 1), date(2026, 3, 31))
    hand.hours(ids["worker"], at_home, project, ids["work"], date(2026, 3, 4), 2)
    hand.hours(hand.person(), at_home, project, ids["work"], date(2026, 3, 4), 4)


def put_people(hand: Hand, ids: dict[str, int]) -> None:
    # Somebody who left on a Thursday of February, with leave planned for August.
    ids["leaver"] = hand.person(is_active=False)
    hand.hours(ids["leaver"], ids["nzd"], ids["work_nzd"], ids["work"], date(2026, 2, 12), 8)
    hand.hours(ids["leaver"], ids["nzd"], ids["work_nzd"], ids["spaced"], date(2026, 8, 7), 8)

    # 24 hours a week, all on three days; 40 hours with a holiday that is tracked as well.
    client = hand.client("HUF")
    project = hand.project(client)
    ids["three_days"], ids["rested"] = hand.person(weekly_hours=24), hand.person()
    for person, days in ((ids["three_days"], (9, 10, 11)), (ids["rested"], (9, 10, 11, 13))):
        for day in days:
            hand.hours(person, client, project, ids["work"], date(2026, 3, day), 8, billable=True)
    hand.hours(ids["rested"], client, project, ids["holiday"], HOLIDAY, 8)
    hand.hours(ids["rested"], client, project, ids["spaced"], date(2026, 3, 24), 8)


def put_budgets(hand: Hand, ids: dict[str, int]) -> None:
    # A budget of 200 hours that was first used last week, and ends in 32 days; one first used today.
    client = hand.client("CZK")
    ids["young"] = project = hand.project(client, budget_by="project", budget=200, ends_on=date(2026, 4, 17))
    hand.hours(ids["worker"], client, project, ids["work"], date(2026, 3, 10), 40, budgeted=True)
    ids["newborn"] = project = hand.project(client, budget_by="project", budget=10, ends_on=date(2026, 4, 17))
    hand.hours(ids["worker"], client, project, ids["work"], date(2026, 3, 16), 5, budgeted=True)

    # 40 hours a month from March on, a quarter of an hour in December; 40 hours once, archived, without a last day.
    ids["monthly"] = project = hand.project(
        client, budget_by="project", budget=40, budget_is_monthly=True, starts_on=date(2026, 3, 1)
    )
    hand.hours(ids["worker"], client, project, ids["work"], date(2025, 12, 3), 0.25, budgeted=True)
    hand.hours(ids["worker"], client, project, ids["work"], date(2026, 3, 3), 30, budgeted=True)
    ids["archived"] = project = hand.project(
        client, budget_by="project", budget=40, budget_is_monthly=True, starts_on=date(2025, 11, 1), is_active=False
    )
    hand.hours(ids["worker"], client, project, ids["work"], date(2025, 11, 3), 40, budgeted=True)


@pytest.fixture(scope="module")
def cases(tiny_shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Cases:
    shop = tiny_shop.copy(tmp_path_factory.mktemp("definitions"))
    assert shop.as_of == AS_OF
    [[home]] = shop.rows("select currency from company")
    hand = Hand(shop.simulator.account_id)
    ids = {
        "worker": hand.person(),
        "work": hand.task("Work"),
        "spaced": hand.task("Vacation "),
        "holiday": hand.task("Public Holiday"),
    }
    put_documents(hand, ids)
    put_fees(hand, ids, home)
    put_people(hand, ids)
    put_budgets(hand, ids)
    shop.run(*hand.statements)
    shop.build(MartSettings(week_start=0, holidays=frozenset({HOLIDAY})))
    return Cases(shop, ids)


def test_an_invoice_in_another_currency_is_no_revenue_in_this_one(cases: Cases) -> None:
    fee = "select sum(revenue), max(invoiced_amount) from marts.mart_fixed_fee_revenue_monthly where project_id = {fee_nzd}"
    assert cases.row(fee) == (1_000, 0)
    open_fee = "select uninvoiced_amount from marts.mart_unbilled where project_id = {fee_nzd} and age_bucket = 'fee'"
    assert cases.row(open_fee) == (1_000,)
    at_rates = "select sum(invoiced_net) from marts.mart_project_profitability_monthly where project_id = {work_nzd}"
    assert cases.row(at_rates) == (0,)
    offered = "select invoiced_net, not_yet_invoiced from marts.mart_estimate_pipeline where estimate_id = {estimate}"
    assert cases.row(offered) == (0, 2_000)


def test_somebody_who_left_has_no_capacity_until_their_planned_leave(cases: Cases) -> None:
    assert cases.row("select span_end from marts.dim_person where user_id = {leaver}") == (date(2026, 2, 12),)
    assert cases.row("select max(date_day) from marts.fct_capacity_day where user_id = {leaver}") == (
        date(2026, 2, 12),
    )


def test_of_a_running_month_a_fee_is_earned_up_to_today(cases: Cases) -> None:
    months = (
        "select revenue, revenue_so_far from marts.{{}} where project_id = {running_fee} and month_start = '2026-03-01'"
    )
    # 16 of 31 days.
    assert cases.row(months.replace("{{}}", "mart_fixed_fee_revenue_monthly")) == (31_000, 16_000)
    assert cases.row(months.replace("{{}}", "mart_project_profitability_monthly")) == (31_000, 16_000)
    margin = """select margin, margin_so_far from marts.mart_project_profitability_monthly
        where project_id = {running_fee} and month_start = '2026-03-01'"""
    assert cases.row(margin) == (31_000, 16_000)


def test_an_invoice_that_draws_on_a_retainer_is_revenue_and_its_deposit_is_not(cases: Cases) -> None:
    kinds = "select is_retainer, is_deposit from marts.fct_invoice where invoice_id = {}"
    assert cases.row(kinds.replace("{}", "{deposit}")) == (True, True)
    assert cases.row(kinds.replace("{}", "{drawing}")) == (True, False)
    by_client = "select sum(invoiced_net) from marts.mart_client_monthly where client_id = {retained}"
    by_project = (
        "select sum(invoiced_net) from marts.mart_project_profitability_monthly where project_id = {retained_work}"
    )
    assert cases.row(by_client) == cases.row(by_project) == (2_000,)


def test_days_sales_outstanding_count_to_today_above_and_below_the_line(cases: Cases) -> None:
    month = """select receivable_end, receivable_so_far, issued_in_90_days, days_sales_outstanding
        from marts.mart_receivables_monthly where currency = 'DKK' and month_start = '2026-03-01'"""
    assert cases.row(month) == (6_000, 1_000, 1_000, 90)


def test_expenses_beside_a_fee_can_be_invoiced(cases: Cases) -> None:
    open_work = """select age_bucket, expense_amount, uninvoiced_amount from marts.mart_unbilled
        where project_id = {fee_nok} order by age_bucket"""
    assert cases.rows(open_work) == [("0-30", 120, 120), ("fee", 0, 525)]


def test_work_that_is_dated_later_is_not_open_now(cases: Cases) -> None:
    open_work = (
        "select age_bucket, uninvoiced_hours, uninvoiced_amount from marts.mart_unbilled where project_id = {later}"
    )
    assert cases.row(open_work) == ("future", 4, 400)


def test_what_is_burnt_in_a_week_counts_the_weeks_since_the_first_use(cases: Cases) -> None:
    forecast = """select weeks_seen, weekly_burn, round(estimate_at_completion, 1), status
        from marts.mart_project_budget where project_id = {}"""
    assert cases.row(forecast.replace("{}", "{young}")) == (1, 40, Decimal("222.9"), "forecast_over")
    assert cases.row(forecast.replace("{}", "{newborn}")) == (0, None, None, "ok")


def test_whoever_does_their_hours_on_three_days_owes_none(cases: Cases) -> None:
    week = """select capacity_hours, tracked_hours, missing_hours_of_week, missing_hours
        from marts.mart_timesheet_compliance_weekly where user_id = {three_days} and week_start = '2026-03-09'"""
    # 4.8 hours on each of five days, of which one is a holiday; none on the Friday.
    assert cases.row(week) == (Decimal("19.2"), 24, 0, Decimal("4.8"))


def test_a_holiday_that_is_tracked_as_well_counts_once(cases: Cases) -> None:
    week = """select capacity_hours, time_off_hours, available_hours, billable_hours, billable_utilisation
        from marts.mart_utilisation_weekly where user_id = {rested} and week_start = '2026-03-09'"""
    assert cases.row(week) == (32, 0, 32, 32, 1)


def test_a_monthly_budget_grows_only_while_it_is_agreed(cases: Cases) -> None:
    months = """select month_start, budget, rolling_balance from marts.mart_retainer_monthly
        where project_id = {} order by month_start"""
    quarter = Decimal("-0.25")
    assert cases.rows(months.replace("{}", "{monthly}")) == [
        (date(2025, 12, 1), 0, quarter),
        (date(2026, 1, 1), 0, quarter),
        (date(2026, 2, 1), 0, quarter),
        (date(2026, 3, 1), 40, Decimal("9.75")),
    ]
    assert cases.rows(months.replace("{}", "{archived}")) == [(date(2025, 11, 1), 40, 0)]


def test_leave_with_a_space_behind_its_name_is_leave(cases: Cases) -> None:
    assert cases.row("select is_time_off from marts.dim_task where task_id = {spaced}") == (True,)


def test_travel_that_is_passed_on_lifts_no_rate(cases: Cases) -> None:
    month = """select revenue, effective_rate, rate_realisation from marts.mart_project_profitability_monthly
        where project_id = {travel} and month_start = '2026-01-01'"""
    assert cases.row(month) == (1_500, 100, 1)


def test_what_was_written_off_is_not_invoiced_for_project_and_client_alike(cases: Cases) -> None:
    by_project = "select sum(invoiced_net) from marts.mart_project_profitability_monthly where project_id = {travel}"
    by_client = """select sum(month.invoiced_net) from marts.mart_client_monthly as month
        inner join marts.dim_project as project on project.client_id = month.client_id and project.project_id = {travel}"""
    assert cases.row(by_project) == cases.row(by_client) == (1_500,)


def test_a_month_without_work_earned_nothing_in_the_home_currency(cases: Cases) -> None:
    months = (
        """select month_start, margin from marts.mart_client_monthly where client_id = {home} order by month_start"""
    )
    assert cases.rows(months) == [
        (date(2025, 12, 1), -70),
        (date(2026, 1, 1), 0),
        (date(2026, 2, 1), 0),
        (date(2026, 3, 1), 31_900),
    ]


def test_a_currency_without_cents_has_none(cases: Cases) -> None:
    months = (
        """select revenue from marts.mart_fixed_fee_revenue_monthly where project_id = {fee_jpy} order by month_start"""
    )
    # 31 of 90 days are 34,444.44; 59 are 65,555.56.
    assert cases.rows(months) == [(34_444,), (31_112,), (34_444,)]


def test_an_invoice_tells_what_became_of_the_work_in_it(cases: Cases) -> None:
    invoice = """select hours, time_value, written_down, realisation, billing_lag_days, days_to_pay
        from marts.mart_invoice_realisation where invoice_id = {drawing}"""
    # 20 hours at 100 of 20 January, in an invoice of 2 February that nobody has paid.
    assert cases.row(invoice) == (20, 2_000, 0, 1, 13, None)
    assert cases.rows("select 1 from marts.mart_invoice_realisation where invoice_id = {deposit}") == []


def test_cash_is_expected_when_the_client_usually_pays(cases: Cases) -> None:
    expected = """select paid_invoices, days_to_pay, expected_in_days, expected_bucket from marts.mart_expected_cash
        where invoice_id = {owed}"""
    # 100 after 10 days and 300 after 30: 25 days by amount; the open one is of 6 March, ten days ago.
    assert cases.row(expected) == (2, 25, 15, "8-30")


def test_whoever_has_leave_next_week_is_less_free(cases: Cases) -> None:
    weeks = """select weeks_ahead, capacity_hours, planned_leave_hours, available_hours, usual_billable_hours, bench_hours
        from marts.mart_capacity_forecast_weekly where user_id = {rested} and weeks_ahead in (1, 2, 8) order by 1"""
    # 32 billable hours in one of the last four weeks; a day off on 24 March.
    assert cases.rows(weeks) == [(1, 40, 8, 32, 8, 24), (2, 40, 0, 40, 8, 32), (8, 40, 0, 40, 8, 32)]


def test_a_fee_is_earned_by_those_who_work_for_it(cases: Cases) -> None:
    shares = """select month_start, revenue from marts.mart_work_monthly where project_id = {shared_fee}
        order by revenue"""
    # A fee of 900 for March; 2 and 4 hours, without any rate.
    assert cases.rows(shares) == [(date(2026, 3, 1), 300), (date(2026, 3, 1), 600)]


def test_a_home_currency_that_is_not_the_accounts_own_is_told(tiny_shop: Shop, tmp_path_factory: Any) -> None:
    shop = tiny_shop.copy(tmp_path_factory.mktemp("elsewhere"))
    shop.build(MartSettings(home_currency="XXX"))
    found = shop.found()
    assert (found["foreign_home_currency"], found["unused_home_currency"]) == (1, 1)


def test_a_rate_of_the_accounts_own_currency_is_not_used_and_that_is_told(
    tiny_shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shop = tiny_shop.copy(tmp_path_factory.mktemp("own-rate"))
    home = shop.simulator.truth()["company"][0]["currency"]
    report = shop.build(MartSettings(exchange_rates={home: {date(1900, 1, 1): Decimal("1.1")}}))
    assert report.rates_of_home == (home,)
    assert f"exchange_rates: {home} is the home currency itself" in "\n".join(build_lines(report))
    query = (
        "select distinct revenue_home = revenue from marts.mart_project_profitability_monthly where is_home_currency"
    )
    assert shop.rows(query) == [(True,)]


def test_an_account_in_which_nothing_counts_as_leave_is_told(tiny_shop: Shop, tmp_path_factory: Any) -> None:
    shop = tiny_shop.copy(tmp_path_factory.mktemp("no-leave"))
    shop.run(
        "update tasks set name = 'Urlaub' where lower(name) like '%leave%' or name in ('Vacation', 'Public Holiday')"
    )
    shop.build(MartSettings())
    assert shop.found()["no_leave_task"] == 1
