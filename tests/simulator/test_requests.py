"""Refusals have Harvest's own bodies, connections stay open, and every request is on record."""

import http.client
import json
import threading
from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import urlsplit

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


def test_paid_time_off_is_not_found_in_accounts_without_it(sim: Simulator, url: str) -> None:
    assert get(sim, f"{url}/pto/types").status_code == 404


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
        counts.extend(len(get(sim, f"{url}/time_entries").json()["time_entries"]) for _ in range(5))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(counts) == {len(sim.truth()["time_entries"])}
    assert len(counts) == 40
