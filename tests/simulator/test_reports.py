"""The reports say what follows from the rows, recomputed here from the truth alone."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
import requests

from harvest_simulator import Simulator

FIRST, LAST = date(2025, 4, 1), date(2026, 3, 16)


@pytest.fixture(scope="module")
def sim() -> Simulator:
    return Simulator(size="small", seed=11, enforce_limits=False)


@pytest.fixture(scope="module")
def url(sim: Simulator) -> Iterator[str]:
    with sim.serving() as url:
        yield url


@pytest.fixture(scope="module")
def truth(sim: Simulator) -> dict[str, list[dict[str, Any]]]:
    return sim.truth()


def cents(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def inside(row: dict[str, Any]) -> bool:
    return FIRST <= date.fromisoformat(row["spent_date"]) <= LAST


def read(sim: Simulator, url: str, path: str, **query: Any) -> list[dict[str, Any]]:
    query = {"from": FIRST.strftime("%Y%m%d"), "to": LAST.isoformat(), **query}
    answer = requests.get(f"{url}/reports/{path}", params=query, headers=sim.headers, timeout=10)
    assert answer.status_code == 200, answer.text
    return list(answer.json(parse_float=Decimal)["results"])


@pytest.mark.parametrize("include_fixed_fee", [False, True])
@pytest.mark.parametrize(
    ("subject", "key", "member"),
    [
        ("clients", "client_id", "client"),
        ("projects", "project_id", "project"),
        ("tasks", "task_id", "task"),
        ("team", "user_id", "user"),
    ],
)
def test_time_reports_are_sums_of_entries_by_subject_and_currency(
    sim: Simulator, url: str, truth: dict[str, Any], subject: str, key: str, member: str, include_fixed_fee: bool
) -> None:
    fixed = {row["id"] for row in truth["projects"] if row["is_fixed_fee"]}
    sums: dict[Any, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
    for row in filter(inside, truth["time_entries"]):
        total, billable, money = sums[row[member]["id"], row["client"]["currency"]]
        hours, rate = row["rounded_hours"], row["billable_rate"] or 0
        if row["billable"]:
            billable += hours
            if include_fixed_fee or row["project"]["id"] not in fixed:
                money += hours * rate
        sums[row[member]["id"], row["client"]["currency"]] = [total + hours, billable, money]
    rows = read(sim, url, f"time/{subject}", include_fixed_fee=str(include_fixed_fee).lower())
    assert {
        (row[key], row["currency"]): [row["total_hours"], row["billable_hours"], row["billable_amount"]] for row in rows
    } == {place: [cents(value) for value in values] for place, values in sums.items()}
    assert len(rows) == len(sums)
    assert rows == sim.report_truth(f"report_time_{subject}", FIRST, LAST, include_fixed_fee)


@pytest.mark.parametrize(
    ("subject", "key", "member"),
    [
        ("clients", "client_id", "client"),
        ("projects", "project_id", "project"),
        ("categories", "expense_category_id", "expense_category"),
        ("team", "user_id", "user"),
    ],
)
def test_expense_reports_are_sums_of_expenses_by_subject_and_currency(
    sim: Simulator, url: str, truth: dict[str, Any], subject: str, key: str, member: str
) -> None:
    sums: dict[Any, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 2)
    for row in filter(inside, truth["expenses"]):
        place = sums[row[member]["id"], row["client"]["currency"]]
        place[0] += row["total_cost"]
        place[1] += row["total_cost"] if row["billable"] else 0
    rows = read(sim, url, f"expenses/{subject}")
    assert {(r[key], r["currency"]): [r["total_amount"], r["billable_amount"]] for r in rows} == sums
    assert len(rows) == len(sums)


def billed_by_project(truth: dict[str, Any]) -> dict[int, Decimal]:
    billed: dict[int, Decimal] = defaultdict(Decimal)
    for invoice in truth["invoices"]:
        for line in invoice["line_items"]:
            if line["project"]:
                billed[line["project"]["id"]] += line["amount"]
    return billed


@pytest.mark.parametrize("include_fixed_fee", [False, True])
def test_the_uninvoiced_report_is_what_no_invoice_holds(
    sim: Simulator, url: str, truth: dict[str, Any], include_fixed_fee: bool
) -> None:
    billed = billed_by_project(truth)
    seen: dict[int, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 4)
    for row in filter(inside, truth["time_entries"]):
        place = seen[row["project"]["id"]]
        place[0] += row["rounded_hours"]
        if row["billable"] and not row["is_billed"]:
            place[1] += row["rounded_hours"]
            place[3] += row["rounded_hours"] * (row["billable_rate"] or 0)
    for row in filter(inside, truth["expenses"]):
        place = seen[row["project"]["id"]]
        if row["billable"] and not row["is_billed"]:
            place[2] += row["total_cost"]
            place[3] += row["total_cost"]
    listed = {}
    for project in filter(lambda project: project["is_billable"], truth["projects"]):
        listed[project["id"]] = seen[project["id"]]
        if project["is_fixed_fee"]:
            starts_on = project["starts_on"] or project["created_at"][:10]
            has_fee = include_fixed_fee and starts_on <= LAST.isoformat()
            listed[project["id"]][3] = project["fee"] - billed[project["id"]] if has_fee else Decimal(0)
    rows = read(sim, url, "uninvoiced", include_fixed_fee=str(include_fixed_fee).lower())
    names = ("total_hours", "uninvoiced_hours", "uninvoiced_expenses", "uninvoiced_amount")
    assert {row["project_id"]: [row[name] for name in names] for row in rows} == {
        project_id: [cents(value) for value in values] for project_id, values in listed.items()
    }
    assert any(row["uninvoiced_amount"] > 0 for row in rows)
    assert any(row["uninvoiced_amount"] < 0 for row in rows) is include_fixed_fee, "more was invoiced than the fee"
    assert any(row["total_hours"] == 0 for row in rows), "idle"
    assert seen.keys() - listed.keys(), "work of one's own"


def test_the_budget_report_counts_what_is_budgeted_in_the_unit_of_the_budget(
    sim: Simulator, url: str, truth: dict[str, Any]
) -> None:
    def is_counted(row: dict[str, Any], project: dict[str, Any]) -> bool:
        return not project["budget_is_monthly"] or row["spent_date"] >= "2026-03-01"

    expected = {}
    for project in truth["projects"]:
        if project["budget_by"] == "none":
            continue
        own = [r for r in truth["time_entries"] if r["project"]["id"] == project["id"] and is_counted(r, project)]
        hours = sum((row["rounded_hours"] for row in own if row["budgeted"]), Decimal(0))
        money = sum((r["rounded_hours"] * (r["billable_rate"] or 0) for r in own if r["budgeted"]), Decimal(0))
        if project["cost_budget_include_expenses"]:
            money += sum(
                row["total_cost"]
                for row in truth["expenses"]
                if row["project"]["id"] == project["id"] and is_counted(row, project)
            )
        by_task = [
            r["budget"] for r in truth["task_assignments"] if r["project"]["id"] == project["id"] and r["budget"]
        ]
        by_user = [
            r["budget"] for r in truth["user_assignments"] if r["project"]["id"] == project["id"] and r["budget"]
        ]
        budget, spent = {
            "project": (project["budget"], hours),
            "project_cost": (project["cost_budget"], money),
            "task": (sum(by_task), hours),
            "task_fees": (sum(by_task), money),
            "person": (sum(by_user), hours),
        }[project["budget_by"]]
        expected[project["id"]] = (budget, cents(spent), budget - cents(spent))
    answer = requests.get(f"{url}/reports/project_budget", headers=sim.headers, timeout=10)
    rows = answer.json(parse_float=Decimal)["results"]
    assert {r["project_id"]: (r["budget"], r["budget_spent"], r["budget_remaining"]) for r in rows} == expected
    active = requests.get(f"{url}/reports/project_budget?is_active=true", headers=sim.headers, timeout=10).json()
    assert 0 < len(active["results"]) < len(rows)
    assert all(row["is_active"] for row in active["results"])


def test_only_project_reports_of_time_and_expenses_put_the_code_before_the_name(
    sim: Simulator, url: str, truth: dict[str, Any]
) -> None:
    plain = {row["id"]: row["name"] for row in truth["projects"]}
    coded = {r["id"]: f"[{r['code']}] {r['name']}" if r["code"] else r["name"] for r in truth["projects"]}
    assert plain != coded
    for path in ("time/projects", "expenses/projects"):
        assert all(row["project_name"] == coded[row["project_id"]] for row in read(sim, url, path))
    for path in ("uninvoiced", "project_budget"):
        assert all(row["project_name"] == plain[row["project_id"]] for row in read(sim, url, path))


@pytest.mark.parametrize(
    "window",
    [
        {},
        {"from": "2026-01-01"},
        {"from": "2026-02-01", "to": "2026-01-31"},
        {"from": "2025-03-15", "to": "2026-03-16"},
        {"from": "2024-01-01", "to": "2025-01-01"},
        {"from": "2026-03-17", "to": "2026-04-01"},
        {"from": "tomorrow", "to": "2026-03-01"},
    ],
    ids=["none", "no end", "backwards", "366 days apart", "a leap year and a day", "the future", "no date"],
)
@pytest.mark.parametrize("path", ["time/clients", "expenses/team", "uninvoiced"])
def test_a_window_that_is_missing_wrong_or_too_long_is_refused_with_422(
    sim: Simulator, url: str, path: str, window: dict[str, str]
) -> None:
    answer = requests.get(f"{url}/reports/{path}", params=window, headers=sim.headers, timeout=10)
    assert answer.status_code == 422
    assert answer.json()["message"]


def test_a_window_of_days_365_apart_is_answered(sim: Simulator, url: str) -> None:
    assert read(sim, url, "time/clients", **{"from": "2025-03-16", "to": "2026-03-16"})


def test_reports_page_like_page_lists(sim: Simulator, url: str) -> None:
    query = "from=20260101&to=20260316&per_page=2"
    page = requests.get(f"{url}/reports/time/team?{query}", headers=sim.headers, timeout=10).json()
    rows = page["results"]
    while page["links"]["next"]:
        assert "from=20260101" in page["links"]["next"]
        page = requests.get(page["links"]["next"], headers=sim.headers, timeout=10).json()
        rows += page["results"]
    whole = requests.get(f"{url}/reports/time/team?from=20260101&to=20260316", headers=sim.headers, timeout=10).json()
    assert rows == whole["results"]


def test_a_new_rounding_rule_changes_rounded_hours_of_all_history_and_the_reports_but_no_updated_at() -> None:
    sim = Simulator(size="tiny")
    before = {row["id"]: row for row in sim.truth()["time_entries"]}
    report = sim.report_truth("report_time_clients", date(2026, 1, 1), date(2026, 3, 1))
    sim.set_rounding("nearest", 30)
    after = {row["id"]: row for row in sim.truth()["time_entries"]}
    assert {i: r["updated_at"] for i, r in after.items()} == {i: r["updated_at"] for i, r in before.items()}
    assert {i: r["hours"] for i, r in after.items()} == {i: r["hours"] for i, r in before.items()}
    assert any(after[i]["rounded_hours"] != before[i]["rounded_hours"] for i in after)
    assert all(row["rounded_hours"] * 2 == int(row["rounded_hours"] * 2) for row in after.values())
    assert sim.report_truth("report_time_clients", date(2026, 1, 1), date(2026, 3, 1)) != report


@pytest.mark.parametrize(
    ("mode", "minutes", "hours", "rounded"),
    [
        ("up", 15, "0.26", "0.5"),
        ("nearest", 15, "0.36", "0.25"),
        ("nearest", 15, "0.38", "0.5"),
        ("down", 30, "0.99", "0.5"),
        ("up", 6, "1.0", "1.0"),
        ("up", 5, "0.01", "0.08"),
        ("nearest", 0, "0.37", "0.37"),
    ],
)
def test_hours_are_rounded_entry_by_entry(mode: Any, minutes: int, hours: str, rounded: str) -> None:
    sim = Simulator(size="tiny")
    entry_id = sim.store.create_time_entry(hours=hours)
    sim.set_rounding(mode, minutes)
    row = next(row for row in sim.truth()["time_entries"] if row["id"] == entry_id)
    assert (row["hours"], row["rounded_hours"]) == (Decimal(hours), Decimal(rounded))
