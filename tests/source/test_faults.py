"""Every kind of fault on every stream: an equal table, or a clear error after which a clean run makes it equal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from harvest_simulator import Fault, Simulator
from harvest_simulator.http.request_log import Request
from harvest_time_tracking import STREAMS, HarvestError, tables
from support.accounts import Account, assert_equals_truth

OpenAccount = Callable[..., Account]

DEFAULT = [name for name, stream in STREAMS.items() if stream.is_default]
LISTS = [name for name in DEFAULT if STREAMS[name].data_key is not None]
# What goes by: the client asks again, and nobody notices.
PASSING = [
    Fault.RATE_LIMITED,
    Fault.RATE_LIMITED_DATE,
    Fault.RATE_LIMITED_BARE,
    Fault.SERVER_ERROR,
    Fault.BAD_GATEWAY,
    Fault.UNAVAILABLE,
    Fault.RESET,
    Fault.SHORT_BODY,
    Fault.TRUNCATED_JSON,
    Fault.HTML_200,
    Fault.SLOW,
]
# What ends a stream that is one page long in an error, if it stays.
ERRORS = {
    Fault.UNAUTHORIZED: "developers",
    Fault.NOT_FOUND: "404",
    Fault.SERVER_ERROR: "Given up after 8 tries",
    Fault.TRUNCATED_JSON: "Given up after 8 tries",
    Fault.RATE_LIMITED: "Given up after 8 tries",
}
LINK_ERRORS = {Fault.FOREIGN_LINK: "harvest.attacker.example", Fault.LOOPING_LINK: "circle"}


def path_of(stream: str) -> str:
    return "/v2/" + re.sub(r"\{\w+\}", "[^/]+", STREAMS[stream].path)


def is_for(stream: str) -> Callable[[Request], bool]:
    pattern = re.compile(path_of(stream))
    return lambda request: pattern.fullmatch(request.path) is not None


def message_of(error: BaseException) -> str:
    """What Harvest's error says, out of what dlt wrapped around it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, HarvestError):
            return str(seen)
        seen = seen.__cause__ or seen.__context__
    raise AssertionError(f"no error of ours: {error!r}") from error


def fails(account: Account, *streams: str) -> str:
    with pytest.raises(Exception, match=r"\w") as caught:
        account.load(*streams)
    return message_of(caught.value)


def without_timers(simulator: Simulator) -> Simulator:
    """The hours of a running timer grow while a client waits: then no truth stands still."""
    for entry in simulator.truth()["time_entries"]:
        if entry["is_running"]:
            simulator.store.stop_timer(entry["id"])
    return simulator


@pytest.fixture(
    scope="module",
    params=[pytest.param(kind, marks=[pytest.mark.nightly] * (at >= 4)) for at, kind in enumerate(PASSING)],
    ids=lambda kind: kind.name,
)
def after_the_fault(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Account, dict[str, list[int]]]]:
    """A first load in which the first request of every stream meets the fault, and then the answers of each stream."""
    simulator = without_timers(Simulator(size="tiny"))
    for stream in DEFAULT:
        simulator.faults.at(is_for(stream), request.param)
    with simulator.serving() as url:
        account = Account(simulator, url, tmp_path_factory.mktemp(request.param.name))
        account.load()
        statuses = {
            stream: [asked.status for asked in simulator.requests if is_for(stream)(asked)] for stream in DEFAULT
        }
        yield account, statuses


@pytest.mark.by_day(32)
@pytest.mark.parametrize("stream", DEFAULT)
def test_a_fault_that_passes_leaves_no_trace_in_the_tables(
    after_the_fault: tuple[Account, dict[str, list[int]]], stream: str, request: pytest.FixtureRequest
) -> None:
    account, statuses = after_the_fault
    kind = request.node.callspec.params["after_the_fault"]
    first = {"RATE_LIMITED": 429, "SERVER_ERROR": 500, "BAD_GATEWAY": 502, "UNAVAILABLE": 503, "RESET": 0}
    refused = next((status for name, status in first.items() if kind.name.startswith(name)), 200)
    # The fault was met, and what it hit was asked for again.
    assert refused in statuses[stream]
    assert statuses[stream].count(200) >= 1 + (kind.name in ("SHORT_BODY", "TRUNCATED_JSON", "HTML_200"))
    outcome = account.outcomes()[stream]
    assert outcome.outcome == "complete"
    assert outcome.retries == (0 if kind is Fault.SLOW else 1)
    assert account.simulator.truth()[stream]
    assert_equals_truth(account, [stream])


