"""Each fault does to the client what it says, and only to the requests that it was set for."""

import http.client
import socket
import zlib
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from harvest_simulator import Fault, Simulator
from harvest_simulator.faults.malice import gzip_bomb


@pytest.fixture
def sim() -> Simulator:
    return Simulator(size="tiny", enforce_limits=False)


@pytest.fixture
def url(sim: Simulator) -> Iterator[str]:
    with sim.serving() as url:
        yield url


def get(sim: Simulator, address: str) -> requests.Response:
    return requests.get(address, headers=sim.headers, timeout=10)


def spoiled(sim: Simulator, url: str, kind: Fault, path: str = "clients") -> requests.Response:
    """The answer under the fault; the one after it is right again."""
    sim.faults.at({"path": f"/v2/{path}"}, kind)
    answer = get(sim, f"{url}/{path}")
    assert get(sim, f"{url}/{path}").json() == sim_answer(sim, url, path)
    return answer


def sim_answer(sim: Simulator, url: str, path: str) -> Any:
    return get(sim, f"{url}/{path}").json()


@pytest.mark.parametrize(
    ("kind", "status", "retry_after"),
    [
        (Fault.RATE_LIMITED, 429, "2"),
        (Fault.RATE_LIMITED_BARE, 429, None),
        (Fault.SERVER_ERROR, 500, None),
        (Fault.BAD_GATEWAY, 502, None),
        (Fault.UNAVAILABLE, 503, "5"),
        (Fault.UNAUTHORIZED, 401, None),
        (Fault.FORBIDDEN, 403, None),
        (Fault.NOT_FOUND, 404, None),
    ],
)
def test_a_refusing_fault_answers_with_its_status(
    sim: Simulator, url: str, kind: Fault, status: int, retry_after: str | None
) -> None:
    answer = spoiled(sim, url, kind)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (status, retry_after)
    assert sim.requests[0].status == status


def test_a_bare_429_has_an_empty_web_page_for_a_body(sim: Simulator, url: str) -> None:
    answer = spoiled(sim, url, Fault.RATE_LIMITED_BARE)
    assert answer.content == b""
    assert answer.headers["Content-Type"].startswith("text/html")


def test_retry_after_may_be_a_date_two_seconds_from_now(sim: Simulator, url: str) -> None:
    answer = spoiled(sim, url, Fault.RATE_LIMITED_DATE)
    until, sent = (parsedate_to_datetime(answer.headers[name]) for name in ("Retry-After", "Date"))
    assert (until - sent).total_seconds() == 2


def test_errors_of_the_server_are_web_pages(sim: Simulator, url: str) -> None:
    assert spoiled(sim, url, Fault.SERVER_ERROR).text.startswith("<!DOCTYPE html>")


def test_a_web_page_may_come_with_status_200(sim: Simulator, url: str) -> None:
    answer = spoiled(sim, url, Fault.HTML_200)
    assert answer.status_code == 200
    assert "<html>" in answer.text


def test_a_reset_connection_gives_no_answer(sim: Simulator, url: str) -> None:
    sim.faults.at({"path": "/v2/clients"}, Fault.RESET)
    with pytest.raises(requests.ConnectionError):
        get(sim, f"{url}/clients")
    assert sim.requests[0].status == 0
    assert get(sim, f"{url}/clients").status_code == 200


def test_a_short_body_holds_less_than_was_announced(sim: Simulator, url: str) -> None:
    sim.faults.at({"path": "/v2/clients"}, Fault.SHORT_BODY)
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("GET", "/v2/clients", headers=sim.headers)
    with pytest.raises(http.client.IncompleteRead):
        connection.getresponse().read()


def test_truncated_json_has_the_announced_length_and_cannot_be_read(sim: Simulator, url: str) -> None:
    answer = spoiled(sim, url, Fault.TRUNCATED_JSON)
    assert len(answer.content) == int(answer.headers["Content-Length"])
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_a_slow_answer_is_right_and_takes_thirty_seconds_of_the_clock(sim: Simulator, url: str) -> None:
    assert spoiled(sim, url, Fault.SLOW).json() == sim_answer(sim, url, "clients")
    assert sim.clock.monotonic() == 30


def test_a_link_may_lead_to_another_host_or_back_to_its_own_page(sim: Simulator, url: str) -> None:
    foreign = spoiled(sim, url, Fault.FOREIGN_LINK).json()["links"]["next"]
    assert urlsplit(foreign).netloc != urlsplit(url).netloc
    assert spoiled(sim, url, Fault.LOOPING_LINK).json()["links"]["next"] == f"{url}/clients"


