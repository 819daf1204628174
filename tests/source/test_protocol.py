"""How Harvest's answers are read: values in, values out."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from decimal import Decimal

import orjson
import pytest

from harvest_time_tracking.errors import (
    ContractViolation,
    Forbidden,
    HarvestError,
    NotFound,
    RequestRefused,
    RetryableError,
    TokenRejected,
)
from harvest_time_tracking.http.protocol import (
    Answer,
    check_link,
    limit_of,
    read_answer,
    read_document,
    read_page,
    wait_seconds,
)
from harvest_time_tracking.settings import Secret, Settings
from harvest_time_tracking.stream import ANY_ARRAY, Limit

BASE = "https://api.harvestapp.com/v2"
URL = f"{BASE}/clients"
NOW = datetime(2026, 3, 16, 9, tzinfo=UTC)
TOKEN = "7654321.pt.Zq8vWk3xNf6yRb1u"
SETTINGS = Settings(Secret(TOKEN), "123456")


def answered(status: int, body: bytes = b"", **headers: str) -> Answer:
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    answer = read_answer(status, named, body, URL, NOW, SETTINGS)
    read_document(answer)
    return answer


def said(document: object) -> Answer:
    return Answer(orjson.dumps(document))


def retried(status: int, body: bytes = b"", **headers: str) -> RetryableError:
    with pytest.raises(RetryableError) as caught:
        answered(status, body, **headers)
    return caught.value


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("2.5", 2.5),
        ("-3", 0.0),
        ("Mon, 16 Mar 2026 09:00:42 GMT", 42.0),
        ("Mon, 16 Mar 2026 10:00:42 +0100", 42.0),
        ("Mon, 16 Mar 2026 08:59:00 GMT", 0.0),
    ],
)
def test_retry_after_is_read_as_seconds_and_as_a_date(header: str, seconds: float) -> None:
    assert retried(429, retry_after=header).retry_after_seconds == seconds
    assert retried(503, retry_after=header).retry_after_seconds == seconds


@pytest.mark.parametrize("header", ["", "soon", "16 March", "Mon, 99 Mar 2026 09:00:42 GMT", "{}"])
def test_an_unreadable_retry_after_counts_as_none(header: str) -> None:
    assert retried(429, retry_after=header).retry_after_seconds is None


@pytest.mark.parametrize("header", ["nan", "inf", "1e999", "99999999999"])
@pytest.mark.parametrize("limit", ["general", "reports"])
def test_every_wait_is_a_number_of_seconds_up_to_fifteen_minutes(header: str, limit: Limit) -> None:
    seconds = wait_seconds(retried(429, retry_after=header), 1, limit)
    assert math.isfinite(seconds)
    assert 0 < seconds <= 900


def test_a_throttled_answer_is_told_from_a_failing_one() -> None:
    assert retried(429).is_throttled
    assert not retried(503).is_throttled


@pytest.mark.parametrize(
    ("limit", "waits"),
    [("general", [15, 15, 15, 15, 15, 15, 15]), ("reports", [60, 120, 240, 480, 900, 900, 900])],
)
def test_without_retry_after_a_throttled_client_waits_by_the_limit(limit: Limit, waits: list[int]) -> None:
    assert [wait_seconds(retried(429), tries, limit) for tries in range(1, 8)] == waits


def test_after_a_failure_waits_double_up_to_half_a_minute() -> None:
    assert [wait_seconds(retried(500), tries, "general") for tries in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]


def test_harvests_own_word_comes_before_the_rule_and_ends_at_fifteen_minutes() -> None:
    assert wait_seconds(retried(429, retry_after="3"), 5, "reports") == 3
    assert wait_seconds(retried(503, retry_after="3"), 5, "general") == 3
    assert wait_seconds(retried(429, retry_after="86400"), 1, "general") == 900


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RequestRefused),
        (401, TokenRejected),
        (403, Forbidden),
        (404, NotFound),
        (408, RetryableError),
        (422, RequestRefused),
        (429, RetryableError),
        (500, RetryableError),
        (502, RetryableError),
        (503, RetryableError),
        (504, RetryableError),
        (201, ContractViolation),
        (301, ContractViolation),
        (302, ContractViolation),
        (410, ContractViolation),
    ],
)
def test_each_status_means_one_kind_of_error(status: int, error: type[HarvestError]) -> None:
    with pytest.raises(HarvestError) as caught:
        answered(status)
    assert type(caught.value) is error
    assert "/v2/clients" in str(caught.value)
    assert str(status) in str(caught.value)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
@pytest.mark.parametrize(
    ("body", "headers", "words"),
    [
        (b'{"message":"Not authorized!"}', {}, "Not authorized!"),
        (b'{"error":"invalid_token","error_description":"The token is expired."}', {}, "The token is expired."),
        (b'{"status":404,"error":"Not Found"}', {}, "Not Found"),
        (b'{"message":"  ","error":"Not Found"}', {}, "Not Found"),
        (b"<html>no</html>", {"hint": "Ask your administrator"}, "Ask your administrator"),
        (b"", {"hint": "Ask your administrator"}, "Ask your administrator"),
        (b'{"message":["a list"]}', {}, "no reason"),
        (b"[1]", {}, "no reason"),
        (b"", {}, "no reason"),
    ],
)
def test_an_error_says_what_harvest_said(status: int, body: bytes, headers: dict[str, str], words: str) -> None:
    with pytest.raises(HarvestError, match=words):
        answered(status, body, **headers)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
@pytest.mark.parametrize("field", ["message", "error_description", "error", "Hint"])
def test_an_error_that_repeats_the_token_or_talks_to_terminals_is_said_in_plain_words(status: int, field: str) -> None:
    words = f"denied\n for Bearer {TOKEN}\x1b[2J, {'very ' * 200}sorry"
    body, headers = (b"", {"hint": words}) if field == "Hint" else (orjson.dumps({field: words}), {})
    with pytest.raises(HarvestError) as caught:
        answered(status, body, **headers)
    said = str(caught.value)
    assert "“denied for Bearer *** very very" in said
    assert TOKEN[8:] not in said
    assert said.isprintable()
    assert len(said.partition("“")[2].partition("”")[0]) == 300


def test_what_is_not_ours_in_the_address_of_a_page_or_in_its_keys_is_said_in_plain_words() -> None:
    url = f"{BASE}/clients/\x1b[2J{TOKEN}\u202e"
    with pytest.raises(RetryableError) as caught:
        read_answer(500, {}, b"", url, NOW, SETTINGS)
    assert str(caught.value) == "Harvest failed with 500 at /v2/clients/***."
    with pytest.raises(ContractViolation) as refused:
        read_page(said({"one\x1b[2J": [], "two\n": []}), ANY_ARRAY, BASE)
    assert str(refused.value).isprintable()
    with pytest.raises(ContractViolation) as elsewhere:
        check_link("https://bi:pass@word\\x@elsewhere.example/\x1b[2J", BASE)
    assert "word" not in str(elsewhere.value)
    assert str(elsewhere.value).isprintable()


@pytest.mark.parametrize("path", ["company", "users/me", "clients", "time_entries?page=2"])
def test_where_every_account_has_something_a_404_asks_whether_the_accounts_id_is_right(path: str) -> None:
    with pytest.raises(NotFound) as caught:
        read_answer(404, {}, b'{"status":404,"error":"Not Found"}', f"{BASE}/{path}", NOW, SETTINGS)
    assert str(caught.value) == (f"404 at /v2/{path.partition('?')[0]}: “Not Found”. Is 123456 the account's id?")


def test_a_404_for_one_row_says_nothing_of_the_account() -> None:
    with pytest.raises(NotFound) as caught:
        read_answer(404, {}, b"", f"{BASE}/invoices/7/payments", NOW, SETTINGS)
    assert str(caught.value) == "404 at /v2/invoices/7/payments: it gave no reason."


def test_a_rejected_token_comes_with_the_place_where_one_is_made() -> None:
    with pytest.raises(TokenRejected, match=r"https://id\.getharvest\.com/developers"):
        answered(401)


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><html></html>",
        b"",
        b'{"clients":[{"id":1},',
        b'"text"',
        b"[]",
        b"null",
        b"7",
        b'{"a":"\xff"}',
        b'{"a":NaN}',
        b'{"a":"\\ud800',
    ],
)
def test_a_200_that_holds_no_json_object_is_asked_for_again(body: bytes) -> None:
    assert not retried(200, body).is_throttled


@pytest.mark.parametrize("odd", ["1e400", "7" * 400, "-" + "7" * 5_000, '"\\ud800"'])
def test_beside_an_odd_value_numbers_keep_their_digits(odd: str) -> None:
    exact = ["12345678901234567.89", "0.10000000000000000001", "123456789012345678901234567890", "-1.50", "1e3", "0"]
    body = f'{{"odd":[{odd}],"exact":[{",".join(exact)}]}}'.encode()
    _, read = read_document(Answer(body))
    found = json.loads(read, parse_float=Decimal, parse_int=Decimal)
    assert found["exact"] == [Decimal(digits) for digits in exact]
    assert found["odd"] == [odd if not odd.startswith('"') else "\N{REPLACEMENT CHARACTER}"]


def test_a_good_answer_keeps_its_bytes_and_the_servers_clock() -> None:
    answer = answered(200, b'{"id":1.50}', date="Mon, 16 Mar 2026 08:59:58 GMT")
    assert answer == Answer(b'{"id":1.50}', datetime(2026, 3, 16, 8, 59, 58, tzinfo=UTC), "/v2/clients")
    assert read_document(answer) == ({"id": 1.5}, answer.body)


def test_a_date_that_cannot_be_read_is_no_date() -> None:
    assert answered(200, b"{}", date="yesterday").date is None
    assert answered(200, b"{}").date is None


SAME = [
    f"{BASE}/clients?cursor=x",
    "https://api.harvestapp.com:443/v2/clients?page=2",
    "https://API.HARVESTAPP.COM/v2/clients",
]
ELSEWHERE = [
    "https://harvest.attacker.example/v2/clients?cursor=x",
    "http://api.harvestapp.com/v2/clients",
    "https://api.harvestapp.com:8443/v2/clients",
    "https://api.harvestapp.com.attacker.example/v2/clients",
    "https://api.harvestapp.com@attacker.example/v2/clients",
    "//attacker.example/v2/clients",
    "/v2/clients?page=2",
    "ftp://api.harvestapp.com/v2/clients",
    "",
    7,
    {"href": f"{BASE}/clients"},
]
# What one parser reads as our host and the one that sends the request as another; and what none can read.
TWO_FACED = [
    "https://attacker.example\\@api.harvestapp.com/v2/clients",
    "https://attacker.example:443\\@api.harvestapp.com/v2/clients",
    "https://[api.harvestapp.com/v2/clients",
    "https://api.harvestapp.com:99999/v2/clients",
    "https://api.harvestapp.com:https/v2/clients",
]


@pytest.mark.parametrize("link", SAME)
def test_a_link_to_the_host_that_was_asked_is_followed(link: str) -> None:
    check_link(link, BASE)
    answer = said({"clients": [{"id": 1}], "links": {"next": link}})
    assert read_page(answer, "clients", BASE).next_url == link


@pytest.mark.parametrize("link", [*ELSEWHERE, *TWO_FACED])
def test_a_link_to_anywhere_else_is_refused(link: object) -> None:
    with pytest.raises(ContractViolation):
        read_page(said({"clients": [], "links": {"next": link}}), "clients", BASE)


def test_an_empty_page_with_a_link_to_a_next_one_is_not_followed() -> None:
    with pytest.raises(ContractViolation, match=r"A page of /v2/clients is empty"):
        read_page(
            Answer(orjson.dumps({"clients": [], "links": {"next": SAME[0]}}), None, "/v2/clients"), "clients", BASE
        )


def test_a_page_holds_its_records_its_total_and_where_the_list_goes_on() -> None:
    document = {
        "clients": [{"id": 1}, {"id": 2}],
        "total_entries": 3,
        "page": None,
        "next_page": None,
        "links": {"next": f"{BASE}/clients?cursor=abc"},
    }
    page = read_page(Answer(orjson.dumps(document), NOW), "clients", BASE)
    assert page.records == [{"id": 1}, {"id": 2}]
    assert (page.data_key, page.total, page.next_url) == ("clients", 3, f"{BASE}/clients?cursor=abc")
    assert (page.body, page.date) == (orjson.dumps(document), NOW)


@pytest.mark.parametrize("links", [{}, {"next": None}, None, [], "x"])
def test_a_page_without_a_next_link_is_the_last(links: object) -> None:
    assert read_page(said({"clients": [], "links": links, "next_page": 2}), "clients", BASE).next_url is None
    assert read_page(said({"clients": []}), "clients", BASE).next_url is None


@pytest.mark.parametrize("total", [None, "3.0", "", "-3", "²", "9" * 5_000, 3.0, -3, True])
def test_a_total_that_is_no_whole_number_is_no_total(total: object) -> None:
    assert read_page(said({"clients": [], "total_entries": total}), "clients", BASE).total is None


def test_numbers_that_are_written_as_text_are_numbers() -> None:
    numbers = {"total_entries": "56", "page": "1", "per_page": "20", "total_pages": "3", "next_page": "2"}
    paging = read_page(said({"clients": [{"id": 1}], **numbers}), "clients", BASE).paging
    assert (paging.total, paging.number, paging.per_page, paging.next_page, paging.goes_on) == (56, 1, 20, 2, True)
    del numbers["next_page"]
    paging = read_page(said({"clients": [{"id": 1}], **numbers}), "clients", BASE).paging
    assert (paging.next_page, paging.goes_on) == (2, True)


def test_a_single_is_its_own_only_record() -> None:
    page = read_page(said({"name": "Northbank", "links": {"next": 7}}), None, BASE)
    assert page.records == [{"name": "Northbank", "links": {"next": 7}}]
    assert (page.data_key, page.total, page.next_url) == (None, None, None)


def test_where_the_key_is_not_documented_the_only_list_is_taken() -> None:
    answer = said({"total_entries": 1, "whatever": [{"id": 1}], "links": {}})
    page = read_page(answer, ANY_ARRAY, BASE)
    assert (page.records, page.data_key) == ([{"id": 1}], "whatever")


@pytest.mark.parametrize("document", [{}, {"a": [], "b": []}, {"a": {}}])
def test_where_the_key_is_not_documented_two_lists_or_none_are_an_error(document: dict[str, object]) -> None:
    with pytest.raises(ContractViolation, match="one list"):
        read_page(said(document), ANY_ARRAY, BASE)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"clients": None},
        {"clients": {}},
        {"clients": "none"},
        {"clients": [1]},
        {"clients": [None]},
        {"Clients": []},
    ],
)
def test_a_missing_list_is_an_error_never_an_empty_stream(document: dict[str, object]) -> None:
    with pytest.raises(ContractViolation, match="clients"):
        read_page(said(document), "clients", BASE)


def test_only_reports_count_against_the_limit_of_reports() -> None:
    assert limit_of(f"{BASE}/reports/time/clients?from=20260101") == "reports"
    assert limit_of(f"{BASE}/time_entries?external=/reports/") == "general"
    assert limit_of(f"{BASE}/company") == "general"
