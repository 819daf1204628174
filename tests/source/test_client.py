"""The client, over real HTTP on loopback: what it sends, what it asks for again, and how fast."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import requests

from harvest_simulator import Fault, Simulator
from harvest_simulator.clock import Clock
from harvest_time_tracking import Client, HarvestError, Secret, Settings
from harvest_time_tracking.errors import ContractViolation, Forbidden, NotFound, RequestRefused, RetryableError
from harvest_time_tracking.http.client import Spent
from harvest_time_tracking.http.rate_limit import Stopped
from support.accounts import Account
from support.servers import NOW, TOKEN, Said, Waits, client_of, serving

OpenAccount = Callable[..., Account]


def test_each_request_says_who_asks_for_which_account_and_for_full_pages(open_account: OpenAccount) -> None:
    account = open_account(entries=4500)
    account.load()
    assert len(account.simulator.requests) > 60
    for request in account.simulator.requests:
        headers = {name.lower(): value for name, value in request.headers.items()}
        assert headers["authorization"] == "Bearer simulated-token"
        assert headers["harvest-account-id"] == "123456"
        assert headers["accept"] == "application/json"
        assert "python-requests" not in headers["user-agent"]
        assert "dlt-harvest" in headers["user-agent"]
        is_list = request.path not in ("/v2/company", "/v2/users/me")
        # From the second page on, those of lists with dates repeat a record or two of the page before.
        full = ("1999", "1998") if "page" in request.query else ("2000",)
        assert request.query.get("per_page") in (full if is_list else (None,)), request


def test_the_user_agent_is_the_users_own_where_one_is_given() -> None:
    with serving() as server:
        client_of(server.url, user_agent="Acme BI (data@acme.example)").page("company", None)
    assert server.asked[0][1]["User-Agent"] == "Acme BI (data@acme.example)"


@pytest.mark.parametrize("token", ["1234567.pt.A-b_c~d+e/f==", "1234567.at.eyJhbGciOi.J9-_", "x"])
def test_personal_and_oauth_tokens_are_sent_alike_and_unchanged(token: str) -> None:
    with serving() as server:
        client_of(server.url, token=token).page("company", None)
    assert server.asked[0][1]["Authorization"] == f"Bearer {token}"


def test_a_netrc_does_not_replace_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (".netrc", "_netrc"):
        netrc = tmp_path / name
        netrc.write_text("machine 127.0.0.1\nlogin somebody\npassword else\ndefault login any password other\n")
        netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with serving() as server:
        # The file is one that requests obeys: else this test would prove nothing.
        requests.get(server.url, headers={"Authorization": "Bearer x"}, timeout=10)
        client_of(server.url).page("company", None)
    assert server.asked[0][1]["Authorization"].startswith("Basic ")
    assert server.asked[1][1]["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with serving() as elsewhere, serving(Said(status, b"", {"Location": elsewhere.url})) as server:
        with pytest.raises(ContractViolation, match=str(status)):
            client_of(server.url).page("company", None)
        assert len(server.asked) == 1
        assert elsewhere.asked == []


def test_the_token_never_leaves_for_another_host_by_a_link() -> None:
    with serving() as elsewhere, serving() as server:
        host, other = server.url.removeprefix("http://"), elsewhere.url.removeprefix("http://")
        for link in (elsewhere.url, f"http://{other.removesuffix('/v2')}\\@{host}/clients"):
            with pytest.raises(HarvestError):
                client_of(server.url).page_at(link, "clients")
        assert elsewhere.asked == []


def test_a_link_is_followed_as_it_was_given() -> None:
    link = "/v2/clients?cursor=eyJhZnRlciI6eyJpZCI6MzAwN319&per_page=100&ref=next_cursor"
    with serving(Said(body=b'{"clients":[]}')) as server:
        client_of(server.url).page_at(server.url.removesuffix("/v2") + link, "clients")
    assert [path for path, _ in server.asked] == [link]


RETRYABLE = {
    "429 in seconds": (Said(429, b"", {"Retry-After": "7"}), [7.0]),
    "429 as a date": (Said(429, b"", {"Retry-After": "Mon, 16 Mar 2026 09:00:42 GMT"}), [42.0]),
    "429 without a word": (Said(429, b"<html>", {"Content-Type": "text/html"}), [15.0]),
    "429 now": (Said(429, b"", {"Retry-After": "0"}), []),
    "408": (Said(408), [1.0]),
    "500": (Said(500, b"<html>oops</html>"), [1.0]),
    "502": (Said(502), [1.0]),
    "503 in seconds": (Said(503, b"", {"Retry-After": "5"}), [5.0]),
    "504": (Said(504), [1.0]),
    "short body": (Said(200, b'{"a":', {"Content-Length": "100", "Connection": "close"}), [1.0]),
    "half of the JSON": (Said(200, b'{"clients":['), [1.0]),
    "a web page": (Said(200, b"<!DOCTYPE html>", {"Content-Type": "text/html"}), [1.0]),
    "nothing": (Said(200, b""), [1.0]),
    "a list": (Said(200, b"[]"), [1.0]),
    "no gzip": (Said(200, b"no gzip", {"Content-Encoding": "gzip"}), [1.0]),
    "short chunks": (Said(200, b"ff\r\n{", {"Transfer-Encoding": "chunked", "Connection": "close"}), [1.0]),
}


@pytest.mark.parametrize("what", RETRYABLE)
def test_what_passes_is_asked_for_again_after_the_right_wait(what: str) -> None:
    said, expected = RETRYABLE[what]
    waits, spent = Waits(), Spent()
    with serving(said, Said(body=b'{"id":1}')) as server:
        page = client_of(server.url, waits).page("company", None, spent=spent)
    assert page.records == [{"id": 1}]
    assert waits == expected
    assert len(server.asked) == 2
    assert (spent.requests, spent.retries) == (2, 1)


def test_a_reset_connection_is_asked_for_again() -> None:
    simulator = Simulator(size="tiny")
    waits, spent = Waits(), Spent()
    simulator.faults.at({"path": "company"}, Fault.RESET, times=2)
    with simulator.serving() as url:
        page = client_of(url, waits, simulator.access_token).page("company", None, spent=spent)
    assert page.records[0]["name"] == simulator.truth()["company"][0]["name"]
    assert waits == [1.0, 2.0]
    assert [request.status for request in simulator.requests] == [0, 0, 200]
    assert (spent.requests, spent.retries) == (3, 2)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RequestRefused),
        (401, HarvestError),
        (403, Forbidden),
        (404, NotFound),
        (422, RequestRefused),
    ],
)
def test_what_will_not_pass_is_asked_for_once(status: int, error: type[HarvestError]) -> None:
    waits, spent = Waits(), Spent()
    with serving(Said(status, b'{"message":"No."}', {"Retry-After": "1"})) as server:
        with pytest.raises(error, match=str(status)):
            client_of(server.url, waits).page("clients", "clients", spent=spent)
        assert len(server.asked) == 1
    assert waits == []
    assert (spent.requests, spent.retries) == (1, 0)


@pytest.mark.parametrize(
    ("said", "path", "expected"),
    [
        (Said(500), "clients", [1, 2, 4, 8, 16, 30, 30]),
        (Said(429), "clients", [15] * 7),
        (Said(429), "reports/time/team", [60, 120, 240, 480, 900, 900, 900]),
        (Said(429, b"", {"Retry-After": "9"}), "clients", [9] * 7),
        (Said(503, b"", {"Retry-After": "100000"}), "clients", [900] * 7),
    ],
)
def test_tries_and_waits_are_bounded(said: Said, path: str, expected: list[float]) -> None:
    waits, spent = Waits(), Spent()
    with serving(said) as server:
        with pytest.raises(RetryableError, match="Given up after 8 tries"):
            client_of(server.url, waits).page(path, "results", spent=spent)
        assert len(server.asked) == 8
    assert waits == expected
    assert (spent.requests, spent.retries) == (8, 7)


def test_where_nobody_listens_the_error_says_so_after_bounded_tries() -> None:
    with serving() as server:
        url = server.url
    waits = Waits()
    with pytest.raises(RetryableError, match=r"No good answer from http://127\.0\.0\.1.*Given up after 8 tries"):
        client_of(url, waits).page("clients", "clients")
    assert waits == [1, 2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize("header", ["nan", "inf", "-1", "soon"])
def test_no_retry_after_makes_a_client_fall_over(header: str) -> None:
    clock = Clock(NOW, is_ticking=False)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        assert 0 <= seconds <= 900
        waits.append(seconds)
        clock.sleep(seconds)

    with serving(Said(429, b"", {"Retry-After": header}), Said(503, b"", {"Retry-After": header}), Said()) as server:
        settings = Settings(Secret(TOKEN), "123456", server.url)
        client = Client(settings, sleep=sleep, monotonic=clock.monotonic, now=clock.now)
        assert client.page("company", None).records == [{}]
    assert len(server.asked) == 3


def statuses_of(simulator: Simulator, paths: Sequence[str]) -> Counter[int]:
    """Have a client's workers ask for all the paths at once, on the simulator's clock."""
    with simulator.serving() as url:
        account = Settings(Secret(simulator.access_token), simulator.account_id, url)
        clock = simulator.clock
        with Client(account, sleep=clock.sleep, monotonic=clock.monotonic, now=clock.now) as client:
            pages = [client.in_background(client.page, path, key, query) for path, key, query in map(asked_as, paths)]
            for page in pages:
                page.result(timeout=60)
    return Counter(request.status for request in simulator.requests)


def asked_as(path: str) -> tuple[str, str, dict[str, str]]:
    if path.startswith("reports/"):
        return path, "results", {"from": "20260101", "to": "20260131"}
    return path, path, {}


@pytest.mark.parametrize(("path", "at_least"), [("clients", 45.0), ("reports/time/team", 2700.0)])
def test_many_workers_never_make_a_strict_server_say_429(path: str, at_least: float) -> None:
    simulator = Simulator(size="tiny", enforce_limits=True)
    # 301 requests at 100 a window: three whole windows must pass before the last.
    assert statuses_of(simulator, [path] * 301) == {200: 301}
    assert at_least <= simulator.clock.monotonic()


def test_reports_and_the_rest_have_a_budget_each() -> None:
    simulator = Simulator(size="tiny", enforce_limits=True)
    assert statuses_of(simulator, ["clients", "reports/time/team"] * 100) == {200: 200}
    assert simulator.clock.monotonic() == 0


def test_one_workers_429_makes_all_wait() -> None:
    simulator = Simulator(size="tiny", enforce_limits=False)
    simulator.faults.at({"path": "clients", "nth": 20}, Fault.RATE_LIMITED)
    assert statuses_of(simulator, ["clients"] * 60) == {200: 60, 429: 1}
    refused_at = next(request.at for request in simulator.requests if request.status == 429)
    later = [request for request in simulator.requests if request.at > refused_at]
    assert min((request.at - refused_at).total_seconds() for request in later) >= 2
    # Only those that were under way already came in meanwhile: at most one for each other worker.
    assert len(simulator.requests) - len(later) <= 20 + 12


def test_two_clients_of_one_account_in_one_process_share_the_pace() -> None:
    with serving() as server:
        settings = Settings(Secret(TOKEN), "123456", server.url, requests_per_15_s=3)
        one, other, stranger = (
            Client(settings),
            Client(settings),
            Client(Settings(Secret(TOKEN), "654321", server.url, requests_per_15_s=3)),
        )
        for _ in range(3):
            one.page("company", None)
        waiting = other.in_background(other.page, "company", None)
        stranger.page("company", None)
        time.sleep(0.2)
        assert not waiting.done()
        assert len(server.asked) == 4
        # Closing lets the waiting one go soon, without asking.
        other.close()
        with pytest.raises(Stopped):
            waiting.result(timeout=5)
        assert len(server.asked) == 4
        one.close()
        stranger.close()


def test_zero_takes_the_pacing_off() -> None:
    waits = Waits()
    with serving() as server:
        client = client_of(server.url, waits, requests_per_15_s=0, report_requests_per_15_min=0)
        for _ in range(250):
            client.page("company", None)
            client.page("reports/time/team", None)
    assert waits == []


def test_a_count_costs_one_small_request() -> None:
    simulator = Simulator(size="tiny")
    with simulator.serving() as url:
        client = client_of(url, token=simulator.access_token)
        assert client.count("time_entries", {"is_running": "true"}) == 2
        assert client.count("company") is None
    assert [request.query for request in simulator.requests] == [
        {"is_running": "true", "per_page": "1"},
        {"per_page": "1"},
    ]


def test_links_that_go_round_in_a_circle_end_in_an_error(open_account: OpenAccount) -> None:
    account = open_account()
    account.simulator.faults.at({"path": "clients"}, Fault.LOOPING_LINK, times=50)
    with pytest.raises(Exception, match="circle"):
        account.load("clients")
    assert len(account.simulator.requests) <= 3


def test_links_that_go_to_and_fro_end_in_an_error(tmp_path: Path) -> None:
    with serving() as server:
        pages = [
            b'{"clients":[{"id":%d}],"links":{"next":"%s/clients?page=%d"}}' % (n, server.url.encode(), n)
            for n in (2, 3, 1)
        ]
        server.answers[:] = [Said(body=body) for body in pages * 10]
        account = Account(Simulator(empty=True), server.url, tmp_path)
        with pytest.raises(Exception, match="circle"):
            account.load("clients")
        assert len(server.asked) <= 5