def test_every_record_may_carry_a_new_scalar_and_a_new_object(sim: Simulator, url: str) -> None:
    right = sim_answer(sim, url, "clients")["clients"]
    rows = spoiled(sim, url, Fault.UNKNOWN_FIELD).json()["clients"]
    assert len(rows) == len(right)
    for row, known in zip(rows, right, strict=True):
        assert {key: type(row[key]) for key in row.keys() - known.keys()} == {
            "brand_new_flag": str,
            "brand_new_object": dict,
        }


def test_one_record_may_have_a_text_for_a_number_garbage_for_a_date_and_a_list_for_an_object(
    sim: Simulator, url: str
) -> None:
    right = sim_answer(sim, url, "time_entries")["time_entries"]
    rows = spoiled(sim, url, Fault.ODD_TYPE, "time_entries").json()["time_entries"]
    assert rows[1:] == right[1:]
    odd = {key: (right[0][key], rows[0][key]) for key in rows[0] if rows[0][key] != right[0][key]}
    assert odd.keys() == {"hours", "spent_date", "user"}
    assert (odd["hours"][1], odd["spent_date"][1], odd["user"][1]) == ("about twelve", "someday", [1, 2])


def test_a_gateway_may_repeat_the_token_among_control_characters(sim: Simulator, url: str) -> None:
    answer = spoiled(sim, url, Fault.TELLTALE)
    assert answer.status_code == 400
    assert f"Bearer {sim.access_token}" in answer.json()["message"]
    assert "\x1b[2J" in answer.json()["message"]


@pytest.mark.parametrize(("kind", "at_once"), [(Fault.TRICKLE, True), (Fault.TRICKLING_HEAD, False)])
def test_an_answer_may_trickle_for_four_hundred_seconds_and_never_end(
    sim: Simulator, url: str, kind: Fault, at_once: bool
) -> None:
    sim.faults.at({"path": "/v2/clients"}, kind)
    place = urlsplit(url)
    head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": place.netloc, **sim.headers}.items())
    with socket.create_connection((str(place.hostname), place.port or 0), timeout=10) as connection:
        connection.sendall(f"GET /v2/clients HTTP/1.1\r\n{head}\r\n".encode())
        received = b""

        def trickled() -> bytes:
            return received.partition(b"\r\n\r\n")[2] if at_once else received

        while len(trickled()) < 400:
            received += connection.recv(1_000)
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    assert len(trickled()) == 400
    # The last second may still be to come.
    assert sim.clock.monotonic() in (399, 400)
    assert sim_answer(sim, url, "clients")


def test_half_a_gigabyte_may_come_packed_into_half_a_megabyte() -> None:
    assert len(gzip_bomb()) < 1 << 20
    left, size = gzip_bomb(), 0
    while left:
        unpacker = zlib.decompressobj(31)
        size += len(unpacker.decompress(left))
        left = unpacker.unused_data
    assert size == 512 << 20


@pytest.mark.parametrize(
    ("kind", "days"), [(Fault.CLOCK_AHEAD, 1), (Fault.CLOCK_BEHIND, -1), (Fault.ODD_DATE, None), (Fault.SLOW, 0)]
)
def test_a_right_answer_may_be_dated_wrong(sim: Simulator, url: str, kind: Fault, days: int | None) -> None:
    answer = spoiled(sim, url, kind)
    assert answer.json() == sim_answer(sim, url, "clients")
    at = parsedate_to_datetime(answer.headers["Date"])
    assert (at.year == 9999) if days is None else ((at - sim.clock.now()).days == days)


def test_a_list_may_go_on_for_ever_without_rows_or_with_the_same(sim: Simulator, url: str) -> None:
    for kind, is_empty in ((Fault.ENDLESS_LINK, True), (Fault.ENDLESS_ROWS, False)):
        sim.faults.at({"path": "/v2/clients"}, kind, times=3)
        seen = [f"{url}/clients?per_page=2000"]
        for _ in range(3):
            page = get(sim, seen[-1]).json()
            assert (page["clients"] == []) == is_empty
            seen.append(page["links"]["next"])
        assert len(set(seen)) == 4
    assert spoiled(sim, url, Fault.HUGE_TOTAL).json()["total_entries"] == 10**11


