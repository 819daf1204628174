"""Lists page as Harvest's do: by cursor or by number, in a fixed order, every row once."""

from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

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


@pytest.mark.parametrize("name", ["time_entries", "clients"])
def test_a_server_of_short_pages_says_how_short_they_are_and_gives_every_row_once(own: Simulator, name: str) -> None:
    own.enforce_limits = False
    own.set_paging(most_rows=3)
    with own.serving() as url:
        pages = follow(own, f"{url}/{name}", name, per_page=2000)
        by_number = get(own, f"{url}/{name}", per_page=2000, page=2).json()[name]
    seen = [row["id"] for page in pages for row in page["rows"]]
    assert sorted(seen) == sorted(row["id"] for row in own.truth()[name])
    assert {page["per_page"] for page in pages} == {3}
    assert {page["total_pages"] for page in pages} == {len(pages)}
    assert len(pages) == -(-len(seen) // 3)
    assert by_number == pages[1]["rows"], "by number, too, the second page is that of short ones"


@pytest.mark.parametrize("is_null", [False, True])
def test_totals_may_be_left_out_or_null_while_the_links_go_on(own: Simulator, is_null: bool) -> None:
    own.set_paging(unsaid=["total_entries"], is_null=is_null)
    with own.serving() as url:
        pages = follow(own, f"{url}/time_entries", "time_entries", per_page=50)
    assert {page.get("total_entries", "missing") for page in pages} == {None if is_null else "missing"}
    assert sum(len(page["rows"]) for page in pages) == len(own.truth()["time_entries"])
    assert len(pages) > 1