@pytest.mark.by_day(2)
@pytest.mark.parametrize("stream", DEFAULT)
def test_a_fault_that_stays_is_a_clear_error_and_a_clean_run_makes_all_equal(
    open_account: OpenAccount, stream: str
) -> None:
    account = open_account()
    without_timers(account.simulator)
    kinds = {**ERRORS, **(LINK_ERRORS if stream in LISTS else {})}
    if STREAMS[stream].date_field:
        # Its pages are asked for by number: where a link leads is only checked.
        del kinds[Fault.LOOPING_LINK]
    if STREAMS[stream].parent:
        # A parent that is gone is no error: its rows are left as they are.
        del kinds[Fault.NOT_FOUND]
        # Some parents have no children: an empty page that has a next one is refused before it is followed.
        kinds = {kind: "circle|is empty" if words == "circle" else words for kind, words in kinds.items()}
    for kind, words in kinds.items():
        account.simulator.faults.at(is_for(stream), kind, times=10_000)
        assert re.search(words, fails(account, stream)), kind
        assert account.outcomes()[stream].outcome == "failed"
        account.simulator.faults.clear()
    if stream in LISTS:
        # Once around only: the page comes twice, its rows once.
        account.simulator.faults.at(is_for(stream), Fault.LOOPING_LINK)
    account.load(stream)
    assert_equals_truth(account, [stream])


@pytest.mark.parametrize("stream", ["company", "time_entries", "invoice_payments", "user_teammates"])
def test_a_rejected_token_stops_the_whole_run_with_the_way_to_a_new_one(open_account: OpenAccount, stream: str) -> None:
    account = open_account()
    account.simulator.faults.at(is_for(stream), Fault.UNAUTHORIZED, times=10_000)
    said = fails(account)
    assert "401" in said
    assert "https://id.getharvest.com/developers" in said
    assert ".dlt/secrets.toml" in said
    assert "SOURCES__HARVEST_TIME_TRACKING__ACCESS_TOKEN" in said
    # The other streams of the run say that it was not they who failed.
    assert {outcome.outcome for outcome in account.outcomes().values()} <= {"failed", "stopped", "complete"}


def test_after_a_rejected_token_a_good_one_brings_everything(open_account: OpenAccount) -> None:
    account = open_account()
    account.simulator.revoke_token()
    fails(account)
    account.simulator.restore_token()
    account.load()
    assert_equals_truth(account)
    account.simulator.clock.sleep(86_400)
    account.simulator.mutate(30, seed=1)
    account.simulator.revoke_token()
    fails(account)
    account.simulator.restore_token()
    account.load()
    assert_equals_truth(account, after_changes=True)


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """One account that goes on through the tests: loaded, changed, loaded with one stream forbidden."""
    simulator = without_timers(Simulator(size="tiny"))
    with simulator.serving() as url:
        account = Account(simulator, url, tmp_path_factory.mktemp("changing"))
        account.load()
        yield account


