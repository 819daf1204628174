"""Each filter of a list gives exactly the rows that it names."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import requests

from harvest_simulator import Simulator

TODAY = date(2026, 3, 16)


@pytest.fixture(scope="module")
def sim() -> Simulator:
    return Simulator(size="tiny", enforce_limits=False)


@pytest.fixture(scope="module")
def url(sim: Simulator) -> Iterator[str]:
    with sim.serving() as url:
        yield url


@pytest.fixture
def own() -> Simulator:
    """A simulator of the test's own, to change as it likes."""
    return Simulator(size="tiny")


def get(sim: Simulator, address: str, **query: Any) -> requests.Response:
    return requests.get(address, params=query, headers=sim.headers, timeout=10)


FILTERS = [
    ("time_entries", "user_id", lambda row: row["user"]["id"]),
    ("time_entries", "client_id", lambda row: row["client"]["id"]),
    ("time_entries", "project_id", lambda row: row["project"]["id"]),
    ("time_entries", "task_id", lambda row: row["task"]["id"]),
    ("time_entries", "is_billed", lambda row: row["is_billed"]),
    ("time_entries", "is_running", lambda row: row["is_running"]),
    ("time_entries", "approval_status", lambda row: row["approval_status"]),
    ("time_entries", "external_reference_id", lambda row: (row["external_reference"] or {}).get("id")),
    ("expenses", "user_id", lambda row: row["user"]["id"]),
    ("expenses", "client_id", lambda row: row["client"]["id"]),
    ("expenses", "project_id", lambda row: row["project"]["id"]),
    ("expenses", "is_billed", lambda row: row["is_billed"]),
    ("expenses", "approval_status", lambda row: row["approval_status"]),
    ("invoices", "client_id", lambda row: row["client"]["id"]),
    ("invoices", "state", lambda row: row["state"]),
    ("estimates", "client_id", lambda row: row["client"]["id"]),
    ("estimates", "state", lambda row: row["state"]),
    ("projects", "client_id", lambda row: row["client"]["id"]),
    ("projects", "is_active", lambda row: row["is_active"]),
    ("clients", "is_active", lambda row: row["is_active"]),
    ("users", "is_active", lambda row: row["is_active"]),
    ("tasks", "is_active", lambda row: row["is_active"]),
    ("expense_categories", "is_active", lambda row: row["is_active"]),
    ("contacts", "client_id", lambda row: row["client"]["id"]),
    ("user_assignments", "user_id", lambda row: row["user"]["id"]),
    ("user_assignments", "is_active", lambda row: row["is_active"]),
]


@pytest.mark.parametrize(
    ("name", "parameter", "value_of"), FILTERS, ids=lambda part: part if isinstance(part, str) else ""
)
def test_a_filter_gives_exactly_the_rows_that_have_the_value(
    sim: Simulator, url: str, name: str, parameter: str, value_of: Any
) -> None:
    rows = sim.truth()[name]
    values = {value_of(row) for row in rows} - {None}
    assert len(values) > 1 or (parameter == "is_active" and name == "user_assignments")
    for value in values:
        wanted = {row["id"] for row in rows if value_of(row) == value}
        sent = str(value).lower() if isinstance(value, bool) else value
        assert {row["id"] for row in get(sim, f"{url}/{name}", **{parameter: sent}).json()[name]} == wanted


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("time_entries", "spent_date"),
        ("expenses", "spent_date"),
        ("invoices", "issue_date"),
        ("estimates", "issue_date"),
    ],
)
def test_from_and_to_hold_both_ends(sim: Simulator, url: str, name: str, key: str) -> None:
    rows = sim.truth()[name]
    days = sorted({row[key] for row in rows})
    first, last = days[1], days[-2]
    got = get(sim, f"{url}/{name}", **{"from": first, "to": last}).json()[name]
    assert {row[key] for row in got} >= {first, last}
    assert {row["id"] for row in got} == {row["id"] for row in rows if first <= row[key] <= last}


@pytest.mark.parametrize(
    "name",
    [
        "clients",
        "contacts",
        "users",
        "projects",
        "tasks",
        "time_entries",
        "expenses",
        "invoices",
        "estimates",
        "user_assignments",
        "task_assignments",
        "expense_categories",
        "invoice_item_categories",
        "estimate_item_categories",
    ],
)
def test_updated_since_holds_its_own_instant(sim: Simulator, url: str, name: str) -> None:
    rows = sim.truth()[name]
    instants = sorted(row["updated_at"] for row in rows)
    since = instants[len(instants) // 2]
    got = {row["id"] for row in get(sim, f"{url}/{name}", updated_since=since).json()[name]}
    assert got == {row["id"] for row in rows if row["updated_at"] >= since}
    assert any(row["updated_at"] == since for row in rows if row["id"] in got)


def test_roles_do_not_know_updated_since(sim: Simulator, url: str) -> None:
    body = get(sim, f"{url}/roles", updated_since="2099-01-01T00:00:00Z").json()
    assert body["total_entries"] == len(sim.truth()["roles"])


def test_a_filter_that_cannot_be_read_is_refused_with_422(sim: Simulator, url: str) -> None:
    assert get(sim, f"{url}/time_entries", updated_since="yesterday").status_code == 422
    assert get(sim, f"{url}/invoices", state="lost").status_code == 422


def test_a_project_of_a_line_filters_invoices(sim: Simulator, url: str) -> None:
    rows = sim.truth()["invoices"]
    project_id = next(line["project"]["id"] for row in rows for line in row["line_items"] if line["project"])
    wanted = {r["id"] for r in rows if any((ln["project"] or {}).get("id") == project_id for ln in r["line_items"])}
    assert {row["id"] for row in get(sim, f"{url}/invoices", project_id=project_id).json()["invoices"]} == wanted
