"""Children that change without their parent: found in good time, within the requests that were set, and none is forgotten."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest_simulator import Fault
from harvest_time_tracking import STREAMS
from harvest_time_tracking.reading.request_shares import Split, in_turn, shares
from harvest_warehouse.doctor import doctor
from harvest_warehouse.warehouse import SCHEMA, Target
from support.accounts import Account, assert_equals_truth, sync_from

OpenAccount = Callable[..., Account]
CHILDREN = [name for name, stream in STREAMS.items() if stream.parent and stream.is_default]
OF_INVOICES = ["invoice_messages", "invoice_payments"]

# What the catalogue says, said once more: which parents have children, and which of these are alive.
PARENTS: dict[str, tuple[str, Callable[[dict[str, Any]], bool], Callable[[dict[str, Any]], bool]]] = {
    "invoice_messages": (
        "invoices",
        lambda row: row["state"] != "draft" or row["sent_at"] is not None,
        lambda row: row["state"] in ("draft", "open"),
    ),
    "invoice_payments": (
        "invoices",
        lambda row: row["amount"] != row["due_amount"] or bool(row["paid_at"] or row["paid_date"]),
        lambda row: row["state"] in ("draft", "open"),
    ),
    "estimate_messages": (
        "estimates",
        lambda row: row["state"] != "draft" or row["sent_at"] is not None,
        lambda row: row["state"] in ("draft", "sent"),
    ),
    "user_billable_rates": ("users", lambda _: True, lambda row: row["is_active"]),
    "user_cost_rates": ("users", lambda _: True, lambda row: row["is_active"]),
    "user_project_assignments": ("users", lambda _: True, lambda row: row["is_active"]),
    "user_teammates": ("users", lambda row: "manager" in row["access_roles"], lambda row: row["is_active"]),
}


def parents_of(account: Account, stream: str, *, alive: bool | None = None) -> list[int]:
    """The parents that can have children; those that are alive, or are not, where that is asked."""
    parent, is_able, is_alive = PARENTS[stream]
    rows = [row for row in account.simulator.truth()[parent] if is_able(row)]
    return sorted(row["id"] for row in rows if alive is None or is_alive(row) == alive)


def all_parents(account: Account, *, alive: bool | None = None) -> set[tuple[str, int]]:
    return {(stream, parent) for stream in CHILDREN for parent in parents_of(account, stream, alive=alive)}


def asked(account: Account) -> list[tuple[str, int]]:
    """The streams and parents that were asked since the last call."""
    patterns = {
        name: re.compile("/v2/" + re.sub(r"\{[a-z_]+\}", r"(\\d+)", STREAMS[name].path) + "$") for name in CHILDREN
    }
    found = [
        (name, int(match[1]))
        for request in account.simulator.requests
        for name, pattern in patterns.items()
        if (match := pattern.match(request.path))
    ]
    account.simulator.requests.clear()
    return found


def a_day_later(account: Account, *streams: str, **arguments: Any) -> list[tuple[str, int]]:
    """What a load asks of parents, a day after whatever happened before."""
    account.simulator.clock.sleep(86_400)
    account.simulator.requests.clear()
    account.load(*(streams or CHILDREN), **arguments)
    return asked(account)


def change_silently(account: Account, parents: Iterable[tuple[str, int]]) -> None:
    """Change a child of each of these, so that no parent moves."""
    store = account.simulator.store
    for stream, parent in parents:
        if stream == "invoice_messages":
            store.remind(parent)
        elif stream == "invoice_payments":
            with store.lock:
                store.version += 1
                for payment in store.invoice_payments[parent]:
                    payment.notes = f"corrected {account.simulator.clock.now()}"
        elif stream == "estimate_messages":
            for message in store.estimate_messages[parent][:1]:
                store.delete_estimate_message(message.id)
        elif stream == "user_billable_rates":
            store.add_billable_rate(parent, 111)
        elif stream == "user_cost_rates":
            store.add_cost_rate(parent, 55)
        elif stream == "user_teammates":
            store.set_teammates(parent, store.teammate_ids[parent][1:])


@pytest.fixture
def account(open_account: OpenAccount) -> Account:
    """An account that was loaded, a day ago."""
    opened = open_account(enforce_limits=False)
    opened.load(*CHILDREN)
    return opened


def in_seconds(moment: datetime) -> object:
    return int(moment.timestamp())


def in_new_york(moment: datetime) -> object:
    return moment.astimezone(timezone(timedelta(hours=-5))).isoformat(timespec="milliseconds")


@pytest.mark.parametrize("spelled", [in_seconds, in_new_york])
def test_a_parent_that_changed_is_asked_in_whatever_form_it_says_when(
    open_account: OpenAccount, spelled: Callable[[datetime], object]
) -> None:
    account = open_account(enforce_limits=False)
    answer = account.simulator._answer

    def answered(asked: Any) -> Any:
        said = answer(asked)
        if asked.path == "/v2/invoices":
            for record in said.data["invoices"]:
                record["updated_at"] = spelled(datetime.fromisoformat(record["updated_at"]))
        return said

    account.simulator._answer = answered  # type: ignore[method-assign]
    account.load(*OF_INVOICES)
    account.simulator.clock.sleep(7_200)
    paid = next(parent for parent in parents_of(account, "invoice_payments", alive=False))
    payment = account.simulator.store.invoice_payments[paid][0]
    account.simulator.store.delete_payment(payment.id)
    account.simulator.requests.clear()
    account.load(*OF_INVOICES, children_requests=0)
    assert ("invoice_messages", paid) in asked(account)


def test_children_of_parents_without_a_number_are_not_proven(open_account: OpenAccount) -> None:
    account = open_account(enforce_limits=False)
    answer = account.simulator._answer

    def answered(asked: Any) -> Any:
        said = answer(asked)
        if asked.path == "/v2/invoices":
            said.data["invoices"][0]["id"] = str(said.data["invoices"][0]["id"])
        return said

    account.simulator._answer = answered  # type: ignore[method-assign]
    account.load("invoices", *OF_INVOICES)
    outcomes = account.outcomes()
    assert {name: outcome.outcome for name, outcome in outcomes.items()} == {
        "invoices": "complete",
        **dict.fromkeys(OF_INVOICES, "unproven"),
    }
    assert "the ids of 1 of them are not numbers" in outcomes["invoice_payments"].reason


def test_all_children_of_a_small_account_are_read_in_each_run(account: Account) -> None:
    everything = all_parents(account)
    assert len(everything) > 40
    for _ in range(2):
        found = a_day_later(account)
        assert len(found) == len(everything)
        assert set(found) == everything
    change_silently(account, everything)
    a_day_later(account)
    assert_equals_truth(account, CHILDREN)


def test_what_changes_silently_on_those_that_are_alive_is_there_after_the_next_run(account: Account) -> None:
    alive, everything = all_parents(account, alive=True), all_parents(account)
    requests = len(alive) + 8
    assert requests < len(everything)
    for _ in range(2):
        change_silently(account, alive)
        found = a_day_later(account, children_requests=requests)
        assert alive < set(found)
        assert len(found) == len(set(found)) == requests
        assert_equals_truth(account, CHILDREN)


@pytest.mark.nightly
def test_what_changes_silently_on_the_others_is_there_within_the_runs_that_doctor_states_and_no_run_asks_more_than_is_set(
    account: Account, tmp_path: Path
) -> None:
    requests = 20
    client = account.client()
    stated = doctor(Target(tmp_path / "none"), client.settings, children_requests=requests, client=client)
    assert stated.children is not None
    runs = stated.children.runs.others
    others = all_parents(account, alive=False)
    assert len(others) > requests
    moving = parents_of(account, "invoice_payments", alive=True)[0]
    change_silently(account, others)
    equal_after = 0
    seen: set[tuple[str, int]] = set()
    for run in range(runs):
        # Somebody pays a part each day: a change that is asked for besides.
        account.simulator.store.pay_invoice(moving, 1)
        found = a_day_later(account, children_requests=requests)
        besides = [(stream, parent) for stream, parent in found if not (stream in OF_INVOICES and parent == moving)]
        assert {(stream, moving) for stream in OF_INVOICES} <= set(found), "what changed is always asked for"
        assert len(besides) <= requests
        seen |= set(besides)
        if others <= seen:
            equal_after = equal_after or run + 1
    assert 2 < equal_after <= runs
    assert_equals_truth(account, CHILDREN)


def test_with_no_requests_only_those_that_changed_are_asked(account: Account) -> None:
    invoice = parents_of(account, "invoice_messages")[2]
    account.simulator.store.pay_invoice(invoice, 1)
    assert sorted(a_day_later(account, children_requests=0)) == [(stream, invoice) for stream in OF_INVOICES]
    assert a_day_later(account, children_requests=0) == []


def test_a_stream_that_is_read_alone_or_beside_one_that_is_refused_has_the_requests_of_all(account: Account) -> None:
    alone = a_day_later(account, "user_cost_rates", children_requests=20)
    assert Counter(stream for stream, _ in alone) == {"user_cost_rates": len(parents_of(account, "user_cost_rates"))}
    account.simulator.faults.at({"path": "/v2/estimates"}, Fault.FORBIDDEN, times=1_000)
    account.simulator.faults.at({"path": "/v2/invoices"}, Fault.FORBIDDEN, times=1_000)
    left = len(all_parents(account)) - sum(
        len(parents_of(account, stream)) for stream in [*OF_INVOICES, "estimate_messages"]
    )
    assert len(a_day_later(account, children_requests=20)) == min(20, left)


@pytest.mark.nightly
def test_a_run_that_is_thrown_away_does_not_count_as_a_turn(account: Account) -> None:
    first = set(a_day_later(account, children_requests=20))
    account.simulator.clock.sleep(86_400)
    account.pipeline.extract(account.source(*CHILDREN, children_requests=20))
    thrown_away = set(asked(account))
    account.pipeline.abort_packages()
    assert set(a_day_later(account, children_requests=20)) == thrown_away != first


def test_parents_that_are_deleted_hold_up_nobody_s_turn(account: Account) -> None:
    others = parents_of(account, "invoice_messages", alive=False)
    turns: list[int] = []
    for _ in range(3):
        found = a_day_later(account, "invoice_messages", "user_cost_rates", children_requests=20)
        turn = [parent for stream, parent in found if stream == "invoice_messages" and parent in others]
        turns += turn
        # The one at which the next run would go on.
        account.simulator.store.delete_invoice(turn[-1])
        others.remove(turn[-1])
    assert set(turns) >= set(others)


def old_state(account: Account, **places: int) -> None:
    """As if the last run had been one of a version that knew one turn for all parents of a stream."""
    with account.pipeline.managed_state() as state:
        for name, kept in state["sources"][SCHEMA]["resources"].items():
            [(account_id, own)] = kept.items()
            kept[account_id] = {"cursor": own["cursor"], "start_date": own["start_date"]}
            kept[account_id] |= {"turn": places[name]} if name in places else {}


def test_state_of_an_earlier_version_is_read_and_its_turn_goes_on(account: Account) -> None:
    others = parents_of(account, "invoice_messages", alive=False)
    middle = others[len(others) // 2]
    old_state(account, invoice_messages=middle)
    found = a_day_later(account, children_requests=20)
    turn = [parent for stream, parent in found if stream == "invoice_messages" and parent in others]
    assert turn
    assert turn == others[others.index(middle) + 1 :][: len(turn)]


@pytest.mark.nightly
def test_what_is_remembered_does_not_grow_with_the_parents(account: Account) -> None:
    for _ in range(2):
        a_day_later(account, children_requests=20)
    kept = account.pipeline.state["sources"][SCHEMA]["resources"]
    assert {"turn", "alive_turn"} <= kept["invoice_messages"]["123456"].keys()
    for name in CHILDREN:
        assert len(json.dumps(kept[name])) < 200


@pytest.mark.nightly
@pytest.mark.parametrize("mode", ["fifo", "round_robin"])
def test_no_stream_waits_for_one_that_dlt_reads_later(
    account: Account, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("EXTRACT__NEXT_ITEM_MODE", mode)
    assert len(a_day_later(account, children_requests=20)) == 20
    assert len(a_day_later(account, *CHILDREN, "users", "invoices", "estimates", children_requests=20)) == 20


def test_the_setting_of_earlier_versions_is_told_to_do_nothing(
    account: Account, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SOURCES__HARVEST_TIME_TRACKING__CHILDREN_WITHIN_RUNS", "7")
    account.source()
    assert "children_within_runs was removed" in caplog.text
    assert "children_requests" in caplog.text


@pytest.mark.nightly
def test_a_daily_sync_of_5000_invoices_and_200_people_takes_at_most_300_requests(
    open_account: OpenAccount, tmp_path: Path
) -> None:
    account, warehouse = open_account(empty=True), Target(tmp_path)
    store, clock = account.simulator.store, account.simulator.clock
    client = store.create_client("The one client")
    invoices = [store.create_invoice(client) for _ in range(5_000)]
    clock.sleep(86_400)
    sync_from(account, warehouse)
    # People come, invoices are sent and most of them paid, and nothing moves: to read the children of all of them first, as
    # every account does, would take ten thousand requests.
    long_ago = store.invoices[invoices[0]].updated_at
    for number in range(199):
        store.users[store.create_user("Person", str(number))].updated_at = long_ago
    for number, invoice_id in enumerate(invoices):
        store.send_invoice(invoice_id)
        if number % 10:
            store.pay_invoice(invoice_id)
        store.invoices[invoice_id].updated_at = long_ago
    clock.sleep(86_400)
    changed = {*invoices[::100], *list(store.users)[::100]}
    for invoice_id in invoices[::100]:
        store.edit_invoice(invoice_id, notes="edited")
    for user_id in list(store.users)[::100]:
        store.edit_user(user_id, telephone="555")
    clock.sleep(3_600)
    account.simulator.requests.clear()
    assert sync_from(account, warehouse).is_equal
    assert len(account.simulator.requests) <= 300
    assert len(all_parents(account)) > 10_000
    children = asked(account)
    assert {parent for _, parent in children} >= changed
    assert len([parent for _, parent in children if parent not in changed]) >= 100


streams_of = st.dictionaries(
    st.sampled_from([f"stream {number}" for number in range(9)]),
    st.builds(Split, st.integers(0, 4_000), st.integers(0, 6_000)),
    min_size=1,
)


@given(streams_of, st.integers(20, 600), st.integers(0, 900))
def test_requests_are_dealt_to_the_last_and_no_stream_is_left_out(
    parents: dict[str, Split], requests: int, changed: int
) -> None:
    given_ = shares(parents, requests, changed)
    there = [number for split in parents.values() for number in (split.alive, split.others)]
    dealt = [number for stream in parents for number in (given_[stream].alive, given_[stream].others)]
    if sum(there) <= requests:
        assert dealt == there
    else:
        assert sum(dealt) + changed == max(requests, changed + max(20, requests // 2))
    for number, share in zip(there, dealt, strict=True):
        assert min(number, 1) <= share <= number


@given(streams_of, st.integers(20, 600))
def test_the_living_come_first_and_the_others_keep_what_they_need_for_30_runs_but_no_more_than_half(
    parents: dict[str, Split], requests: int
) -> None:
    given_ = shares(parents, requests)
    alive = sum(split.alive for split in parents.values())
    for_others = sum(share.others for share in given_.values())
    needed = sum(-(-split.others // 30) for split in parents.values())
    if sum(share.alive for share in given_.values()) < alive:
        assert for_others == min(needed, requests // 2)
    if needed <= requests // 2:
        assert all(parents[name].others <= 30 * share.others for name, share in given_.items())
    else:
        assert for_others >= requests // 2


@given(streams_of, st.integers(20, 600), st.integers(0, 300))
def test_no_share_is_smaller_because_fewer_parents_changed(
    parents: dict[str, Split], requests: int, changed: int
) -> None:
    busy, quiet = shares(parents, requests, changed + 1), shares(parents, requests, changed)
    assert all(busy[name].alive <= quiet[name].alive and busy[name].others <= quiet[name].others for name in parents)


def test_parents_of_all_streams_wait_about_as_long_for_their_turn() -> None:
    given_ = shares({"a": Split(0, 4_000), "b": Split(0, 1_000), "c": Split(0, 3)}, 50)
    assert given_ == {"a": Split(0, 39), "b": Split(0, 10), "c": Split(0, 1)}


def test_left_to_itself_a_run_asks_all_where_there_are_a_thousand_and_200_where_there_are_more() -> None:
    assert shares({"a": Split(300, 700)}, None) == {"a": Split(300, 700)}
    assert sum(share.alive + share.others for share in shares({"a": Split(300, 701)}, None).values()) == 200


@given(st.data())
def test_each_parent_that_does_not_change_has_its_turn_before_any_has_two(data: st.DataObject) -> None:
    ids = sorted(data.draw(st.sets(st.integers(1, 99), min_size=1, max_size=40)))
    share = data.draw(st.integers(1, len(ids)))
    after, turns = data.draw(st.integers(0, 99)), []
    for _ in range(-(-len(ids) // share)):
        changed = data.draw(st.sets(st.sampled_from(ids), max_size=len(ids) // 2))
        turn = in_turn(ids, changed, share, after)
        assert len(turn) <= share
        assert changed.isdisjoint(turn)
        after = turn[-1] if turn else after
        turns.append((changed, turn))
    never_changed = set(ids).difference(*(changed for changed, _ in turns))
    assert never_changed <= {parent for _, turn in turns for parent in turn}


@given(st.sets(st.integers(1, 99), min_size=2, max_size=40), st.integers(1, 40), st.integers(1, 12))
def test_whose_turn_is_longest_ago_comes_first(ids: set[int], share: int, runs: int) -> None:
    last_turn = dict.fromkeys(ids, -1)
    after = 0
    for run in range(runs):
        longest_ago = sorted(last_turn.values())[:share]
        turn = in_turn(sorted(ids), (), share, after)
        assert sorted(last_turn[parent] for parent in turn) == longest_ago
        after = turn[-1]
        last_turn |= dict.fromkeys(turn, run)
