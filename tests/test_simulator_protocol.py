"""Paging, filters, limits, refusals and permissions are those that Harvest's behaviour file describes."""

import http.client
import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from harvest_simulator import Clock, Simulator

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


def follow(sim: Simulator, address: str, data_key: str, **query: Any) -> list[dict[str, Any]]:
    """All pages, by links.next alone."""
    pages = [get(sim, address, **query).json()]
    while pages[-1]["links"]["next"]:
        pages.append(get(sim, pages[-1]["links"]["next"]).json())
    return [{**page, "rows": page.pop(data_key)} for page in pages]


@pytest.mark.parametrize("name", ["clients", "user_assignments", "task_assignments", "projects", "tasks"])
def test_a_cursor_list_gives_every_row_once_and_no_page_numbers_after_the_first(
    sim: Simulator, url: str, name: str
) -> None:
    pages = follow(sim, f"{url}/{name}", name, per_page=2)
    seen = [row["id"] for page in pages for row in page["rows"]]
    assert sorted(seen) == sorted(row["id"] for row in sim.truth()[name])
    assert (pages[0]["page"], pages[0]["next_page"], pages[0]["previous_page"]) == (1, 2, None)
    assert {(p["page"], p["next_page"], p["previous_page"]) for p in pages[1:]} == {(None, None, None)}
    assert {page["total_entries"] for page in pages} == {len(seen)}


@pytest.mark.parametrize("name", ["time_entries", "expenses", "invoices", "estimates"])
def test_a_page_list_gives_every_row_once_and_counts_its_pages(sim: Simulator, url: str, name: str) -> None:
    pages = follow(sim, f"{url}/{name}", name, per_page=5)
    assert [page["page"] for page in pages] == list(range(1, len(pages) + 1))
    assert [page["next_page"] for page in pages] == [*range(2, len(pages) + 1), None]
    seen = [row["id"] for page in pages for row in page["rows"]]
    assert sorted(seen) == sorted(row["id"] for row in sim.truth()[name])
    assert all("cursor=" not in (page["links"]["next"] or "") for page in pages)


def test_links_lead_back_to_the_host_that_was_asked_and_keep_the_filters(sim: Simulator, url: str) -> None:
    body = get(sim, f"{url}/clients", per_page=1, is_active="true").json()
    link = urlsplit(body["links"]["next"])
    query = parse_qs(link.query)
    assert f"{link.scheme}://{link.netloc}{link.path}" == f"{url}/clients"
    assert query["is_active"] == ["true"]
    assert query["per_page"] == ["1"]
    assert query["ref"] == ["next_cursor"]
    assert query["cursor"]
    assert "page" not in query
    assert urlsplit(body["links"]["last"]).query.startswith("is_active=true&page=")


def test_a_cursor_beats_a_page_number(sim: Simulator, url: str) -> None:
    link = get(sim, f"{url}/clients", per_page=1).json()["links"]["next"]
    assert get(sim, link + "&page=1").json()["clients"] == get(sim, link).json()["clients"]


def test_page_numbers_still_answer_on_cursor_lists(sim: Simulator, url: str) -> None:
    first = get(sim, f"{url}/clients", per_page=2).json()
    second = get(sim, f"{url}/clients", per_page=2, page=2).json()
    assert second["clients"] == get(sim, first["links"]["next"]).json()["clients"]
    assert (second["page"], second["previous_page"]) == (2, 1)


def test_a_row_that_arrives_while_a_cursor_list_is_read_neither_repeats_nor_hides_another(own: Simulator) -> None:
    before = {row["id"] for row in own.truth()["clients"]}
    with own.serving() as url:
        first = get(own, f"{url}/clients", per_page=2).json()
        own.store.create_client("Newcomer")
        rest = get(own, first["links"]["next"].replace("per_page=2", "per_page=2000")).json()
    seen = [row["id"] for row in (*first["clients"], *rest["clients"])]
    assert sorted(seen) == sorted(before)


def test_a_page_list_shifts_when_a_row_arrives_while_it_is_read(own: Simulator) -> None:
    with own.serving() as url:
        first = get(own, f"{url}/time_entries", per_page=50).json()
        own.store.create_time_entry(spent_date=TODAY)
        second = get(own, first["links"]["next"]).json()
    repeated = {row["id"] for row in first["time_entries"]} & {row["id"] for row in second["time_entries"]}
    assert len(repeated) == 1


def test_an_empty_answer_has_one_page_and_no_entries(sim: Simulator, url: str) -> None:
    body = get(sim, f"{url}/time_entries", user_id=1).json()
    assert (body["time_entries"], body["total_entries"], body["total_pages"]) == ([], 0, 1)


