"""Our side of a report by each reading of Harvest's arithmetic, worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from harvest_warehouse.verify.figures import figures, fingerprint
from harvest_warehouse.verify.harvest_reports import BUDGET, REPORTS, UNINVOICED, TheirRow
from harvest_warehouse.verify.local_totals import LocalTotals, Part, Project
from harvest_warehouse.verify.report_plan import Window
from harvest_warehouse.verify.verdicts import Figure, judge

MARCH = Window(date(2026, 3, 1), date(2026, 3, 31))
TODAY = Window(date(2026, 3, 16), date(2026, 3, 16))

FEE = Project(
    project_id=1,
    name="Site",
    currency="EUR",
    is_billable=True,
    is_fixed_fee=True,
    is_active=True,
    fee=Decimal(1000),
    starts_on=date(2026, 1, 1),
    budget_by="none",
    is_monthly=False,
    has_expenses=False,
    budget=None,
    active_budget=None,
    # 100, and 200 with a discount of 10 %.
    lines=((Decimal(0), Decimal(100)), (Decimal(10), Decimal(200))),
)
COST = replace(
    FEE,
    is_fixed_fee=False,
    budget_by="project_cost",
    has_expenses=True,
    budget=Decimal(500),
    active_budget=Decimal(500),
    lines=(),
)
BY_PERSON = replace(COST, budget_by="person", has_expenses=False, budget=Decimal(150), active_budget=Decimal(117))


NAMES = (
    "hours", "billable_hours", "money", "money_each", "open_hours", "open_money", "open_money_each",
    "budget_hours", "budget_billable_hours", "budget_money", "budget_money_each",
)  # fmt: skip


def time(month: date = MARCH.first, **sums: str) -> Part:
    return Part(1, "Site", "EUR", month, False, {name: Decimal(sums.get(name, "0")) for name in NAMES})


def spent(month: date = MARCH.first, **sums: str) -> Part:
    names = ("amount", "billable", "open")
    values = {name: Decimal(sums.get(name, "0")) for name in names}
    return Part(1, "Site", "EUR", month, False, values | {f"{name}_each": value for name, value in values.items()})


def account(project: Project, entries: tuple[Part, ...] = (), expenses: tuple[Part, ...] = ()) -> LocalTotals:
    parts = {"time/projects": entries, "expenses/projects": expenses}
    return LocalTotals(parts, parts, {project.project_id: project})


def ours(sums: LocalTotals, path: str, window: Window, measure: str) -> Mapping[str, Decimal]:
    return next(one.ours for one in figures(sums, REPORTS[path], window, []) if one.measure == measure)


def test_what_is_left_of_a_fee_is_the_fee_less_all_lines_and_expenses_change_nothing() -> None:
    sums = account(FEE, (time(hours="4", open_money="60"),), (spent(open="50"),))
    left = ours(sums, UNINVOICED, MARCH, "uninvoiced_amount")
    assert left == {"before discount": 700, "after discount": 720}
    assert ours(account(FEE), UNINVOICED, MARCH, "uninvoiced_amount") == left, "in a window without work, too"
    more = replace(FEE, fee=Decimal(250))
    assert ours(account(more), UNINVOICED, MARCH, "uninvoiced_amount")["before discount"] == -50


def test_a_fee_does_not_count_before_its_project_begins() -> None:
    before = Window(date(2025, 12, 1), date(2025, 12, 31))
    assert figures(account(FEE), REPORTS[UNINVOICED], before, []) == []


def test_work_on_a_project_that_is_not_billable_is_not_uninvoiced_whatever_its_expenses_say() -> None:
    own = replace(COST, is_billable=False)
    sums = account(own, (time(hours="140.97"),), (spent(amount="142", billable="142", open="142"),))
    assert figures(sums, REPORTS[UNINVOICED], MARCH, []) == []
    assert ours(sums, "expenses/projects", MARCH, "billable_amount")["per total"] == 142
    assert judge(figures(sums, REPORTS[UNINVOICED], MARCH, [row(1, "140.97", "0", "142", "142")]))[0][0].verdict == (
        "missing_here"
    )


def test_an_idle_project_is_the_same_whether_it_is_listed_or_not() -> None:
    idle = account(COST)
    assert figures(idle, REPORTS[UNINVOICED], MARCH, []) == []
    assert figures(idle, REPORTS[UNINVOICED], MARCH, [row(1, "0", "0", "0", "0")]) == []
    found = figures(idle, REPORTS[UNINVOICED], MARCH, [row(1, "2", "0", "0", "0")])
    assert [one.verdict for one in judge(found)[0]] == ["mismatch", "exact", "exact", "exact"]


def archived(*work: str) -> LocalTotals:
    """Projects of 1,000 of which nothing is invoiced, archived; those that are named worked 4 hours in March."""
    projects = {n: replace(FEE, project_id=n, is_active=False, lines=()) for n in range(1, 5)}
    entries = tuple(replace(time(hours="4"), subject_id=int(n)) for n in work)
    return LocalTotals({"time/projects": entries}, {}, projects)


def listing(sums: LocalTotals, *stated: TheirRow) -> tuple[str | None, set[str]]:
    judged, conventions = judge(figures(sums, REPORTS[UNINVOICED], MARCH, stated))
    return next(one.accepted for one in conventions if one.family == "archived"), {one.verdict for one in judged}


def test_which_archived_projects_are_listed_is_found_out_for_the_whole_account() -> None:
    sums = archived("1", "2")
    worked = [row(n, "4", "0", "0", "1000") for n in (1, 2)]
    idle = [row(n, "0", "0", "0", "1000") for n in (3, 4)]
    assert listing(sums, *worked, *idle) == ("listed", {"exact"})
    assert listing(sums, *worked) == ("listed where there is work", {"exact"})
    assert listing(sums) == ("left out", {"exact"})


def test_an_archived_project_that_is_missing_among_others_is_not_excused() -> None:
    sums = archived("1", "2")
    worked = [row(n, "4", "0", "0", "1000") for n in (1, 2)]
    # One of two idle ones, one of two with work: no reading fits.
    assert listing(sums, worked[0], row(3, "0", "0", "0", "1000")) == (None, {"exact", "unresolved"})
    # And one alone, without another that speaks for it, could be an error.
    alone = archived("1")
    alone = replace(alone, projects={1: alone.projects[1]})
    assert listing(alone) == (None, {"exact", "unresolved"})
    # What is listed, and has another amount, is a mismatch whatever is listed.
    wrong = [worked[0], row(2, "4", "0", "0", "999"), *(row(n, "0", "0", "0", "1000") for n in (3, 4))]
    assert listing(sums, *wrong) == ("listed", {"exact", "mismatch"})


def test_money_that_counts_to_a_budget_is_time_at_rates_and_all_expenses() -> None:
    entries = (time(budget_money="100.006", budget_money_each="100.03"),)
    used = ours(account(COST, entries, (spent(amount="40", billable="30"),)), BUDGET, TODAY, "budget_spent")
    assert used["rounded per total, with running timers, of all assignments"] == Decimal("140.006")
    assert used["rounded per entry, with running timers, of all assignments"] == Decimal("140.03")
    remaining = ours(account(COST, entries, (spent(amount="40"),)), BUDGET, TODAY, "budget_remaining")
    assert remaining["rounded per entry, with running timers, of all assignments"] == Decimal("359.97")


def test_hours_that_count_to_a_budget_by_each_reading() -> None:
    running = replace(time(budget_hours="2", budget_billable_hours="1"), is_running=True)
    sums = account(BY_PERSON, (time(budget_hours="166.21", budget_billable_hours="142.70"), running))
    used = ours(sums, BUDGET, TODAY, "budget_spent")
    assert used["all hours, with running timers, of all assignments"] == Decimal("168.21")
    assert used["all hours, without running timers, of all assignments"] == Decimal("166.21")
    assert used["billable hours, with running timers, of active assignments"] == Decimal("143.70")
    assert set(ours(sums, BUDGET, TODAY, "budget").values()) == {150, 117}
    left = ours(sums, BUDGET, TODAY, "budget_remaining")
    assert left["all hours, without running timers, of all assignments"] == Decimal("-16.21")
    assert left["billable hours, without running timers, of active assignments"] == Decimal("-25.70")


def test_an_account_that_counts_billable_hours_only_is_found_and_one_project_alone_is_not_believed() -> None:
    projects = {n: replace(BY_PERSON, project_id=n, active_budget=Decimal(150)) for n in (1, 2)}
    entries = tuple(replace(time(budget_hours="30", budget_billable_hours="20"), subject_id=n) for n in projects)
    sums = LocalTotals({}, {"time/projects": entries}, projects)

    def judged(*numbers: int) -> tuple[str | None, set[str]]:
        rows = [budget_row(n, 150, 20) if n in numbers else budget_row(n, 150, 30) for n in projects]
        found, conventions = judge(figures(sums, REPORTS[BUDGET], TODAY, rows))
        return conventions[0].accepted, {one.verdict for one in found}

    assert judged(1, 2) == ("billable hours, with running timers, of all assignments", {"exact"})
    assert judged() == ("all hours, with running timers, of all assignments", {"exact"})
    assert judged(1) == (None, {"exact", "unresolved"})


def test_a_budget_that_nobody_has_set_has_nothing_left() -> None:
    unset = replace(BY_PERSON, budget=None, active_budget=None)
    sums = account(unset, (time(budget_hours="3", budget_billable_hours="3"),))
    for nothing in (None, Decimal(0)):
        left = None if nothing is None else Decimal(-3)
        values = {"budget": nothing, "budget_spent": Decimal(3), "budget_remaining": left}
        found = figures(sums, REPORTS[BUDGET], TODAY, [TheirRow(1, "Site", "", values)])
        assert {one.verdict for one in judge(found)[0]} == {"exact"}


def budget_row(subject_id: int, budget: int, used: int) -> TheirRow:
    numbers = dict(zip(REPORTS[BUDGET].measures, (budget, used, budget - used), strict=True))
    return TheirRow(subject_id, "Site", "", {name: Decimal(value) for name, value in numbers.items()})


def test_a_monthly_budget_counts_the_month_of_today() -> None:
    entries = (time(budget_money="100"), time(date(2026, 2, 1), budget_money="7"))
    monthly, whole = account(replace(COST, is_monthly=True), entries), account(COST, entries)
    first = "rounded per total, with running timers, of all assignments"
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


def test_discounts_that_harvest_takes_off_in_two_projects_are_found_for_the_whole_account() -> None:
    projects = {n: replace(FEE, project_id=n, lines=((Decimal(10), Decimal(100 * n)),)) for n in (1, 2, 3)}
    stated = [row(n, "0", "0", "0", str(1000 - 90 * n)) for n in projects]
    found = figures(LocalTotals({"time/projects": ()}, {}, projects), REPORTS[UNINVOICED], MARCH, stated)
    judged, conventions = judge(found)
    assert {one.verdict for one in judged} == {"exact"}
    assert [one.accepted for one in conventions if one.family == "fixed_fee"] == ["after discount"]


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
    found = figures(LocalTotals({"time/team": ()}, {}, {}), REPORTS["time/team"], MARCH, [hidden])
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
