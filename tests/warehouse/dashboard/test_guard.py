"""Who is answered by a dashboard's server: the guard, before an app that would answer everybody."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from harvest_time_tracking import SettingWrong
from harvest_warehouse.dashboard.serve.access import KEY, PROXY_HEADER, VARIABLE_KEY, Access
from harvest_warehouse.dashboard.serve.guard import Guard
from harvest_warehouse.dashboard.serve.launch import Server, user_server
from support.servers import free_port

THE_KEY = "a-key-of-some-length"
LOCAL = Access("127.0.0.1", 2718, THE_KEY)
OPEN = Access("0.0.0.0", 2718, THE_KEY)
PROXIED = Access("127.0.0.1", 2718, None, "a-secret-of-some-length")
COOKIE = ("cookie", f"other=1; dlt_harvest_2718={THE_KEY}")


async def _everybody(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": b"figures"})


def asked(access: Access, *headers: tuple[str, str], path: str = "/", query: str = "", kind: str = "http") -> list[Any]:
    """What the server sends for a request with these headers."""
    scope = {
        "type": kind,
        "method": "GET",
        "path": path,
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }
    sent: list[Any] = []

    async def receive() -> dict[str, str]:
        return {"type": f"{kind}.connect" if kind == "websocket" else "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Guard(_everybody, access)(scope, receive, send))
    return sent


def status(access: Access, *headers: tuple[str, str], **request: str) -> int:
    return int(asked(access, *headers, **request)[0]["status"])


def shown(answer: list[Any]) -> str:
    return b"".join(message.get("body", b"") for message in answer).decode()


def headers_of(answer: list[Any]) -> dict[str, str]:
    return {name.decode().lower(): value.decode() for name, value in answer[0]["headers"]}


HOST = ("host", "127.0.0.1:2718")


@pytest.mark.parametrize("host", ["127.0.0.1:2718", "localhost:2718", "LOCALHOST:2718", "[::1]:2718"])
def test_the_browser_that_has_the_key_is_answered_by_each_name_of_this_machine(host: str) -> None:
    assert status(LOCAL, ("host", host), COOKIE) == 200
    assert status(LOCAL, ("host", host), COOKIE, ("origin", f"http://{host}")) == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:2718", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:2719", "x@127.0.0.1:2718", "", "["],
)
def test_another_name_that_leads_here_is_not_answered(host: str) -> None:
    answer = asked(LOCAL, ("host", host), COOKIE)
    assert answer[0]["status"] == 403
    assert "figures" not in shown(answer)


def test_two_hosts_or_none_are_not_answered() -> None:
    assert status(LOCAL, HOST, ("host", "evil.example"), COOKIE) == 403
    assert status(LOCAL, COOKIE) == 403


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "http://127.0.0.1:2719",
        "https://127.0.0.1:2718",
        "http://localhost:2718",
        "file://",
        "x",
    ],
)
def test_the_page_of_another_origin_is_not_answered_though_the_cookie_comes_along(origin: str) -> None:
    assert status(LOCAL, HOST, COOKIE, ("origin", origin)) == 403


def test_no_websocket_is_opened_whoever_asks() -> None:
    own = ("origin", "http://127.0.0.1:2718")
    assert [message["type"] for message in asked(LOCAL, HOST, own, COOKIE, path="/ws", kind="websocket")] == [
        "websocket.close"
    ]


@pytest.mark.parametrize("path", ["/", "/margin", "/margin.xlsx", "/rows/time", "/static/1/app.js"])
def test_whoever_has_no_key_or_a_wrong_one_is_told_how_to_get_in_on_every_path(path: str) -> None:
    for headers in ([], [("cookie", "dlt_harvest_2718=wrong")], [("cookie", "dlt_harvest_2719=" + THE_KEY)]):
        answer = asked(LOCAL, HOST, *headers, path=path)
        assert answer[0]["status"] == 403
        assert "<code>dlt-harvest show</code>" in shown(answer)
    assert status(LOCAL, HOST, path=path, query=f"{KEY}=wrong") == 403
    assert status(LOCAL, HOST, path=path, query=f"{KEY}=") == 403


def test_the_key_in_the_address_becomes_a_cookie_and_leaves_the_address() -> None:
    answer = asked(LOCAL, HOST, path="/people", query=f"client=1&{KEY}={THE_KEY}&client=2")
    assert answer[0]["status"] == 303
    told = headers_of(answer)
    assert told["location"] == "/people?client=1&client=2"
    assert told["set-cookie"] == f"dlt_harvest_2718={THE_KEY}; HttpOnly; Path=/; SameSite=lax"


def test_a_wrong_key_beside_a_good_cookie_is_no_way_to_change_the_cookie() -> None:
    answer = asked(LOCAL, HOST, COOKIE, query=f"{KEY}=wrong")
    assert answer[0]["status"] == 303
    assert "set-cookie" not in headers_of(answer)


@pytest.mark.parametrize("others", ["a[b]=1", 'x="', "{}=1; é=2", "dlt_harvest_2718=an-old-one", "dlt_harvest_27=x"])
def test_cookies_of_other_servers_on_this_machine_keep_nobody_out(others: str) -> None:
    assert status(LOCAL, HOST, ("cookie", f"{others}; dlt_harvest_2718={THE_KEY}")) == 200
    assert status(LOCAL, HOST, ("cookie", others)) == 403


def test_the_key_opens_no_way_to_another_server() -> None:
    answer = asked(LOCAL, HOST, path="//evil.example/x", query=f"{KEY}={THE_KEY}")
    assert headers_of(answer)["location"] == "/evil.example/x"
    assert headers_of(answer)["referrer-policy"] == "no-referrer"


def test_a_second_origin_is_looked_at_too() -> None:
    assert status(LOCAL, HOST, COOKIE, ("origin", "http://127.0.0.1:2718"), ("origin", "http://evil.example")) == 403


def test_every_answer_says_that_nothing_comes_from_another_host_and_that_no_word_of_a_page_is_a_script() -> None:
    for answer in (asked(LOCAL, HOST, COOKIE), asked(LOCAL, HOST), asked(LOCAL, HOST, query=f"{KEY}={THE_KEY}")):
        policy = headers_of(answer)["content-security-policy"]
        rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split("; ")}
        assert rules == {
            "default-src": ["'none'"],
            "script-src": ["'self'"],
            "style-src": ["'self'"],
            "img-src": ["'self'", "data:"],
            "connect-src": ["'self'"],
            "base-uri": ["'none'"],
            "form-action": ["'self'"],
            "frame-ancestors": ["'none'"],
        }
        assert headers_of(answer)["x-content-type-options"] == "nosniff"


def test_on_all_addresses_any_name_is_answered_that_has_the_key_and_asks_for_itself() -> None:
    host = ("host", "reports.acme.example:2718")
    assert status(OPEN, host, COOKIE, ("origin", "http://reports.acme.example:2718")) == 200
    assert status(OPEN, host, COOKIE, ("origin", "http://evil.example:2718")) == 403
    assert status(OPEN, host) == 403


def test_behind_a_proxy_its_secret_is_what_counts() -> None:
    host = ("host", "reports.acme.example")
    good, own = (PROXY_HEADER, "a-secret-of-some-length"), ("origin", "https://reports.acme.example")
    assert status(PROXIED, host, (good[0].lower(), good[1]), own) == 200
    assert status(PROXIED, host, own) == 403
    assert status(PROXIED, host, (good[0].lower(), "guessed"), own) == 403
    assert status(PROXIED, host, COOKIE, own) == 403
    assert status(PROXIED, host, (good[0].lower(), good[1]), ("origin", "https://evil.example")) == 403
    # A proxy that says another name to the server, and the browser's in X-Forwarded-Host.
    forwarded = ("x-forwarded-host", "reports.acme.example")
    assert status(PROXIED, ("host", "127.0.0.1:2718"), forwarded, (good[0].lower(), good[1]), own) == 200
    assert status(LOCAL, HOST, COOKIE, forwarded, own) == 403


def test_a_dashboard_for_others_needs_a_key_or_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE_KEY, raising=False)
    with pytest.raises(SettingWrong, match="--token"):
        user_server("0.0.0.0", free_port())
    assert user_server("0.0.0.0", free_port(), needs_token=True).access.key
    monkeypatch.setenv("DLT_HARVEST_PROXY_SECRET", "a-secret-of-some-length")
    behind = user_server("0.0.0.0", free_port()).access
    assert behind.key is None
    assert behind.proxy_secret == "a-secret-of-some-length"


def test_each_server_has_a_key_of_its_own_unless_one_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE_KEY, raising=False)
    keys = {user_server("127.0.0.1", free_port()).access.key for _ in range(3)}
    assert len(keys) == 3
    assert all(len(str(key)) >= 40 for key in keys)
    monkeypatch.setenv(VARIABLE_KEY, THE_KEY)
    assert user_server("127.0.0.1", free_port()).access.key == THE_KEY
    with pytest.raises(SettingWrong, match="16"):
        Server(key="short")