def test_records_may_hold_what_harvest_never_sent(sim: Simulator, url: str) -> None:
    right = sim_answer(sim, url, "time_entries")["time_entries"]

    def odd(kind: Fault) -> list[dict[str, Any]]:
        rows = spoiled(sim, url, kind, "time_entries").json()["time_entries"]
        assert len(rows) == len(right)
        kept = rows if kind is not Fault.ODD_YEARS else []
        for row, known in zip(kept, right, strict=False):
            assert {key: row[key] for key in known if not isinstance(known[key], dict)} == {
                key: value for key, value in known.items() if not isinstance(value, dict)
            }
        return rows

    assert {len(row) for row in odd(Fault.MANY_FIELDS)} == {len(right[0]) + 2_000}
    assert all({"", " ", "..."} <= row.keys() and max(map(len, row)) == 10_000 for row in odd(Fault.STRANGE_NAMES))
    assert {len(str(row["huge"])) for row in odd(Fault.HUGE_NUMBER)} == {400}
    assert {row["spent_date"][:4] for row in odd(Fault.ODD_YEARS)} == {"0202"}
    alike = odd(Fault.NAMES_ALIKE)
    assert all(row["client"]["name"] != row["client"]["Name"] == "alike" for row in alike)
    assert all(row["CLIENT"] == {"id": "alike"} and row["client__id"] == "alike" for row in alike)
    lines = spoiled(sim, url, Fault.NAMES_ALIKE, "invoices").json()["invoices"][0]["line_items"]
    assert all(line["kind"] != line["Kind"] == "alike" for line in lines)


def test_faults_hit_as_often_as_they_were_set_and_from_the_nth_request_on(sim: Simulator, url: str) -> None:
    sim.faults.at({"path": "/v2/clients", "nth": 2}, Fault.SERVER_ERROR, times=2)
    assert [get(sim, f"{url}/clients").status_code for _ in range(5)] == [200, 500, 500, 200, 200]
    assert get(sim, f"{url}/users").status_code == 200


def test_a_fault_may_be_set_by_a_function_of_the_request(sim: Simulator, url: str) -> None:
    sim.faults.at(lambda request: request.query.get("page") == "2", Fault.FORBIDDEN)
    assert get(sim, f"{url}/clients?page=1").status_code == 200
    assert get(sim, f"{url}/clients?page=2").status_code == 403


def test_a_fault_may_be_set_by_a_pattern_and_a_query(sim: Simulator, url: str) -> None:
    sim.faults.at({"path": "reports/time/*", "query": {"from": "20260101"}}, Fault.NOT_FOUND, times=9)
    assert get(sim, f"{url}/reports/time/team?from=20260102&to=20260301").status_code == 200
    assert get(sim, f"{url}/reports/time/team?from=20260101&to=20260301").status_code == 404
    with pytest.raises(ValueError, match="matcher"):
        sim.faults.at({"pth": "x"}, Fault.NOT_FOUND)


def test_the_account_may_change_between_the_first_page_and_the_second(sim: Simulator, url: str) -> None:
    victim = sim.truth()["time_entries"][0]["id"]
    sim.faults.between_pages("/v2/time_entries", lambda: sim.store.delete_time_entry(victim))
    first = get(sim, f"{url}/time_entries?per_page=100").json()
    second = get(sim, first["links"]["next"]).json()
    assert first["total_entries"] == second["total_entries"] + 1
    assert victim in {row["id"] for row in first["time_entries"]}
    # Everything moved up by one: a row fell between the two pages.
    whole = [row["id"] for row in sim.truth()["time_entries"]]
    seen = {row["id"] for row in (*first["time_entries"], *second["time_entries"])}
    assert len(set(whole[:199]) - seen) == 1


def test_a_storm_hits_the_same_requests_for_the_same_seed_and_ends_with_calm() -> None:
    seen = []
    for _ in range(2):
        sim = Simulator(size="tiny", enforce_limits=False)
        sim.faults.random(0.4, seed=3, kinds=(Fault.SERVER_ERROR, Fault.RATE_LIMITED))
        with sim.serving() as url:
            stormy = [get(sim, f"{url}/roles").status_code for _ in range(60)]
            sim.faults.clear()
            calm = {get(sim, f"{url}/roles").status_code for _ in range(20)}
        assert {200, 429, 500} == set(stormy)
        assert 12 < sum(status != 200 for status in stormy) < 40
        assert calm == {200}
        seen.append(stormy)
    assert seen[0] == seen[1]


def test_faults_are_among_the_requests_with_the_status_that_was_sent(sim: Simulator, url: str) -> None:
    sim.faults.at({"path": "/v2/clients"}, Fault.BAD_GATEWAY)
    get(sim, f"{url}/clients")
    get(sim, f"{url}/clients")
    assert [(request.path, request.status) for request in sim.requests] == [("/v2/clients", 502), ("/v2/clients", 200)]
