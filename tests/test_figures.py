"""Our side of a report by each reading of Harvest's arithmetic, worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from harvest_warehouse.account_sums import AccountSums, Part, Project
from harvest_warehouse.figures import figures, fingerprint
from harvest_warehouse.reconcile import Figure, judge
from harvest_warehouse.report_calls import Window
from harvest_warehouse.reports import BUDGET, REPORTS, UNINVOICED, TheirRow

MARCH = Window(date(2026, 3, 1), date(2026, 3, 31))
TODAY = Window(date(2026, 3, 16), date(2026, 3, 16))

FEE = Project(
    project_id=1,
    name="Site",
    currency="EUR",
    is_fixed_fee=True,
    is_active=True,
    fee=Decimal(1000),
    starts_on=date(2026, 1, 1),
    budget_by="none",
    is_monthly=False,
    has_expenses=False,
    budget=None,
    # A draft of 100, and 200 with a discount of 10 %.
    lines=((True, Decimal(0), Decimal(100)), (False, Decimal(10), Decimal(200))),
)
COST = replace(FEE, is_fixed_fee=False, budget_by="project_cost", has_expenses=True, budget=Decimal(500), lines=())


def time(month: date = MARCH.first, **sums: str) -> Part:
    names = ("hours", "billable_hours", "money", "open_hours", "open_money", "budget_hours", "budget_money")
    each = ("money_each", "open_money_each", "budget_money_each")
    return Part(1, "Site", "EUR", month, False, {name: Decimal(sums.get(name, "0")) for name in (*names, *each)})


def spent(month: date = MARCH.first, **sums: str) -> Part:
    names = ("amount", "billable", "open")
    values = {name: Decimal(sums.get(name, "0")) for name in names}
    return Part(1, "Site", "EUR", month, False, values | {f"{name}_each": value for name, value in values.items()})


def account(project: Project, entries: tuple[Part, ...] = (), expenses: tuple[Part, ...] = ()) -> AccountSums:
    parts = {"time/projects": entries, "expenses/projects": expenses}
    return AccountSums(parts, parts, {project.project_id: project})


def ours(sums: AccountSums, path: str, window: Window, measure: str) -> Mapping[str, Decimal]:
    return next(one.ours for one in figures(sums, REPORTS[path], window, []) if one.measure == measure)


@pytest.mark.parametrize(
    ("reading", "left"),
    [
        ("all invoices, before discount, without expenses, idle projects if active", 700),
        ("without drafts, before discount, without expenses, idle projects if active", 800),
        ("all invoices, after discount, without expenses, idle projects if active", 720),
        ("all invoices, before discount, with expenses, idle projects if active", 750),
        ("without drafts, after discount, with expenses, idle projects too", 870),
    ],
)
def test_what_is_left_of_a_fee_by_each_reading(reading: str, left: int) -> None:
    sums = account(FEE, (time(hours="4"),), (spent(open="50"),))
    assert ours(sums, UNINVOICED, MARCH, "uninvoiced_amount")[reading] == left


def test_a_fee_without_work_in_the_window_is_listed_by_some_readings_only() -> None:
    left = ours(account(replace(FEE, is_active=False)), UNINVOICED, MARCH, "uninvoiced_amount")
    prefix = "all invoices, before discount, without expenses"
    assert left[f"{prefix}, idle projects too"] == 700
    assert left[f"{prefix}, idle projects if active"] == left[f"{prefix}, no idle projects"] == 0


def test_a_fee_does_not_count_before_its_project_begins() -> None:
    before = Window(date(2025, 12, 1), date(2025, 12, 31))
    assert figures(account(FEE), REPORTS[UNINVOICED], before, []) == []


def test_money_that_counts_to_a_budget_by_each_reading() -> None:
    entries = (time(budget_money="100.006", budget_money_each="100.03"),)
    sums = account(COST, entries, (spent(amount="40", billable="30"),))
    assert ours(sums, BUDGET, TODAY, "budget_spent") == {
        "per total, billable expenses": Decimal("130.006"),
        "per total, all expenses": Decimal("140.006"),
        "per entry, billable expenses": Decimal("130.03"),
        "per entry, all expenses": Decimal("140.03"),
    }
    assert ours(sums, BUDGET, TODAY, "budget_remaining")["per entry, all expenses"] == Decimal("359.97")


def test_a_monthly_budget_counts_the_month_of_today() -> None:
    entries = (time(budget_money="100"), time(date(2026, 2, 1), budget_money="7"))
    monthly, whole = account(replace(COST, is_monthly=True), entries), account(COST, entries)
    first = "per total, billable expenses"
    assert ours(monthly, BUDGET, TODAY, "budget_spent")[first] == 100
    assert ours(whole, BUDGET, TODAY, "budget_spent")[first] == 107


@pytest.mark.parametrize(("day", "is_sure"), [(1, False), (2, True), (16, True), (30, True), (31, False)])
def test_at_the_turn_of_a_month_a_monthly_budget_that_differs_proves_nothing(day: int, is_sure: bool) -> None:
    sums = account(replace(COST, is_monthly=True), (time(budget_money="100", budget_money_each="100"),))
    window = Window(date(2026, 3, day), date(2026, 3, day))
    stated = TheirRow(1, "Site", "", dict.fromkeys(REPORTS[BUDGET].measures, Decimal(0)))
    judged, _ = judge(figures(sums, REPORTS[BUDGET], window, [stated]))
    verdicts = {one.figure.measure: one.verdict for one in judged}
    assert verdicts["budget_spent"] == ("mismatch" if is_sure else "not_provable")
    assert verdicts["budget"] == "mismatch"


def test_drafts_that_harvest_leaves_out_in_two_projects_are_found_for_the_whole_account() -> None:
    projects = {n: replace(FEE, project_id=n, lines=((True, Decimal(0), Decimal(n)),)) for n in (1, 2, 3)}
    stated = [row(n, "0", "0", "0", "1000") for n in projects]
    found = figures(AccountSums({"time/projects": ()}, {}, projects), REPORTS[UNINVOICED], MARCH, stated)
    judged, conventions = judge(found)
    assert {one.verdict for one in judged} == {"exact"}
    accepted = next(one.accepted for one in conventions if one.family == "fixed_fee")
    assert accepted is not None
    assert accepted.startswith("without drafts")


def row(subject_id: int, *values: str) -> TheirRow:
    measures = REPORTS[UNINVOICED].measures
    return TheirRow(subject_id, "Site", "EUR", dict(zip(measures, map(Decimal, values), strict=True)))


def test_rows_of_either_side_alone_are_figures_with_0_on_the_other() -> None:
    sums = account(COST, (time(hours="4", open_hours="2", open_money="10", open_money_each="10"),))
    found = figures(sums, REPORTS[UNINVOICED], MARCH, [row(9, "7", "7", "0", "70")])
    assert {(one.subject_id, one.is_here, one.is_there) for one in found} == {(1, True, False), (9, False, True)}
    verdicts = {(one.figure.subject_id, one.figure.measure): one.verdict for one in judge(found)[0]}
    assert verdicts[1, "total_hours"] == "missing_there"
    assert verdicts[9, "uninvoiced_amount"] == "missing_here"
    assert verdicts[9, "uninvoiced_expenses"] == "exact"


def test_money_that_harvest_does_not_show_is_not_provable() -> None:
    hidden = TheirRow(1, "Ann", "", {"total_hours": Decimal(4), "billable_hours": Decimal(4), "billable_amount": None})
    found = figures(AccountSums({"time/team": ()}, {}, {}), REPORTS["time/team"], MARCH, [hidden])
    verdicts = {one.figure.measure: one.verdict for one in judge(found)[0]}
    assert verdicts["billable_amount"] == "not_provable"


def test_the_fingerprint_of_a_month_follows_what_the_report_counts_and_nothing_else() -> None:
    sums = account(FEE, (time(hours="4"),))
    same = account(replace(FEE, fee=Decimal(2)), (time(hours="4", budget_hours="3"),))
    more_open = account(FEE, (time(hours="4", open_hours="1"),))
    for path in ("time/projects", UNINVOICED):
        assert fingerprint(same, path, MARCH) == fingerprint(sums, path, MARCH) != ""
    assert fingerprint(more_open, "time/projects", MARCH) == fingerprint(sums, "time/projects", MARCH)
    assert fingerprint(more_open, UNINVOICED, MARCH) != fingerprint(sums, UNINVOICED, MARCH)
    assert fingerprint(sums, "time/projects", Window(date(2026, 2, 1), date(2026, 2, 28))) == ""


def test_figures_say_what_they_are_about() -> None:
    found = figures(account(FEE, (time(hours="4"),)), REPORTS["time/projects"], MARCH, [])
    hours = next(one for one in found if one.measure == "total_hours")
    assert isinstance(hours, Figure)
    assert (hours.report, hours.first, hours.last, hours.subject, hours.currency) == (
        "time/projects",
        MARCH.first,
        MARCH.last,
        "Site",
        "EUR",
    )
