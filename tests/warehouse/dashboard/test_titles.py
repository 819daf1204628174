"""A title says what holds for all rows of its section, and no more: plain rows, sentences worked out by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from harvest_warehouse.dashboard import titles
from harvest_warehouse.dashboard.formatting import money, percent, rounds_to_zero
from harvest_warehouse.dashboard.pages.budgets import is_running_out

AUG, SEP, OCT = (date(2026, month, 1) for month in (8, 9, 10))
NOV_30 = date(2026, 11, 30)


def d(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (None, "–"), ("0", "0%"), ("0.004", "<1%"), ("0.755", "76%"), ("0.9957", ">99%"), ("1", "100%"), ("1.001", ">100%"),
        ("1.02", "102%"), ("-3.63", "−363%"), ("-0.001", ">−1%"),
    ],
)  # fmt: skip
def test_only_a_whole_is_100_percent_and_only_nothing_is_0(share: str | None, said: str) -> None:
    assert percent(d(share)) == said


@pytest.mark.parametrize(
    ("amount", "said", "is_zero"),
    [
        ("1234.5", "EUR 1,234", False), ("-34787.06", "EUR −34,787", False), ("0.01", "EUR 0", True), ("-0.4", "EUR 0", True),
        ("0.51", "EUR 1", False),
    ],
)  # fmt: skip
def test_money_has_a_minus_sign_and_no_negative_zero(amount: str, said: str, is_zero: bool) -> None:
    assert (money(Decimal(amount), "EUR"), rounds_to_zero(Decimal(amount))) == (said, is_zero)


def week(billable: Any, available: Any) -> dict[str, Any]:
    return {"billable_hours": d(billable), "available_hours": d(available)}


@pytest.mark.parametrize(
    ("weeks", "said"),
    [
        ([], "Nobody had available hours in a complete week: there is no utilisation"),
        ([week(0, 0)], "Nobody had available hours in a complete week: there is no utilisation"),
        # 30 + 24 of 40 + 32 is exactly three quarters.
        ([week(30, 40), week(24, 32)], "Billable utilisation over 2 weeks is 75%: on target"),
        ([week(28, 40), week(0, 0)], "Billable utilisation over 1 week is 70%: 5 points below target"),
        ([week("30.4", 40)], "Billable utilisation over 1 week is 76%: 1 point above target"),
    ],
)
def test_utilisation_is_compared_with_the_target(weeks: list[dict[str, Any]], said: str) -> None:
    assert titles.utilisation(weeks, Decimal("0.75")) == said


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        ("", "No active project has a budget"),
        ("no_budget_value", "No amount is entered for the one budget"),
        ("no_budget_value no_budget_value", "No amount is entered for any of the 2 budgets"),
        ("ok", "The one budget is neither overspent nor heading over"),
        ("ok watch", "None of 2 budgets is overspent or heading over"),
        ("ok no_budget_value", "The one budget is neither overspent nor heading over; 1 has no amount entered"),
        ("over over ok", "2 of 3 budgets are overspent"),
        ("over forecast_over forecast_over", "1 of 3 budgets is overspent, 2 heading over"),
        (
            "forecast_over no_budget_value no_budget_value",
            "1 of 1 budget is heading over; 2 have no amount entered",
        ),
    ],
)
def test_budgets_without_an_amount_hold_nothing(statuses: str, said: str) -> None:
    assert titles.budgets([{"status": status} for status in statuses.split()]) == said


def budget(
    name: str, weeks: Any, *, until: date | None = None, estimate: Any = None, amount: Any = 40
) -> dict[str, Any]:
    return {
        "project_name": name, "budget": d(amount), "budget_remaining": Decimal(10), "weeks_of_budget_left": d(weeks),
        "forecast_until": until, "estimate_at_completion": d(estimate),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "is_soon"),
    [
        # 30 of 40 hours, 10 a week, and no end: used up in a week.
        (budget("P1", 1), True),
        # Monthly: 10 hours left, the month ends tomorrow, and the estimate is 31 of 40.
        (budget("P1", 1, until=date(2026, 12, 1), estimate=31), False),
        (budget("P1", 1, until=date(2026, 12, 31), estimate=74), True),
        (budget("P1", 5), False),
        (budget("P1", None), False),
        # Overspent already.
        (budget("P1", -1), False),
    ],
)
def test_a_budget_runs_out_only_if_its_end_does_not_come_first(row: dict[str, Any], is_soon: bool) -> None:
    assert is_running_out(row) is is_soon


@pytest.mark.parametrize(
    ("soon", "used_up", "said"),
    [
        ([], 0, "No budget will be used up within 4 weeks at its present pace"),
        ([], 1, "No other budget will be used up within 4 weeks at its present pace; 1 is used up already"),
        ([budget("P1", 1)], 0, "P1 will use up its budget within 4 weeks"),
        (
            [budget("P1", 1), budget("P2", 3)],
            2,
            "2 budgets will be used up within 4 weeks, P1 first; 2 are used up already",
        ),
        ([budget("P1", 2), budget("P2", 2)], 0, "2 budgets will be used up within 4 weeks"),
    ],
)
def test_a_budget_that_is_used_up_already_is_not_passed_over(soon: list[Any], used_up: int, said: str) -> None:
    assert titles.running_out(soon, used_up, 4) == said


@pytest.mark.parametrize(
    ("unused", "blank", "said"),
    [
        ([], 0, "No active project has a monthly budget"),
        ([], 1, "1 monthly budget has no amount entered"),
        ([10], 0, "No monthly budget is overspent in Oct 2026, as of 30 Nov 2026"),
        ([0, -1], 2, "1 of 2 monthly budgets is overspent in Oct 2026, as of 30 Nov 2026; 2 monthly budgets have no amount entered"),
        ([-5, -1], 0, "2 of 2 monthly budgets are overspent in Oct 2026, as of 30 Nov 2026"),
    ],
)  # fmt: skip
def test_a_monthly_budget_without_an_amount_is_one_all_the_same(unused: list[int], blank: int, said: str) -> None:
    rows = [{"month_start": OCT, "unused": Decimal(hours)} for hours in unused]
    assert titles.monthly_budgets(rows, blank, NOV_30) == said


def work(client: str, amount: Any, hours: Any = 1, time: Any = None) -> dict[str, Any]:
    return {
        "label": client,
        "uninvoiced_amount": d(amount),
        "uninvoiced_hours": d(hours),
        "time_amount": d(amount if time is None else time),
    }


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "Nothing can be billed in EUR"),
        ([work("Client 1", 0, 8)], "Nothing can be billed in EUR; 8 h without a rate cannot be valued"),
        ([work("Client 1", "0.01")], "Nothing can be billed in EUR"),
        ([work("Client 1", 10)], "EUR 10 can be billed, all of it to Client 1"),
        ([work("Client 1", 1), work("Client 2", 3)], "EUR 4 can be billed to 2 clients: Client 2 has 75% of it"),
        ([work("Client 1", 2), work("Client 2", 2)], "EUR 4 can be billed to 2 clients, EUR 2 to each"),
        ([work("Client 1", 1), work("Client 2", 2), work("Client 3", 2)], "EUR 5 can be billed to 3 clients"),
        # The two ages of one client are one client.
        ([work("Client 1", 1), work("Client 1", 3)], "EUR 4 can be billed, all of it to Client 1"),
        # A credit is set off against no other client's work.
        (
            [work("Client 1", -600), work("Client 2", 300)],
            "EUR 300 can be billed, all of it to Client 2; Client 1 has a credit of EUR 600",
        ),
        # The demo company: two more clients have hours and no rates.
        (
            [work("Kestrel Foods", 82798), work("Iris Health", 0, 70), work("Maple Labs", 0, 50)],
            "USD 82,798 can be billed, all of it to Kestrel Foods; 120 h without a rate cannot be valued",
        ),
        ([work("Big", 99990), work("Small", 10)], "EUR 100,000 can be billed to 2 clients: Big has >99% of it"),
        # Expenses of 50 beside two hours that have no rate.
        ([work("Client 1", 50, 2, 0)], "EUR 50 can be billed, all of it to Client 1; 2 h without a rate cannot be valued"),
    ],
)  # fmt: skip
def test_what_can_be_billed_leaves_out_credits_and_names_hours_without_a_rate(rows: list[Any], said: str) -> None:
    assert titles.unbilled(rows, "USD" if "USD" in said else "EUR") == said


def age(bucket: str, amount: Any) -> dict[str, Any]:
    return {"overdue_bucket": bucket, "open_amount": d(amount)}


@pytest.mark.parametrize(
    ("rows", "credit", "said"),
    [
        ([], 0, "Clients owe nothing in EUR"),
        ([], -30, "Clients owe nothing in EUR; credits of EUR 30 are not deducted"),
        ([age("not_due", 500)], 0, "Clients owe EUR 500, and nothing is overdue"),
        # One client owes 200 for 40 days, another paid 200 too much.
        (
            [age("31-60", 200)],
            -200,
            "All of the EUR 200 that clients owe is overdue; credits of EUR 200 are not deducted",
        ),
        # 20 overdue, and a credit of 50.
        ([age("1-30", 20)], -50, "All of the EUR 20 that clients owe is overdue; credits of EUR 50 are not deducted"),
        ([age("not_due", 25), age("1-30", 50), age("90+", 25)], 0, "75% of the EUR 100 that clients owe is overdue"),
        # The demo company: 181.58 of 417,908 is not overdue.
        ([age("not_due", "181.58"), age("90+", "417726.42")], 0, ">99% of the EUR 417,908 that clients owe is overdue"),
        ([age("not_due", 500), age("1-30", "0.01")], 0, "<1% of the EUR 500 that clients owe is overdue"),
    ],
)
def test_credits_are_no_receivables(rows: list[Any], credit: int, said: str) -> None:
    assert titles.receivables(rows, Decimal(credit), "EUR") == said


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ([], "Nothing was invoiced in EUR in the 90 days before any of these month ends: there are no days of sales"),
        (
            [None],
            "Nothing was invoiced in EUR in the 90 days before any of these month ends: there are no days of sales",
        ),
        ([62], "Clients take 62 days to pay (DSO at the end of Aug 2026)"),
        ([62, 100, 151], "Clients take 151 days to pay (DSO at the end of Oct 2026), up from 62 in Aug 2026"),
        # The last month has none: the title names the month it speaks of.
        ([62, "1.2", None], "Clients take 1 day to pay (DSO at the end of Sep 2026), down from 62 in Aug 2026"),
        ([62, 0], "Clients owed nothing at the end of Sep 2026, down from 62 in Aug 2026"),
        ([30, "30.4"], "Clients take 30 days to pay (DSO at the end of Sep 2026), the same as in Aug 2026"),
        # 20 overdue, a credit of 50: 90 x -30 / 123.
        ([40, -22], "Clients had more in credit than they owed at the end of Sep 2026"),
    ],
)
def test_days_to_pay_name_their_months(days: list[Any], said: str) -> None:
    rows = [
        {"month_start": month, "days_sales_outstanding": d(value)}
        for month, value in zip((AUG, SEP, OCT), days, strict=False)
    ]
    assert titles.days_outstanding(rows, "EUR") == said


@pytest.mark.parametrize(
    ("amounts", "said"),
    [
        ([], "No fixed fee in EUR differs from what was invoiced of it"),
        # Two projects of the same client.
        ([1000, -1000], "EUR 1,000 of fixed fees is not invoiced yet; EUR 1,000 was invoiced beyond the fees"),
        # A cent was left over.
        (["0.01", "-0.01"], "No fixed fee in EUR differs from what was invoiced of it"),
        (["0.01", -700], "EUR 700 was invoiced beyond the fees"),
        ([300, 200], "EUR 500 of fixed fees is not invoiced yet"),
    ],
)
def test_what_is_left_of_one_fee_pays_for_no_other(amounts: list[Any], said: str) -> None:
    assert titles.fees([{"uninvoiced_amount": d(amount)} for amount in amounts], "EUR") == said


def late(name: str, amount: Any, invoices: int = 1, days: int = 9) -> dict[str, Any]:
    return {"client_name": name, "amount": d(amount), "invoices": invoices, "days_overdue": days}


@pytest.mark.parametrize(
    ("clients", "said"),
    [
        ([], "No invoice is overdue in EUR"),
        ([late("A", "0.2")], "No invoice is overdue in EUR"),
        ([late("A", 200, 1, 1)], "Call A first: EUR 200 overdue on 1 invoice, for 1 day"),
        ([late("A", 200, 3, 71), late("B", 50)], "Call A first: EUR 200 overdue on 3 invoices, the oldest for 71 days"),
        ([late("A", 50), late("B", 50), late("C", 1)], "Call A and B first: EUR 50 overdue each"),
        ([late(name, 50) for name in "ABC"], "3 clients owe most: EUR 50 overdue each"),
    ],
)
def test_who_owes_most_is_called_first(clients: list[Any], said: str) -> None:
    assert titles.overdue(clients, "EUR") == said


def earned(revenue: Any, cost: Any, worked: Any = 40, costless: Any = 0, when: date = AUG) -> dict[str, Any]:
    return {
        "month_start": when, "revenue": d(revenue), "cost": d(cost), "margin": d(revenue) - d(cost),  # type: ignore[operator]
        "tracked_hours": d(worked), "costless_hours": d(costless),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("months", "internal", "said"),
    [
        ([], 0, "Client work had no revenue in these months, and cost EUR 0"),
        ([earned(0, 350)], 0, "Client work had no revenue in Aug 2026, and cost EUR 350"),
        # Negative expenses of 650: a margin of 350 is no share of -300.
        ([earned(-300, -650)], 0, "Client work had a negative revenue of EUR −300 in Aug 2026, and cost EUR −650"),
        # 716,464 - 368,576 = 347,888, which is 48.6 %; overhead stands beside it.
        (
            [earned(700000, 360000), earned(16464, 8576, when=OCT)],
            294980,
            "Client work keeps 49% of its revenue from Aug to Oct 2026: EUR 347,888 of EUR 716,464"
            "; internal work and leave cost the company EUR 294,980",
        ),
        # Half of the hours have no cost rate.
        ([earned(100, 30, 40, 20)], 0, "Client work keeps at most 70%, EUR 70 of EUR 100 in Aug 2026: 20 h of 40 h have no cost rate"),
        ([earned(100, 30, 40, "0.1")], 0, "Client work keeps 70% of its revenue in Aug 2026: EUR 70 of EUR 100"),
        ([earned("9572.26", "44359.32")], 0, "Client work lost EUR 34,787 on revenue of EUR 9,572 in Aug 2026"),
        ([earned(100, 0)], 0, "Client work keeps 100% of its revenue in Aug 2026: EUR 100 of EUR 100"),
    ],
)  # fmt: skip
def test_overhead_of_the_whole_company_is_no_cost_of_one_currency(months: list[Any], internal: int, said: str) -> None:
    assert titles.margin(months, Decimal(internal), "EUR") == said


@pytest.mark.parametrize(
    ("amounts", "said"),
    [
        ([], "No revenue in USD in these months"),
        ([0], "No revenue in USD in Aug 2026"),
        ([100], "USD 100 of revenue in Aug 2026"),
        ([100, 300], "USD 400 of revenue from Aug to Sep 2026, most in Sep 2026"),
        ([100, 100], "USD 200 of revenue from Aug to Sep 2026"),
    ],
)
def test_the_best_month_is_named_only_where_there_is_one(amounts: list[int], said: str) -> None:
    rows = [{"month_start": month, "revenue": d(amount)} for month, amount in zip((AUG, SEP), amounts, strict=False)]
    assert titles.revenue(rows, "USD") == said


def client(name: str, standard: Any, effective: Any, hours: Any = 10) -> dict[str, Any]:
    return {"label": name, "standard": d(standard), "effective": d(effective), "hours": d(hours)}


@pytest.mark.parametrize(
    ("clients", "said"),
    [
        ([], "No client had hours in these months"),
        ([client("A", None, 0)], "No client has a rate to compare with"),
        # Billed 8 of 20 hours at 100: 40 an hour, whatever travel was billed beside it.
        ([client("A", 100, 40, 20)], "A pays 40% of its standard rate for each hour worked"),
        ([client("A", 100, 100)], "The client pays its standard rate for each hour worked"),
        ([client("A", 100, 100), client("B", 90, 95)], "All 2 clients with a rate pay it for each hour worked"),
        ([client("A", 100, "99.9")], "A pays >99% of its standard rate for each hour worked"),
        (
            [client("A", 100, 80), client("B", 100, 90)],
            "A pays 80% of its standard rate for each hour worked, the least",
        ),
        ([client("A", 100, 80), client("B", 50, 40)], "2 clients pay 80% of their standard rate for each hour worked"),
        (
            [client("Vertex Retail", 100, 95), client("Beacon Bank", None, "0.5", 1147)],
            "Vertex Retail pays 95% of its standard rate for each hour worked; 1 client has no rate: Beacon Bank, 1,147 h",
        ),
        (
            [client("A", 100, 100), client("B", None, 0, 2), client("C", 0, 0, 3)],
            "The client pays its standard rate for each hour worked; 2 clients have no rate: 5 h",
        ),
    ],
)
def test_a_client_without_a_rate_is_not_left_out(clients: list[Any], said: str) -> None:
    assert titles.rates(clients) == said


def project(name: str, revenue: Any, margin: Any = None) -> dict[str, Any]:
    return {"project_name": name, "revenue": d(revenue), "margin": d(margin)}


@pytest.mark.parametrize(
    ("rows", "has_margin", "said"),
    [
        ([], True, "No project that clients pay for had hours or revenue in these months"),
        ([project("P1", 0)], False, "The project brought no revenue"),
        ([project("P1", 0), project("P2", 0)], False, "None of 2 projects brought revenue"),
        ([project("P1", 5)], False, "P1 brought all revenue"),
        ([project("P1", 5), project("P2", 1)], False, "P1 brought most revenue"),
        ([project("P1", 5), project("P2", 5)], False, "P1 and P2 brought most revenue each"),
        ([project("P1", 5, 0), project("P2", 5, "-0.3")], True, "No project that clients pay for costs more than it earns"),
        ([project("P1", 5, -3), project("P2", 5, 2)], True, "1 of 2 projects costs more than it earns, P1"),
        ([project("P1", 5, -3), project("P2", 5, -9)], True, "2 of 2 projects cost more than they earn, P2 most"),
        ([project("P1", 5, -3), project("P2", 5, -3)], True, "2 of 2 projects cost more than they earn"),
    ],
)  # fmt: skip
def test_no_project_brings_most_of_nothing(rows: list[Any], has_margin: bool, said: str) -> None:
    assert titles.projects(rows, has_margin=has_margin) == said


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ([], "Nobody had available hours in these weeks"),
        (["0.75"], "The one person is at or above the target of 75%"),
        (["0.75", "1.2"], "All 2 people are at or above the target of 75%"),
        (["0.7499"], "1 of 1 person is below the target of 75%"),
        (["0.1", "0.2", "0.9"], "2 of 3 people are below the target of 75%"),
    ],
)
def test_people_below_target_are_counted(shares: list[str], said: str) -> None:
    rows = [{"share": Decimal(share), "target": Decimal("0.75")} for share in shares]
    assert titles.people(rows, Decimal("0.75")) == said


def test_people_with_targets_of_their_own_are_held_against_them() -> None:
    rows = [{"share": d(share), "target": d(target)} for share, target in (("0.6", "0.5"), ("0.6", "0.75"))]
    assert titles.people(rows, None) == "1 of 2 people is below their target"
    assert titles.people(rows[:1], None) == "The one person is at or above their target"


@pytest.mark.parametrize(
    ("weeks", "said"),
    [
        ([], "Nobody had available hours in these weeks"),
        ([0, 0], "Nobody had a single week above 100%"),
        ([0, 1], "1 person had at least one week above 100%"),
        ([3, 1], "2 people had at least one week above 100%"),
    ],
)
def test_a_week_above_100_percent_is_not_an_average_above_it(weeks: list[int], said: str) -> None:
    assert titles.full_weeks([{"weeks_above": number} for number in weeks]) == said


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ([], "No timesheet of the last complete week has missing hours"),
        ([3], "No timesheet for the week of 16 Nov lacks 8 h or more; 1 timesheet lacks less"),
        ([8], "1 timesheet lacks 8 h or more for the week of 16 Nov: 8 h"),
        ([40, 10, 8, 7, "0.5"], "3 timesheets lack 8 h or more for the week of 16 Nov: 58 h; 2 lack less"),
    ],
)
def test_a_timesheet_to_chase_lacks_what_the_alert_asks_for(missing: list[Any], said: str) -> None:
    rows = [{"missing_hours": d(hours)} for hours in missing]
    assert titles.timesheets(rows, Decimal(8), "16 Nov") == said


@pytest.mark.parametrize(
    ("this_week", "next_week", "said"),
    [
        (0, 0, "Nobody has entered leave for this week or the next"),
        (0, 1, "Nobody has entered leave for this week; 1 person next week"),
        (1, 0, "1 person on leave this week"),
        (2, 3, "2 people on leave this week, 3 more next week"),
    ],
)
def test_leave_counts_each_person_once(this_week: int, next_week: int, said: str) -> None:
    assert titles.leave(this_week, next_week) == said


def line(currency: str, overdue: Any) -> dict[str, Any]:
    return {"currency": currency, "overdue": d(overdue)}


@pytest.mark.parametrize(
    ("rows", "in_home", "said"),
    [
        ([], 0, "Nothing is overdue"),
        ([line("CAD", 0)], 0, "Nothing is overdue"),
        ([line("CAD", 0), line("EUR", "0.2")], None, "Nothing is overdue in any currency"),
        ([line("CAD", 229004)], 229004, "CAD 229,004 is overdue"),
        ([line("CAD", 229004), line("EUR", 0), line("USD", 417726)], None, "CAD 229,004 and USD 417,726 are overdue"),
        # At 1.36: 229,004 + 568,107.36.
        ([line("CAD", 229004), line("USD", 417726)], "797111.36", "CAD 797,111 is overdue, in 2 currencies together"),
        # What is overdue in one currency needs no rate.
        ([line("CAD", 0), line("USD", 100)], 136, "USD 100 is overdue"),
    ],
)
def test_currencies_are_added_up_only_with_rates(rows: list[Any], in_home: Any, said: str) -> None:
    assert titles.company(rows, d(in_home), "CAD") == said


def call(client: str, amount: int, currency: str = "EUR") -> dict[str, Any]:
    return {
        "client_name": client, "amount": Decimal(amount), "currency": currency, "kind": "overdue",
        "what": "overdue on 1 invoice, for 9 days",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "has_one_scale", "said"),
    [
        ([], True, "Nobody to call about invoices, budgets, unbilled work or margins"),
        ([call("A", 300), call("B", 200)], True, "Call first: A, EUR 300 overdue on 1 invoice, for 9 days"),
        ([call("A", 300), call("B", 200)], False, "Call first: A, EUR 300 overdue on 1 invoice, for 9 days"),
        ([call("A_1", 300), call("J", 9000, "JPY"), call("B", 200)], False,
         "Call first, the largest in each currency: A_1 (EUR 300 overdue) and J (JPY 9,000 overdue)"),
        ([call("A", 300), call("J", 9000, "JPY")], True, "Call first: A, EUR 300 overdue on 1 invoice, for 9 days"),
    ],
)  # fmt: skip
def test_currencies_without_rates_have_no_common_first(rows: list[Any], has_one_scale: bool, said: str) -> None:
    assert titles.calls(rows, has_one_scale=has_one_scale) == said


@pytest.mark.parametrize(
    ("revenue", "said"),
    [
        ([], "No client brought revenue in EUR in these twelve months"),
        ([0, -5], "No client brought revenue in EUR in these twelve months"),
        ([300, 0], "A brought all revenue of twelve months: EUR 300"),
        ([300, 100], "75% of revenue of twelve months comes from A"),
        ([100, 100], "A and B brought 50% of revenue of twelve months each"),
        ([100, 100, 100], "3 clients brought 33% of revenue of twelve months each"),
        ([700, 150, 100, 50], "70% of revenue of twelve months comes from A, 95% from the three largest of 4"),
        ([99700, 150, 100, 50], ">99% of revenue of twelve months comes from A, >99% from the three largest of 4"),
    ],
)
def test_the_largest_client_has_all_only_if_there_is_no_other(revenue: list[int], said: str) -> None:
    rows = [{"client_name": name, "revenue": Decimal(amount)} for name, amount in zip("ABCD", revenue, strict=False)]
    assert titles.concentration(rows, "EUR") == said


def estimate(state: str, amount: int, left: int | None = None) -> dict[str, Any]:
    return {"state": state, "net_amount": Decimal(amount), "not_yet_invoiced": d(left)}


@pytest.mark.parametrize(
    ("offered", "decided", "said"),
    [
        ([], [], "No estimate in EUR is out with a client"),
        # A draft is no offer.
        ([estimate("draft", 50)], [], "No estimate in EUR is out with a client"),
        ([estimate("sent", 50), estimate("draft", 9)], [], "EUR 50 is offered in 1 open estimate"),
        (
            [estimate("sent", 50), estimate("sent", 30)],
            [estimate("accepted", 30), estimate("declined", 90)],
            "EUR 80 is offered in 2 open estimates; 25% of EUR 120 decided in twelve months was won",
        ),
        ([], [estimate("accepted", 0)], "No estimate in EUR is out with a client"),
    ],
)
def test_the_pipeline_is_what_clients_have_to_decide(offered: list[Any], decided: list[Any], said: str) -> None:
    assert titles.pipeline(offered, decided, "EUR") == said


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "No estimate in EUR was decided in twelve months"),
        ([estimate("declined", 9)], "0 of 1 estimate decided in twelve months was won"),
        ([estimate("accepted", 9, 0), estimate("declined", 9)], "1 of 2 estimates decided in twelve months was won"),
        (
            # 40 are left of one; of the other, 15 more were invoiced than offered.
            [estimate("accepted", 90, 40), estimate("accepted", 60, -15), estimate("declined", 9)],
            "2 of 3 estimates decided in twelve months were won; EUR 40 of what was won is not invoiced yet",
        ),
    ],
)
def test_what_is_left_of_one_estimate_pays_for_no_other(rows: list[Any], said: str) -> None:
    assert titles.decided(rows, "EUR") == said


def rateless(entries: int, hours: Any, worth: Any = None, currency: str = "EUR") -> dict[str, Any]:
    return {"entries": entries, "hours": d(hours), "worth": d(worth), "currency": currency}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "All billable time on time and materials projects has a rate"),
        (
            [rateless(1, 8)],
            "1 billable entry without a rate on 1 project: 8 h are valued at nothing; no other time on these projects has a rate",
        ),
        (
            [rateless(3, 12, 1200), rateless(2, 5, 750, "USD")],
            "5 billable entries without a rate on 2 projects: 17 h are valued at nothing; at the rates of other time on these "
            "projects they would be worth EUR 1,200 and USD 750",
        ),
        (
            [rateless(3, 12, 1200), rateless(2, 5)],
            "5 billable entries without a rate on 2 projects: 17 h are valued at nothing; 1 of the projects has rates, at which "
            "their hours would be worth EUR 1,200",
        ),
    ],
)
def test_time_without_a_rate_says_what_it_would_be_worth(rows: list[Any], said: str) -> None:
    assert titles.without_rate(rows) == said


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ([], "All time has a cost rate"),
        ([("Ada", 20)], "20 h of Ada have no cost rate, and count as free"),
        ([("Ada", 20), ("Bo", 5)], "25 h of 2 people have no cost rate, and count as free"),
    ],
)
def test_time_without_a_cost_rate_is_named(people: list[tuple[str, int]], said: str) -> None:
    assert titles.without_cost([{"person_name": name, "hours": d(hours)} for name, hours in people]) == said


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([], "No time was spent on a budget that is over or heading over"),
        ([1, 1], "Which tasks and people used the one budget that is over or heading over"),
        ([1, 2, 1], "Which tasks and people used the 2 budgets that are over or heading over"),
    ],
)
def test_a_budget_with_several_lines_is_one_budget(keys: list[int], said: str) -> None:
    assert titles.budget_lines([{"project_id": key} for key in keys]) == said


def role(name: str, bench: Any, available: Any = 40) -> dict[str, Any]:
    return {"role": name, "bench_hours": d(bench), "available_hours": d(available)}


FREE = "of 40 h next week are free if all bill as they usually do"


@pytest.mark.parametrize(
    ("weeks", "roles", "said"),
    [
        ([], [], "Nobody has capacity in the weeks to come"),
        ([role("", "0.2")], [role("A", "0.2")], "Nobody is free next week if all bill as they usually do"),
        ([role("", 8), role("", 30)], [role("A", 8)], f"8 h {FREE}"),
        ([role("", 8)], [role("A", 4), role("B", 4)], f"8 h {FREE}"),
        ([role("", 8)], [role("A", 3), role("B", 5)], f"8 h {FREE}: B has most, 5 h"),
        ([role("", 8)], [role("A", 3), role("No role", 5)], f"8 h {FREE}: people without a role have most, 5 h"),
    ],
)
def test_free_hours_are_those_of_next_week(weeks: list[dict[str, Any]], roles: list[dict[str, Any]], said: str) -> None:
    assert titles.free(weeks, roles) == said


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ([], "No role has free hours in the next eight weeks"),
        ([role("A", 0), role("B", 0, 0)], "No role has free hours in the next eight weeks"),
        ([role("A", 10)], "25% of the available hours of A are free in the next eight weeks"),
        (
            [role("A", 10), role("B", 30, 120)],
            "2 roles have most room: 25% of their available hours in the next eight weeks",
        ),
        ([role("No role", 10)], "25% of the available hours of people without a role are free in the next eight weeks"),
        (
            [role("No role", 10), role("B", 1)],
            "People without a role have most room: 25% of their available hours in the next eight weeks",
        ),
        ([role("A", 10), role("B", 20, 400)], "A has most room: 25% of its available hours in the next eight weeks"),
    ],
)
def test_the_role_with_most_room_has_the_largest_share(roles: list[dict[str, Any]], said: str) -> None:
    assert titles.free_roles(roles) == said


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ([], "Nobody has capacity in the weeks to come"),
        ([(0, 0)], "0 people of 1 have 8 h or more free next week"),
        ([(8, 8), ("7.9", 8), (0, 0)], "1 person of 3 has 8 h or more free next week; 1 more the week after"),
    ],
)
def test_people_are_free_from_a_day_on(people: list[tuple[Any, Any]], said: str) -> None:
    rows = [{"next_week": d(now), "week_after": d(then)} for now, then in people]
    assert titles.free_people(rows, Decimal(8)) == said


def in_month(ago: int, invoiced: Any, drafted: Any = 0, unbilled: Any = 0) -> dict[str, Any]:
    return {
        "month_start": OCT, "months_ago": ago, "invoiced": d(invoiced), "drafted": d(drafted), "unbilled": d(unbilled),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("months", "said"),
    [
        ([], "Nothing was invoiced in EUR in thirteen months"),
        ([in_month(0, 0)], "Nothing is invoiced in EUR for Oct 2026 so far"),
        ([in_month(0, 50, 10, 5)], "EUR 50 is invoiced for Oct 2026 so far, and EUR 15 more can be"),
        ([in_month(1, 80), in_month(0, 50)], "EUR 50 is invoiced for Oct 2026 so far; the month before had EUR 80"),
        # Two months ago nothing was invoiced: it counts.
        (
            [in_month(3, 60), in_month(1, 30), in_month(0, 50)],
            "EUR 50 is invoiced for Oct 2026 so far; the 3 months before had, on average, EUR 30",
        ),
    ],
)
def test_the_running_month_is_compared_with_the_months_before(months: list[dict[str, Any]], said: str) -> None:
    assert titles.month_so_far(months, "EUR") == said


@pytest.mark.parametrize(
    ("invoices", "said"),
    [
        ([], "Clients owe nothing in EUR"),
        ([(100, 5)], "EUR 100 of EUR 100 owed is expected within 30 days"),
        ([(100, 31), (50, None)], "None of the EUR 150 owed is expected within 30 days"),
        ([(100, 30), (50, -1)], "EUR 100 of EUR 150 owed is expected within 30 days; EUR 50 is later than expected"),
        ([(50, -1)], "None of the EUR 50 owed is expected within 30 days; EUR 50 is later than expected"),
    ],
)
def test_cash_is_expected_soon_or_later_than_it_should_be(invoices: list[tuple[Any, int | None]], said: str) -> None:
    rows = [{"due_amount": d(amount), "expected_in_days": days} for amount, days in invoices]
    assert titles.expected_cash(rows, "EUR") == said