@pytest.mark.by_day(1)
@pytest.mark.parametrize("number", range(6))
def test_forbidden_streams_are_skipped_alone_with_their_reason_and_their_old_rows_stay(
    changing: Account, number: int
) -> None:
    # Each stream once, four in a run: all the rest of a run must be as if nothing had happened.
    forbidden, simulator = set(DEFAULT[number::6]), changing.simulator
    names = [name for name in tables() if name.split("__")[0] in forbidden]
    before = {name: sorted(map(repr, changing.rows(name))) for name in names}
    simulator.clock.sleep(86_400)
    assert simulator.mutate(60, seed=number)
    without_timers(simulator)
    for stream in forbidden:
        simulator.faults.at(is_for(stream), Fault.FORBIDDEN, times=10_000)
    changing.load()
    simulator.faults.clear()
    outcomes = changing.outcomes()
    skipped = {name for name, outcome in outcomes.items() if outcome.outcome == "skipped"}
    children = {name for name in DEFAULT if (link := STREAMS[name].parent) and link.stream in forbidden}
    assert forbidden <= skipped <= forbidden | children
    for stream in skipped:
        assert "403" in outcomes[stream].reason
        assert "Not authorized!" in outcomes[stream].reason
    assert all(STREAMS[child].parent.stream in outcomes[child].reason for child in skipped - forbidden)
    assert {name: sorted(map(repr, changing.rows(name))) for name in names} == before
    others = [name for name in DEFAULT if name not in skipped]
    assert {outcomes[name].outcome for name in others} == {"complete"}
    # Whether a row is locked is decided by its project: not seen, not known until it is.
    owned = ["time_entries", "expenses"] if "projects" in forbidden else []
    assert_equals_truth(changing, [name for name in others if name not in owned], after_changes=True)
    # What was skipped has not moved on: the next run brings what it left out.
    changing.load(*skipped)
    assert {changing.outcomes()[name].outcome for name in skipped} == {"complete"}
    assert_equals_truth(changing, list(skipped), after_changes=True)
    if owned:
        simulator.clock.sleep(7 * 86_400)
        changing.load(*owned)
        assert_equals_truth(changing, owned, after_changes=True)


@pytest.mark.parametrize("stream", ["clients", "roles", "invoices", "user_cost_rates"])
def test_a_stream_that_was_forbidden_from_the_first_comes_when_it_is_allowed(
    open_account: OpenAccount, stream: str
) -> None:
    account = open_account()
    account.simulator.faults.at(is_for(stream), Fault.FORBIDDEN, times=10_000)
    account.load(stream)
    assert account.outcomes()[stream].outcome == "skipped"
    for name in tables():
        if name == stream or name.startswith(f"{stream}__"):
            assert account.rows(name) == []
            assert set(tables()[name].columns) <= set(account.column_types(name))
    account.simulator.faults.clear()
    account.load(stream)
    assert_equals_truth(account, [stream])


def test_where_everything_is_forbidden_everything_is_skipped_and_comes_when_it_is_allowed(
    open_account: OpenAccount,
) -> None:
    account = open_account()
    account.simulator.faults.at(lambda request: True, Fault.FORBIDDEN, times=10_000)
    account.load()
    assert {name: outcome.outcome for name, outcome in account.outcomes().items()} == dict.fromkeys(DEFAULT, "skipped")
    assert all(outcome.reason for outcome in account.outcomes().values())
    account.simulator.faults.clear()
    account.load()
    assert_equals_truth(account)


def is_page_2(request: Request) -> bool:
    return request.path == "/v2/time_entries" and request.query.get("page") == "2"


@pytest.mark.by_day(1)
@pytest.mark.parametrize("kind", PASSING, ids=lambda kind: kind.name)
def test_a_fault_on_the_second_page_loses_and_doubles_nothing(open_account: OpenAccount, kind: Fault) -> None:
    account = open_account(entries=4500)
    without_timers(account.simulator)
    account.simulator.faults.at(is_page_2, kind, times=2)
    account.load("time_entries")
    # Three pages, what came in meanwhile, and what was asked again.
    assert len(account.simulator.requests) == 4 + (0 if kind is Fault.SLOW else 2)
    assert len(account.rows("time_entries")) > 4000
    assert_equals_truth(account, ["time_entries"])


