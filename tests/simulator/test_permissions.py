"""Who asks decides what is seen: roles, rights, and the features of the company."""

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


def test_teammates_of_someone_who_is_no_manager_are_refused_with_422(sim: Simulator, url: str) -> None:
    member = next(user for user in sim.truth()["users"] if user["access_roles"] == ["member"])
    assert get(sim, f"{url}/users/{member['id']}/teammates").status_code == 422


@pytest.mark.parametrize(
    ("feature", "path"),
    [
        ("expense_feature", "expenses"),
        ("expense_feature", "expense_categories"),
        ("invoice_feature", "invoices"),
        ("invoice_feature", "invoice_item_categories"),
        ("invoice_feature", "reports/uninvoiced?from=2026-01-01&to=2026-02-01"),
        ("estimate_feature", "estimates"),
        ("estimate_feature", "estimate_item_categories"),
    ],
)
def test_what_a_company_has_switched_off_is_forbidden(own: Simulator, feature: str, path: str) -> None:
    with own.serving() as url:
        assert get(own, f"{url}/{path}").status_code == 200
        own.set_feature(feature, False)
        answer = get(own, f"{url}/{path}")
        assert (answer.status_code, answer.json()) == (403, {"message": "Not authorized!"})
        assert answer.headers["Hint"] == "Not authorized!"
        assert get(own, f"{url}/company").json()[feature] is False
        assert get(own, f"{url}/time_entries").status_code == 200


def test_a_member_sees_only_own_work_and_no_money(own: Simulator) -> None:
    own.as_role("member")
    with own.serving() as url:
        me = get(own, f"{url}/users/me").json()
        assert me["access_roles"] == ["member"]
        assert not {"default_hourly_rate", "cost_rate"} & me.keys()
        entries = get(own, f"{url}/time_entries").json()["time_entries"]
        assert {entry["user"]["id"] for entry in entries} == {me["id"]}
        assert len(entries) < len(own.truth()["time_entries"])
        assert {entry["billable_rate"] for entry in entries} | {entry["cost_rate"] for entry in entries} == {None}
        report = get(own, f"{url}/reports/time/projects?from=2026-01-01&to=2026-03-16").json()["results"]
        assert report
        assert not any({"currency", "billable_amount"} & row.keys() for row in report)


@pytest.mark.parametrize(
    "path",
    [
        "clients",
        "contacts",
        "users",
        "roles",
        "projects",
        "tasks",
        "user_assignments",
        "task_assignments",
        "invoices",
        "estimates",
        "expense_categories",
        "invoice_item_categories",
        "estimate_item_categories",
    ],
)
def test_lists_for_administrators_and_managers_are_forbidden_to_members(own: Simulator, path: str) -> None:
    own.as_role("member")
    with own.serving() as url:
        assert get(own, f"{url}/{path}").status_code == 403


@pytest.mark.parametrize(
    ("right", "path"),
    [
        ("managed_projects_invoice_drafter", "invoices"),
        ("managed_projects_invoice_manager", "invoices"),
        ("estimates_manager", "estimates"),
        ("client_and_task_manager", "clients"),
        ("client_and_task_manager", "tasks"),
    ],
)
def test_a_manager_needs_the_right_for_some_lists(own: Simulator, right: str, path: str) -> None:
    with own.serving() as url:
        own.as_role("manager")
        assert get(own, f"{url}/{path}").status_code == 403
        own.as_role("manager", (right,))
        assert get(own, f"{url}/{path}").status_code == 200


def test_a_manager_sees_teammates_and_managed_projects_only(own: Simulator) -> None:
    own.as_role("manager")
    truth = own.truth()
    manager = truth["users_me"][0]["id"]
    team = {row["id"] for row in truth["user_teammates"] if row["manager_user_id"] == manager} | {manager}
    managed = {
        r["project"]["id"] for r in truth["user_assignments"] if r["user"]["id"] == manager and r["is_project_manager"]
    }
    with own.serving() as url:
        users = get(own, f"{url}/users").json()["users"]
        assert {user["id"] for user in users} == team
        projects = get(own, f"{url}/projects").json()["projects"]
        assert {project["id"] for project in projects} == managed
        entries = get(own, f"{url}/time_entries").json()["time_entries"]
    wanted = {e["id"] for e in truth["time_entries"] if e["user"]["id"] in team or e["project"]["id"] in managed}
    assert {entry["id"] for entry in entries} == wanted