def test_a_page_beyond_the_last_is_empty(sim: Simulator, url: str) -> None:
    body = get(sim, f"{url}/time_entries", page=9_999).json()
    assert body["time_entries"] == []
    assert body["links"]["next"] is None


@pytest.mark.parametrize("per_page", ["0", "2001", "many"])
def test_per_page_must_be_from_1_to_2000(sim: Simulator, url: str, per_page: str) -> None:
    answer = get(sim, f"{url}/clients", per_page=per_page)
    assert answer.status_code == 422
    assert answer.json()["message"]


def test_the_default_page_holds_2000_rows(sim: Simulator, url: str) -> None:
    assert get(sim, f"{url}/time_entries").json()["per_page"] == 2_000


def test_time_entries_come_by_day_latest_first_in_an_order_inside_the_day_that_means_nothing(
    sim: Simulator, url: str
) -> None:
    rows = get(sim, f"{url}/time_entries").json()["time_entries"]
    days = [row["spent_date"] for row in rows]
    assert days == sorted(days, reverse=True)
    for key in ("id", "created_at"):
        by_day: dict[str, list[Any]] = {}
        for row in rows:
            by_day.setdefault(row["spent_date"], []).append(row[key])
        assert any(values != sorted(values) and values != sorted(values, reverse=True) for values in by_day.values())
    assert rows == get(sim, f"{url}/time_entries").json()["time_entries"]


@pytest.mark.parametrize(
    ("name", "key"), [("invoices", "issue_date"), ("estimates", "issue_date"), ("expenses", "spent_date")]
)
def test_dated_lists_come_latest_first(sim: Simulator, url: str, name: str, key: str) -> None:
    values = [row[key] for row in get(sim, f"{url}/{name}").json()[name]]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("name", ["clients", "projects", "users", "task_assignments"])
def test_other_lists_come_newest_first(sim: Simulator, url: str, name: str) -> None:
    values = [row["created_at"] for row in get(sim, f"{url}/{name}").json()[name]]
    assert values == sorted(values, reverse=True)


def test_rates_come_by_start_date_the_one_without_a_start_first(sim: Simulator, url: str) -> None:
    user_id = next(r["user_id"] for r in sim.truth()["user_billable_rates"] if r["start_date"])
    starts = [r["start_date"] for r in get(sim, f"{url}/users/{user_id}/billable_rates").json()["billable_rates"]]
    assert starts[0] is None
    assert starts[1:] == sorted(starts[1:])
    assert len(starts) > 1


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


def test_the_hundred_and_first_request_in_15_seconds_is_told_how_long_to_wait(own: Simulator) -> None:
    with own.serving() as url:
        statuses = []
        for _ in range(100):
            statuses.append(get(own, f"{url}/users/me").status_code)
            own.clock.sleep(0.125)
        assert set(statuses) == {200}
        refused = get(own, f"{url}/users/me")
        assert refused.status_code == 429
        # 12.5 s are gone since the first: it leaves the window after 2.5 more.
        assert refused.headers["Retry-After"] == "3"
        own.clock.sleep(3)
        assert get(own, f"{url}/users/me").status_code == 200


def test_reports_have_a_limit_of_their_own_of_100_in_15_minutes(own: Simulator) -> None:
    with own.serving() as url:
        for _ in range(100):
            assert get(own, f"{url}/reports/project_budget").status_code == 200
            own.clock.sleep(1)
        refused = get(own, f"{url}/reports/project_budget")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "800")
        assert get(own, f"{url}/users/me").status_code == 200


def test_a_refused_request_does_not_lengthen_the_wait(own: Simulator) -> None:
    with own.serving() as url:
        for _ in range(130):
            get(own, f"{url}/users/me")
        own.clock.sleep(15)
        assert get(own, f"{url}/users/me").status_code == 200


def test_the_date_header_is_the_virtual_clock(own: Simulator) -> None:
    own.clock.sleep(3_600)
    with own.serving() as url:
        answer = get(own, f"{url}/company")
    assert parsedate_to_datetime(answer.headers["Date"]) == datetime(2026, 3, 16, 10, tzinfo=UTC)