@pytest.mark.parametrize(
    "kind",
    [Fault.UNAUTHORIZED, Fault.NOT_FOUND, Fault.RESET, Fault.FOREIGN_LINK],
    ids=lambda kind: kind.name,
)
@pytest.mark.by_day(1)
def test_a_run_that_ends_on_the_second_page_is_made_good_by_the_next(open_account: OpenAccount, kind: Fault) -> None:
    account = open_account(entries=4500)
    without_timers(account.simulator)
    account.simulator.faults.at(is_page_2, kind, times=10_000)
    fails(account, "time_entries", "clients")
    account.simulator.faults.clear()
    account.simulator.requests.clear()
    account.load("time_entries", "clients")
    # What is new since it began, and nothing else, was asked by change.
    since = [request.query.get("updated_since") for request in account.simulator.requests]
    assert min(filter(None, since), default="2026-03-16T09:00:00Z") >= "2026-03-16T09:00:00Z"
    assert_equals_truth(account, ["time_entries", "clients"])


def test_links_in_a_circle_lead_nobody_astray_whose_pages_have_numbers(open_account: OpenAccount) -> None:
    account = open_account(entries=4500)
    without_timers(account.simulator)
    account.simulator.faults.at(is_page_2, Fault.LOOPING_LINK, times=10_000)
    account.load("time_entries")
    assert_equals_truth(account, ["time_entries"])


def test_permission_lost_on_the_second_page_skips_the_stream_and_the_next_run_brings_all(
    open_account: OpenAccount,
) -> None:
    account = open_account(entries=4500)
    without_timers(account.simulator)
    account.simulator.faults.at(is_page_2, Fault.FORBIDDEN)
    account.load("time_entries", "clients")
    assert {name: outcome.outcome for name, outcome in account.outcomes().items()} == {
        "time_entries": "skipped",
        "clients": "complete",
    }
    account.load("time_entries", "clients")
    assert_equals_truth(account, ["time_entries", "clients"])


INCREMENTAL = [name for name in DEFAULT if STREAMS[name].has_updated_since]


def since_of(account: Account, stream: str) -> set[str | None]:
    asked = [request for request in account.simulator.requests if is_for(stream)(request)]
    own = [request.query for request in asked if not {"is_running", "project_id"} & set(request.query)]
    return {query.get("updated_since") for query in own}


@pytest.mark.parametrize("stream", INCREMENTAL)
@pytest.mark.by_day(3)
def test_a_failed_run_does_not_move_the_cursor(open_account: OpenAccount, stream: str) -> None:
    account = open_account()
    without_timers(account.simulator)
    account.load(stream)
    account.simulator.clock.sleep(86_400)
    account.simulator.mutate(60, seed=5)
    without_timers(account.simulator)
    before = sorted(map(repr, account.rows(stream)))
    asked_since = []
    for _ in range(2):
        account.simulator.clock.sleep(86_400)
        account.simulator.requests.clear()
        account.simulator.faults.at(is_for(stream), Fault.BAD_GATEWAY, times=10_000)
        fails(account, stream)
        account.simulator.faults.clear()
        asked_since.append(since_of(account, stream))
        assert sorted(map(repr, account.rows(stream))) == before
    account.simulator.requests.clear()
    account.load(stream)
    asked_since.append(since_of(account, stream))
    assert asked_since == [{"2026-03-16T07:00:00Z"}] * 3
    assert_equals_truth(account, [stream], after_changes=True)


def test_one_streams_failure_moves_no_cursor_of_the_others(open_account: OpenAccount) -> None:
    account = open_account()
    account.load()
    account.simulator.clock.sleep(86_400)
    account.simulator.mutate(60, seed=6)
    without_timers(account.simulator)
    account.simulator.faults.at(is_for("invoice_payments"), Fault.SERVER_ERROR, times=10_000)
    fails(account)
    account.simulator.faults.clear()
    account.load()
    assert_equals_truth(account, after_changes=True)


@pytest.mark.by_day(1)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_storm_of_faults_ends_in_equal_tables(open_account: OpenAccount, seed: int) -> None:
    account = open_account(seed=seed, enforce_limits=True)
    without_timers(account.simulator)
    account.simulator.faults.random(0.2, seed=seed)
    account.load()
    assert len([request for request in account.simulator.requests if request.status != 200]) > 3
    assert_equals_truth(account)
