"""The reports of a real account: what they say of each other, and that the simulator and our own figures say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from harvest_simulator import Simulator
from harvest_warehouse.database import open_database
from harvest_warehouse.load import load
from harvest_warehouse.marts import build
from harvest_warehouse.marts.settings import MartSettings
from harvest_warehouse.verify import verify
from harvest_warehouse.verify.figures import figures
from harvest_warehouse.verify.harvest_reports import BUDGET, REPORTS, UNINVOICED, their_rows
from harvest_warehouse.verify.local_totals import local_totals
from harvest_warehouse.verify.report_plan import Window
from harvest_warehouse.verify.verdicts import judge
from harvest_warehouse.warehouse import Target
from support.accounts import Account
from support.paths import SHARED
from support.sample_account import Label, Sample, simulated

REAL = SHARED / "harvest-api" / "real"
REPORT_LINES = REAL / "reports_2022-12.jsonl"
RECORD_LINES = REAL / "sandbox_records_2024-04.jsonl"
needs_recordings = pytest.mark.skipif(not REPORT_LINES.exists(), reason="shared/harvest-api/real is not here")

MARTS = "harvest_marts"
YEAR = Window(date(2021, 1, 1), date(2022, 1, 1))
LATER = Window(date(2022, 1, 1), date(2022, 12, 16))
LAST_DAY = Window(date(2022, 12, 16), date(2022, 12, 16))
NUMBERS = ("total_hours", "uninvoiced_hours", "uninvoiced_expenses", "uninvoiced_amount")

Row = dict[str, Any]


def lines(path: Path) -> list[Row]:
    return [json.loads(line, parse_float=Decimal) for line in path.read_text(encoding="utf-8").splitlines()]


def recorded(path: str, window: Window | None = None) -> list[Row]:
    """The rows of the recorded answer."""
    found = [
        line["results"]
        for line in lines(REPORT_LINES)
        if line["report"] == path and (window is None or line["from"] == window.first.isoformat())
    ]
    assert len(found) == 1
    return list(found[0])


def by_project(rows: list[Row]) -> dict[int, Row]:
    assert len({row["project_id"] for row in rows}) == len(rows)
    return {row["project_id"]: row for row in rows}


# What the recorded answers say of each other.


@needs_recordings
def test_uninvoiced_lists_billable_projects_whether_they_are_idle_or_not_and_no_other() -> None:
    records = {line["data"]["id"]: line["data"] for line in lines(RECORD_LINES) if line["stream"] == "projects"}
    for window in (YEAR, LATER):
        listed = by_project(recorded(UNINVOICED, window))
        assert {number for number, row in records.items() if row["is_billable"]} <= listed.keys()
        assert not {number for number, row in records.items() if not row["is_billable"]} & listed.keys()
    worked, spent = by_project(recorded("time/projects")), by_project(recorded("expenses/projects"))
    (own,) = worked.keys() - by_project(recorded(UNINVOICED, YEAR)).keys()
    assert records[own]["is_billable"] is False
    assert worked[own]["total_hours"] > 100
    assert spent[own]["billable_amount"] > 100, "billable, although the project is not"
    assert by_project(recorded(UNINVOICED, YEAR)).keys() - worked.keys(), "idle"


@needs_recordings
def test_what_is_left_of_a_fee_is_the_fee_less_all_lines_of_drafts_and_products_too() -> None:
    year, later = by_project(recorded(UNINVOICED, YEAR)), by_project(recorded(UNINVOICED, LATER))
    invoices = [line["data"] for line in lines(RECORD_LINES) if line["stream"] == "invoices"]
    fixed = next(number for number, row in year.items() if row["uninvoiced_amount"] < 0)
    linked = [
        (invoice["state"], line["kind"], line["amount"])
        for invoice in invoices
        for line in invoice["line_items"]
        if line["project"]["id"] == fixed
    ]
    assert {state for state, *_ in linked} == {"draft"}
    assert {kind for _, kind, _ in linked} == {"Service", "Product"}
    fee = next(amount for _, kind, amount in linked if kind == "Service")
    left = fee - sum(amount for *_, amount in linked)
    assert year[fixed]["uninvoiced_expenses"] > 0, "expenses are open, and change nothing"
    assert year[fixed]["uninvoiced_amount"] == later[fixed]["uninvoiced_amount"] == left < 0


@needs_recordings
def test_time_and_materials_are_time_at_rates_and_open_expenses() -> None:
    worked = by_project(recorded("time/projects"))
    checked = 0
    for number, row in by_project(recorded(UNINVOICED, YEAR)).items():
        if number in worked:
            assert row["total_hours"] == worked[number]["total_hours"]
            if row["uninvoiced_amount"] > 0:
                assert row["uninvoiced_hours"] == worked[number]["billable_hours"], "nothing of it is invoiced"
                assert row["uninvoiced_amount"] == worked[number]["billable_amount"] + row["uninvoiced_expenses"]
                checked += 1
    assert checked == 2


@needs_recordings
def test_time_reports_have_the_hours_of_a_fixed_fee_and_none_of_its_money() -> None:
    projects, clients = recorded("time/projects"), recorded("time/clients")
    fixed = next(row["project_id"] for row in recorded(UNINVOICED, YEAR) if row["uninvoiced_amount"] < 0)
    assert by_project(projects)[fixed]["billable_hours"] > 0 == by_project(projects)[fixed]["billable_amount"]
    for client in clients:
        for name in ("total_hours", "billable_hours", "billable_amount"):
            assert client[name] == sum(row[name] for row in projects if row["client_id"] == client["client_id"])
    for name in ("total_hours", "billable_hours", "billable_amount"):
        assert sum(row[name] for row in recorded("time/tasks")) == sum(row[name] for row in projects)


@needs_recordings
def test_budgets_count_all_hours_and_all_expenses_and_a_monthly_one_begins_anew() -> None:
    budgets, worked = by_project(recorded(BUDGET)), by_project(recorded("time/projects"))
    in_hours = {n: row for n, row in budgets.items() if row["budget_by"] in ("project", "person")}
    assert len(in_hours) == 2
    for number, row in in_hours.items():
        assert row["budget_spent"] == worked[number]["total_hours"] > worked[number]["billable_hours"]
    (monthly,) = [row for row in budgets.values() if row["budget_is_monthly"]]
    assert (monthly["budget_spent"], monthly["budget_remaining"]) == (0, monthly["budget"])
    assert all(row["budget_remaining"] == row["budget"] - row["budget_spent"] for row in budgets.values())
    assert budgets.keys() - by_project(recorded(UNINVOICED, YEAR)).keys(), "one that is not billable has a budget"
    # What the fixed fee's hours are worth, person by person: see RECORDED below.
    (cost,) = [row for row in budgets.values() if row["budget_by"] == "project_cost" and not row["budget_is_monthly"]]
    at_125, at_175 = Decimal("39.95") + Decimal("38.89"), Decimal("22.91") + Decimal("28.35")
    assert at_125 + at_175 == worked[cost["project_id"]]["billable_hours"]
    spent = by_project(recorded("expenses/projects"))[cost["project_id"]]
    assert spent["total_amount"] > spent["billable_amount"]
    assert cost["budget_spent"] == 125 * at_125 + 175 * at_175 + spent["total_amount"]


# An account of the same shape, its reports worked out on paper.

NAMES = {
    "amber": (7_001, "[A] Amber"), "birch": (7_002, "[A] Birch"), "firm": (7_003, "Firm"), "house": (7_004, "Users"),
    "fixed": (8_001, "Fee"), "own": (8_002, "Own"), "retainer": (8_003, "Month"), "materials": (8_004, "Rates"),
    "first": (8_005, "First"), "idle": (8_006, "Idle"),
    "ann": (9_001, "Ann"), "ben": (9_002, "Ben"), "cat": (9_003, "Cat"), "dan": (9_004, "Dan"),
    "development": (6_001, "Development"), "design": (6_002, "Design"), "marketing": (6_003, "Marketing"),
    "programming": (6_004, "Programming"), "management": (6_005, "Management"),
    "meals": (5_001, "Meals"), "lodging": (5_002, "Lodging"), "travel": (5_003, "Travel"),
}  # fmt: skip
BY_HAND = Sample(
    labels=NAMES,
    codes={"fixed": "A", "own": "A", "first": "F"},
    work=[
        ("fixed", "ann", "design", "3.00"),
        ("fixed", "cat", "management", "2.00"),
        ("fixed", "dan", "development", "1.50"),
        ("retainer", "ann", "programming", "4.25"),
        ("retainer", "cat", "development", "0.75"),
        ("materials", "ben", "marketing", "6.10"),
        ("materials", "dan", "management", "1.00"),
        ("materials", "ben", "development", "0.90"),
        ("own", "cat", "marketing", "5.00"),
        ("first", "owner", "programming", "8.00"),
    ],
    spent=[
        ("fixed", "ann", "meals", "51", True),
        ("fixed", "dan", "travel", "174", False),
        ("retainer", "dan", "meals", "238", True),
        ("own", "ben", "travel", "142", True),
        ("materials", "cat", "meals", "23", True),
        ("materials", "ben", "lodging", "200", False),
    ],
    fee=900,
    retainer_budget=1_000,
    own_budget=160,
    people_budgets={"dan": 33, "ben": 117},
)
# By project: hours, open hours, open expenses, amount. 4.25 x 125 = 531.25; 6.10 x 125 + 1.00 x 175 = 937.50.
LEFT_BY_HAND = {
    "Fee": ("6.5", "5", "51", "-100"),
    "Month": ("5", "4.25", "238", "769.25"),
    "Rates": ("8", "7.1", "23", "960.5"),
    "First": ("8", "0", "0", "0"),
    "Idle": ("0", "0", "0", "0"),
}
# Budget and spent: 3.00 x 125 + 2.00 x 175 + 51 + 174 = 950.
BUDGETS_BY_HAND = {"Fee": ("900", "950"), "Own": ("160", "5"), "Month": ("1000", "0"), "Rates": ("150", "8")}
# Project reports put the code first. Hours, billable hours, money without fixed fees; all expenses, billable ones.
TIME_BY_HAND = {
    "[A] Fee": ("6.5", "5", "0"),
    "[A] Own": ("5", "0", "0"),
    "[F] First": ("8", "8", "80"),
    "Month": ("5", "4.25", "531.25"),
    "Rates": ("8", "7.1", "937.5"),
}
SPENT_BY_HAND = {
    "[A] Fee": ("225", "51"),
    "[A] Own": ("142", "142"),
    "Month": ("238", "238"),
    "Rates": ("223", "23"),
}


def stated(rows: list[Row], *names: str) -> dict[str, tuple[Decimal, ...]]:
    return {row["project_name"]: tuple(Decimal(row[name]) for name in names) for row in rows}


def exactly(expected: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[Decimal, ...]]:
    return {name: tuple(map(Decimal, values)) for name, values in expected.items()}


def test_the_simulators_reports_are_those_worked_out_by_hand_and_in_the_recorded_order() -> None:
    simulator = simulated(BY_HAND)
    left = simulator.report_truth("report_uninvoiced", YEAR.first, YEAR.last)
    assert stated(left, *NUMBERS) == exactly(LEFT_BY_HAND)
    assert [row["project_name"] for row in left] == list(LEFT_BY_HAND)
    later = simulator.report_truth("report_uninvoiced", LATER.first, LATER.last)
    idle = dict.fromkeys(LEFT_BY_HAND, ("0", "0", "0", "0")) | {"Fee": ("0", "0", "0", "-100")}
    assert stated(later, *NUMBERS) == exactly(idle)
    budgets = simulator.report_truth("report_project_budget")
    assert stated(budgets, "budget", "budget_spent") == exactly(BUDGETS_BY_HAND)
    assert [row["project_name"] for row in budgets] == list(BUDGETS_BY_HAND)
    time = simulator.report_truth("report_time_projects", YEAR.first, YEAR.last)
    assert stated(time, "total_hours", "billable_hours", "billable_amount") == exactly(TIME_BY_HAND)
    assert [row["project_name"] for row in time] == list(TIME_BY_HAND)
    spent = simulator.report_truth("report_expenses_projects", YEAR.first, YEAR.last)
    assert stated(spent, "total_amount", "billable_amount") == exactly(SPENT_BY_HAND)


@pytest.fixture
def warehouse(tmp_path: Path) -> Target:
    return Target(tmp_path)


def loaded(simulator: Simulator, url: str, warehouse: Target) -> Account:
    account = Account(simulator, url, warehouse.folder)
    client = account.client(requests_per_15_s=0, report_requests_per_15_min=0)
    load(warehouse, client.settings, client=client)
    return account


def test_our_figures_are_those_worked_out_by_hand_and_agree_with_the_simulators(warehouse: Target) -> None:
    simulator = simulated(BY_HAND)
    with simulator.serving() as url:
        account = loaded(simulator, url, warehouse)
        with open_database(warehouse) as database:
            sums = local_totals(database, simulator.account_id, YEAR.first, YEAR.last)
        for path, window, expected, measures in (
            (UNINVOICED, YEAR, LEFT_BY_HAND, NUMBERS),
            (BUDGET, LAST_DAY, BUDGETS_BY_HAND, ("budget", "budget_spent")),
        ):
            ours = {
                (one.subject, one.measure): next(iter(one.ours.values()))
                for one in figures(sums, REPORTS[path], window, [])
            }
            wanted = {
                (name, measure): value
                for name, values in exactly(expected).items()
                for measure, value in zip(measures, values, strict=True)
                # A project that is idle is a zero, whether it is listed or not.
                if any(values)
            }
            assert {place: value for place, value in ours.items() if place[1] in measures} == wanted
        client = account.client(requests_per_15_s=0, report_requests_per_15_min=0)
        report = verify(warehouse, client.settings, client=client)
    assert report.is_proven, report.differing[:5]


# The recorded account made again. What people did on which project and task follows from the recorded sums: hours sold at
# 125 and at 175 from the hours and the money of each project, task and person (125 a + 175 b = money, a + b = hours).


def recorded_sample() -> Sample:
    """The recorded account, names and ids from the recording."""
    fixed, retainer, materials, first, idle = recorded(UNINVOICED, YEAR)
    (own,) = [row for row in recorded(BUDGET) if row["project_id"] not in by_project(recorded(UNINVOICED, YEAR))]
    projects = dict(
        zip(
            ("fixed", "own", "retainer", "materials", "first", "idle"),
            (fixed, own, retainer, materials, first, idle),
            strict=True,
        )
    )
    codes = {}
    for row in recorded("time/projects"):
        (role,) = [role for role, project in projects.items() if project["project_id"] == row["project_id"]]
        if found := re.fullmatch(r"\[(.*?)\] .*", row["project_name"]):
            codes[role] = found[1]
    records = [(line["stream"], line["data"]) for line in lines(RECORD_LINES)]
    team = [row for stream, row in records if stream == "time_team"]
    (other,) = {row["id"] for stream, row in records if stream == "users"} - {row["user_id"] for row in team}
    entertainment, lodging, meals = (row for stream, row in records if stream == "expenses_categories")
    labels: dict[str, Label] = {
        **{role: (row["project_id"], row["project_name"]) for role, row in projects.items()},
        **{
            client: (projects[role]["client_id"], projects[role]["client_name"])
            for client, role in (("amber", "fixed"), ("birch", "retainer"), ("firm", "first"), ("house", "idle"))
        },
        **{
            role: (row["task_id"], row["task_name"])
            for role, row in zip(
                ("development", "design", "marketing", "programming", "management"), recorded("time/tasks"), strict=True
            )
        },
        **{role: (row["user_id"], row["user_name"]) for role, row in zip(("ann", "ben", "cat"), team, strict=True)},
        "dan": (other, "The fourth"),
        **{
            role: (row["expense_category_id"], row["expense_category_name"])
            for role, row in (("entertainment", entertainment), ("lodging", lodging), ("meals", meals))
        },
        "travel": (meals["expense_category_id"] + 2, "Transportation"),
    }
    budgets = by_project(recorded(BUDGET))
    amounts = {role: int(budgets[projects[role]["project_id"]]["budget"]) for role in ("fixed", "retainer", "own")}
    return Sample(
        labels,
        codes,
        RECORDED_WORK,
        RECORDED_EXPENSES,
        amounts["fixed"],
        amounts["retainer"],
        amounts["own"],
        {"ann": 39, "ben": 39, "cat": 39, "dan": 33},
    )


RECORDED_WORK = [
    # Sold: of the fixed fee 39.95 + 38.89 at 125 and 22.91 + 28.35 at 175.
    ("fixed", "ann", "design", "17.38"),
    ("fixed", "ann", "marketing", "22.57"),
    ("fixed", "ben", "marketing", "34.68"),
    ("fixed", "ben", "programming", "4.21"),
    ("fixed", "cat", "programming", "8.49"),
    ("fixed", "cat", "management", "14.42"),
    ("fixed", "dan", "management", "28.35"),
    # Of the retainer 91.22 at 125 and 51.77 at 175.
    ("retainer", "ann", "design", "28.77"),
    ("retainer", "ann", "programming", "30.67"),
    ("retainer", "ann", "marketing", "30.38"),
    ("retainer", "ben", "marketing", "1.40"),
    ("retainer", "cat", "marketing", "51.77"),
    # Of time and materials 90.83 at 125 and 51.87 at 175.
    ("materials", "ben", "marketing", "34.55"),
    ("materials", "ben", "management", "56.28"),
    ("materials", "cat", "marketing", "1.54"),
    ("materials", "dan", "marketing", "10.31"),
    ("materials", "dan", "management", "40.02"),
    ("first", "owner", "design", "0.01"),
    ("first", "owner", "programming", "8.00"),
    # Not sold.
    ("fixed", "ann", "development", "32.46"),
    ("fixed", "ben", "development", "3.42"),
    ("retainer", "ben", "development", "17.42"),
    ("materials", "ben", "development", "4.72"),
    ("materials", "cat", "development", "18.79"),
    ("own", "cat", "development", "35.79"),
    ("own", "cat", "design", "1.97"),
    ("own", "cat", "programming", "11.35"),
    ("own", "cat", "marketing", "10.47"),
    ("own", "dan", "marketing", "36.79"),
    ("own", "dan", "management", "44.60"),
]
RECORDED_EXPENSES = [
    ("fixed", "ann", "meals", "51", True),
    ("fixed", "ben", "meals", "30", True),
    ("fixed", "dan", "travel", "84", True),
    ("fixed", "dan", "travel", "174", False),
    ("retainer", "ann", "entertainment", "58", True),
    ("retainer", "dan", "meals", "157", True),
    ("retainer", "dan", "travel", "23", True),
    ("own", "ben", "travel", "142", True),
    ("materials", "cat", "meals", "23", True),
    ("materials", "ben", "lodging", "200", False),
]


@needs_recordings
def test_the_simulator_answers_the_recorded_reports_where_its_account_is_the_recorded_one() -> None:
    """Rows, order and numbers; and whether a number has a fraction."""
    simulator = simulated(recorded_sample())
    with simulator.serving() as url:
        client = Account(simulator, url, Path()).client()
        for line in lines(REPORT_LINES):
            window = {} if line["report"] == BUDGET else {"from": line["from"], "to": line["to"]}
            body = client.page(f"reports/{line['report']}", "results", window).body
            answered = json.loads(body, parse_float=Decimal)["results"]
            # The recording leaves out some names.
            shown = [
                {name: row[name] for name in stated} for row, stated in zip(answered, line["results"], strict=True)
            ]
            assert spelt(shown) == spelt(line["results"]), line["report"]
        for path in ("time/team", "expenses/team", "expenses/categories", "expenses/clients"):
            rows = [line["data"] for line in lines(RECORD_LINES) if line["stream"] == path.replace("/", "_")]
            assert rows
            query = {"from": YEAR.first.isoformat(), "to": YEAR.last.isoformat()}
            answered = json.loads(client.page(f"reports/{path}", "results", query).body, parse_float=Decimal)["results"]
            left_out = ("from", "to", "avatar_url")
            wanted = [{name: value for name, value in row.items() if name not in left_out} for row in rows]
            found = [{name: row[name] for name in wanted[0]} for row in answered]
            assert spelt([row for row in found if row in wanted]) == spelt(wanted), path


def spelt(rows: list[Row]) -> list[dict[str, str]]:
    return [{name: repr(value) for name, value in row.items()} for row in rows]


@pytest.fixture(scope="module")
def recorded_copy(tmp_path_factory: pytest.TempPathFactory) -> Target:
    """The recorded account, loaded."""
    folder = tmp_path_factory.mktemp("recorded")
    warehouse = Target(folder, pipelines_dir=folder / "pipelines")
    simulator = simulated(recorded_sample())
    with simulator.serving() as url:
        loaded(simulator, url, warehouse)
    return warehouse


@needs_recordings
def test_our_figures_agree_with_each_recorded_report(recorded_copy: Target) -> None:
    compared = []
    for line in lines(REPORT_LINES):
        # By client is no report that is compared; by project it is asked for with the money of fixed fees.
        if line["report"] in ("time/clients", "time/projects"):
            continue
        window = LAST_DAY
        if line["report"] != BUDGET:
            window = Window(date.fromisoformat(line["from"]), date.fromisoformat(line["to"]))
        with open_database(recorded_copy) as database:
            sums = local_totals(database, "123456", window.first, window.last)
        body = json.dumps({"results": line["results"]}, default=float).encode()
        compared += figures(sums, REPORTS[line["report"]], window, their_rows(REPORTS[line["report"]], body))
    judged, _ = judge(compared)
    assert {one.verdict for one in judged} == {"exact"}, [one for one in judged if one.verdict != "exact"][:5]
    assert {one.figure.report for one in judged} == {UNINVOICED, BUDGET, "time/tasks", "expenses/projects"}


@needs_recordings
def test_the_marts_say_of_budgets_and_unbilled_work_what_the_recorded_reports_say(recorded_copy: Target) -> None:
    build(recorded_copy, MartSettings(), as_of=LAST_DAY.first)
    with open_database(recorded_copy) as database:
        budgets = database.rows(
            f"select project_id, budget, budget_spent, budget_remaining from {MARTS}.mart_project_budget"
        )
        # Expenses beside a fee have a figure of their own in Harvest's report.
        unbilled = database.rows(
            f"""select project_id, sum(case when project_type = 'fixed_fee' then uninvoiced_amount - expense_amount
            else uninvoiced_amount end) from {MARTS}.mart_unbilled group by project_id"""
        )
        expenses = database.rows(
            f"select project_id, sum(expense_amount) from {MARTS}.mart_unbilled group by project_id"
        )
    assert sorted(budgets) == sorted(
        (row["project_id"], row["budget"], row["budget_spent"], row["budget_remaining"]) for row in recorded(BUDGET)
    )
    # All of it was in the first year.
    left = {row["project_id"]: row["uninvoiced_amount"] for row in recorded(UNINVOICED, YEAR)}
    assert dict(unbilled) == {project_id: amount for project_id, amount in left.items() if amount}
    spent = {row["project_id"]: row["uninvoiced_expenses"] for row in recorded(UNINVOICED, YEAR)}
    assert {project_id: amount for project_id, amount in expenses if amount} == {
        project_id: amount for project_id, amount in spent.items() if amount
    }