def test_no_user_agent_is_refused_with_400(sim: Simulator, url: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    headers = {name: value for name, value in sim.headers.items() if name != "User-Agent"}
    connection.request("GET", "/v2/company", headers=headers)
    assert connection.getresponse().status == 400


def test_a_wrong_or_revoked_token_is_refused_with_401_and_a_challenge(own: Simulator) -> None:
    with own.serving() as url:
        wrong = requests.get(f"{url}/company", headers={**own.headers, "Authorization": "Bearer x"}, timeout=10)
        assert wrong.status_code == 401
        assert wrong.json()["error"] == "invalid_token"
        assert wrong.headers["WWW-Authenticate"].startswith("Bearer realm=")
        own.revoke_token()
        assert get(own, f"{url}/company").status_code == 401
        own.restore_token()
        assert get(own, f"{url}/company").status_code == 200


def test_a_wrong_account_is_not_found(sim: Simulator, url: str) -> None:
    answer = requests.get(f"{url}/company", headers={**sim.headers, "Harvest-Account-Id": "1"}, timeout=10)
    assert (answer.status_code, answer.json()) == (404, {"status": 404, "error": "Not Found"})


def test_the_accounts_of_a_token_need_no_account_header_and_hold_one_of_another_product(
    sim: Simulator, url: str
) -> None:
    headers = {name: value for name, value in sim.headers.items() if name != "Harvest-Account-Id"}
    body = requests.get(url.removesuffix("/v2") + "/api/v2/accounts", headers=headers, timeout=10).json()
    assert [account["product"] for account in body["accounts"]] == ["forecast", "harvest"]
    assert str(body["accounts"][1]["id"]) == sim.account_id


def test_an_unknown_id_is_json_and_an_unroutable_path_is_a_web_page(sim: Simulator, url: str) -> None:
    unknown = get(sim, f"{url}/projects/1")
    assert (unknown.status_code, unknown.json()) == (404, {"status": 404, "error": "Not Found"})
    nowhere = get(sim, f"{url}/nowhere")
    assert nowhere.status_code == 404
    assert nowhere.headers["Content-Type"].startswith("text/html")


def test_a_child_of_another_parent_is_not_found(sim: Simulator, url: str) -> None:
    first, second = sim.truth()["projects"][:2]
    row = next(r for r in sim.truth()["task_assignments"] if r["project"]["id"] == first["id"])
    assert get(sim, f"{url}/projects/{first['id']}/task_assignments/{row['id']}").status_code == 200
    assert get(sim, f"{url}/projects/{second['id']}/task_assignments/{row['id']}").status_code == 404


def test_teammates_of_someone_who_is_no_manager_are_refused_with_422(sim: Simulator, url: str) -> None:
    member = next(user for user in sim.truth()["users"] if user["access_roles"] == ["member"])
    assert get(sim, f"{url}/users/{member['id']}/teammates").status_code == 422


def test_paid_time_off_is_not_found_in_accounts_without_it(sim: Simulator, url: str) -> None:
    assert get(sim, f"{url}/pto/types").status_code == 404


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


def test_requests_are_kept_in_order_with_what_was_sent_and_answered(own: Simulator) -> None:
    with own.serving() as url:
        get(own, f"{url}/company")
        get(own, f"{url}/clients", per_page=3)
        get(own, f"{url}/nowhere")
    assert [(r.path, r.query, r.status) for r in own.requests] == [
        ("/v2/company", {}, 200),
        ("/v2/clients", {"per_page": "3"}, 200),
        ("/v2/nowhere", {}, 404),
    ]
    assert own.requests[0].headers["Harvest-Account-Id"] == own.account_id
    own.requests.clear()
    assert own.requests == []


def test_one_connection_serves_many_requests(sim: Simulator, url: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    for _ in range(3):
        connection.request("GET", "/v2/clients", headers=sim.headers)
        answer = connection.getresponse()
        body = answer.read()
        assert len(body) == int(answer.headers["Content-Length"])
        json.loads(body)


def test_many_clients_at_once_get_whole_answers(sim: Simulator, url: str) -> None:
    counts: list[int] = []

    def read() -> None:
        for _ in range(5):
            counts.append(len(get(sim, f"{url}/time_entries").json()["time_entries"]))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(counts) == {len(sim.truth()["time_entries"])}
    assert len(counts) == 40


def test_latency_is_waited_on_the_clock_by_the_size_of_the_answer() -> None:
    sim = Simulator(size="tiny", latency=(1.5, 0.2))
    with sim.serving() as url:
        get(sim, f"{url}/company")
        small = sim.clock.monotonic()
        rows = len(get(sim, f"{url}/time_entries").json()["time_entries"])
    assert 0.2 <= small < 0.21
    assert sim.clock.monotonic() - small == pytest.approx(0.2 + 1.3 * rows / 2_000)


def test_a_frozen_clock_moves_only_by_sleep_and_a_ticking_one_by_itself() -> None:
    start = datetime(2026, 3, 16, 9, tzinfo=UTC)
    frozen, ticking = Clock(start), Clock(start, is_ticking=True)
    assert frozen.now() == start
    frozen.sleep(90)
    assert frozen.now() == datetime(2026, 3, 16, 9, 1, 30, tzinfo=UTC)
    assert frozen.monotonic() == 90
    ticking.sleep(0.01)
    assert ticking.monotonic() >= 0.01
    assert ticking.now() > start
