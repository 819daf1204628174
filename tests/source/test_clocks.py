"""Clocks that are wrong, Harvest's or ours, and dates that are none: nothing is missed, and nothing ends."""

from __future__ import annotations

import locale
import logging
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest_simulator import Fault
from harvest_time_tracking import Client
from harvest_time_tracking.catalogue import STREAMS
from harvest_time_tracking.clocks import asked_at, clock_difference, http_date, said_of_clocks
from harvest_time_tracking.reading.calls import compact, month_calls
from harvest_time_tracking.reading.stream_state import before, instant, parsed
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.warehouse import Target
from storm.child import in_a_child
from support.accounts import Account, assert_equals_truth, sync_from

OpenAccount = Callable[..., Account]
CLOCKS = (Fault.CLOCK_AHEAD, Fault.CLOCK_BEHIND, Fault.ODD_DATE, Fault.UNREADABLE_DATE, Fault.DATE_OF_YEAR_202)
FEW = ("clients", "time_entries", "projects", "invoices", "invoice_payments", "user_project_assignments")
OURS = datetime(2026, 3, 16, 9, tzinfo=UTC)


def skewed(account: Account, hours: float) -> Account:
    """The account as seen from a machine whose own clock is so many hours ahead."""
    clock = account.simulator.clock

    def client(**settings: Any) -> Client:
        made = Account.client(account, **settings)
        made.now = lambda: clock.now() + timedelta(hours=hours)
        return made

    account.client = client  # type: ignore[method-assign]
    return account


def since_asked(account: Account) -> list[str]:
    return [
        request.query["updated_since"] for request in account.simulator.requests if "updated_since" in request.query
    ]


def stop_timers(account: Account) -> None:
    for entry in account.simulator.truth()["time_entries"]:
        if entry["is_running"]:
            account.simulator.store.stop_timer(entry["id"])


@pytest.mark.by_day(1)
@pytest.mark.parametrize("kind", CLOCKS, ids=lambda kind: kind.name)
def test_whatever_an_answer_is_dated_what_changed_since_is_brought(open_account: OpenAccount, kind: Fault) -> None:
    account = open_account()
    stop_timers(account)
    account.simulator.faults.at(lambda _: True, kind, times=1 << 30)
    for seed in range(2):
        account.load(*FEW)
        assert_equals_truth(account, list(FEW), after_changes=True)
        account.simulator.clock.sleep(3 * 3_600)
        account.simulator.mutate(60, seed=seed)
        stop_timers(account)
    account.load(*FEW)
    assert_equals_truth(account, list(FEW), after_changes=True)
    assert max(since_asked(account)) <= instant(account.simulator.clock.now())


@pytest.mark.nightly
@pytest.mark.parametrize("kind", [Fault.CLOCK_AHEAD, Fault.CLOCK_BEHIND], ids=lambda kind: kind.name)
@pytest.mark.by_day(1)
def test_a_sync_never_asks_for_what_changed_after_now_and_ends_equal(
    open_account: OpenAccount, tmp_path: Path, kind: Fault
) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    stop_timers(account)
    account.simulator.faults.at(lambda _: True, kind, times=1 << 30)
    for seed in range(2):
        assert sync_from(account, warehouse).is_equal
        account.simulator.clock.sleep(5 * 3_600)
        account.simulator.mutate(30, seed=seed, deletions=True)
        stop_timers(account)
    assert sync_from(account, warehouse, repair=True).is_equal
    assert_equals_truth(account, after_changes=True)
    for request in account.simulator.requests:
        assert request.query.get("updated_since", "") <= instant(request.at), request


@pytest.mark.parametrize("hours", [-30, -0.2, 0.2, 30], ids=lambda hours: f"{hours} h")
@pytest.mark.by_day(1)
def test_where_our_own_clock_is_wrong_nothing_is_missed(open_account: OpenAccount, hours: float) -> None:
    account = skewed(open_account(), hours)
    stop_timers(account)
    for seed in range(2):
        account.load(*FEW)
        account.simulator.clock.sleep(3 * 3_600)
        account.simulator.mutate(60, seed=seed)
        stop_timers(account)
    account.load(*FEW)
    assert_equals_truth(account, list(FEW), after_changes=True)
    earliest = account.simulator.clock.now() + timedelta(hours=min(hours, 0))
    assert max(since_asked(account)) <= instant(earliest)


def work(account: Account, seed: int) -> None:
    account.simulator.mutate(30, seed=seed, deletions=True)
    stop_timers(account)


@pytest.mark.nightly
def test_a_machine_whose_clock_is_set_back_and_then_forward_between_runs_ends_equal(
    synced: tuple[Account, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    account, warehouse = synced
    for seed, hours in enumerate((-40, 60)):
        account.simulator.clock.sleep(5 * 3_600)
        work(account, seed)
        with monkeypatch.context() as patch:
            set_clock(patch, account, hours)
            skewed(account, hours)
            assert sync_from(account, warehouse, accept_deletions=True).is_equal, hours
    assert_equals_truth(account, after_changes=True)


def set_clock(patch: pytest.MonkeyPatch, account: Account, hours: float) -> None:
    """What a module of ours takes for now is the simulator's time, so many hours off."""
    clock = account.simulator.clock

    class Kind(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, datetime)

    class Shifted(datetime, metaclass=Kind):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return (clock.now() + timedelta(hours=hours)).astimezone(tz)

    for name, module in list(sys.modules.items()):
        if name.startswith(("harvest_warehouse", "harvest_time_tracking")) and vars(module).get("datetime") is datetime:
            patch.setattr(module, "datetime", Shifted)


@pytest.mark.nightly
def test_a_sync_over_midnight_misses_nothing_of_either_day(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    clock = account.simulator.clock
    clock.sleep((clock.now().replace(hour=23, minute=59, second=58) - clock.now()).total_seconds() % 86_400)
    work(account, 1)

    def midnight() -> None:
        clock.sleep(4)
        work(account, 2)

    account.simulator.faults.between_pages("time_entries", midnight)
    before = clock.now().date()
    sync_from(account, warehouse, accept_deletions=True)
    assert clock.now().date() > before
    clock.sleep(60)
    assert sync_from(account, warehouse, accept_deletions=True).is_equal
    assert_equals_truth(account, after_changes=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a zone is a process's own")
@pytest.mark.nightly
def test_a_second_run_in_another_zone_and_locale_ends_equal(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    work(account, 1)
    account.simulator.enforce_limits = False

    def elsewhere() -> None:
        # A day ahead for most of the day.
        os.environ.update(TZ="Pacific/Kiritimati", LC_ALL="C", LANG="C")
        time.tzset()
        locale.setlocale(locale.LC_ALL, "C")
        assert time.timezone == -14 * 3_600
        assert sync_from(account, warehouse, accept_deletions=True, build_marts=True).is_equal

    in_a_child(elsewhere)
    account.pipeline = open_pipeline(warehouse)
    assert_equals_truth(account, after_changes=True)
    account.simulator.clock.sleep(3_600)
    work(account, 2)
    assert sync_from(account, warehouse, accept_deletions=True).is_equal
    assert_equals_truth(account, after_changes=True)


def test_a_position_that_lies_in_the_future_is_none_and_everything_is_read(open_account: OpenAccount) -> None:
    account = skewed(open_account(), 48)
    stop_timers(account)
    # Both clocks are two days ahead: what is remembered is wrong, and nobody can know.
    account.simulator.faults.at(lambda _: True, Fault.ODD_DATE, times=1 << 30)
    account.load("clients", "time_entries")
    account.simulator.faults.clear()
    account.simulator.clock.sleep(3_600)
    account.simulator.mutate(60, seed=3)
    stop_timers(account)
    account.simulator.clock.sleep(6 * 3_600)
    # Now ours is set right, and what changed in between lies before the position.
    del account.client
    account.simulator.requests.clear()
    account.load("clients", "time_entries")
    assert account.outcomes()["clients"].is_full
    assert account.outcomes()["time_entries"].is_full
    assert_equals_truth(account, ["clients", "time_entries"], after_changes=True)
    account.load("clients", "time_entries")
    assert not account.outcomes()["clients"].is_full


def test_a_clock_set_back_by_a_little_reads_nothing_in_full(open_account: OpenAccount) -> None:
    account = open_account()
    account.load("clients")
    skewed(account, -0.05).load("clients", overlap_hours=0)
    assert not account.outcomes()["clients"].is_full
    assert since_asked(account) == [instant(account.simulator.clock.now() - timedelta(minutes=3))]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Fault.CLOCK_AHEAD, "Harvest's clock is 24 hours ahead of this machine's"),
        (Fault.CLOCK_BEHIND, "Harvest's clock is 24 hours behind this machine's"),
        (Fault.ODD_DATE, "days ahead of this machine's"),
        (Fault.UNREADABLE_DATE, ""),
        (None, ""),
    ],
)
def test_clocks_that_differ_are_said_once_in_a_run(
    open_account: OpenAccount, caplog: pytest.LogCaptureFixture, kind: Fault | None, words: str
) -> None:
    account = open_account()
    if kind:
        account.simulator.faults.at(lambda _: True, kind, times=1 << 30)
    with caplog.at_level(logging.WARNING):
        account.load("clients", "time_entries", "invoices", "invoice_payments")
    said = [record.getMessage() for record in caplog.records if "clock" in record.getMessage()]
    assert len(said) == bool(words)
    assert all(words in line for line in said)


INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
TOOK = st.timedeltas(timedelta(), timedelta(minutes=6))


@given(INSTANTS, st.one_of(st.none(), INSTANTS), TOOK)
def test_a_request_counts_as_asked_by_neither_clocks_future(
    ours: datetime, theirs: datetime | None, took: timedelta
) -> None:
    at = asked_at(ours, theirs, took)
    assert at <= ours
    assert theirs is None or at <= theirs
    assert at in (ours, theirs and theirs - took)


@pytest.mark.parametrize(
    ("theirs", "took", "minutes"),
    [
        (None, 0, 0),
        (OURS, 0, 0),
        # Dated anywhere between question and end, clocks agree.
        (OURS + timedelta(minutes=20), 20, 0),
        (OURS + timedelta(minutes=5), 20, 0),
        (OURS + timedelta(minutes=26), 20, 6),
        (OURS - timedelta(minutes=6), 20, -6),
    ],
)
def test_how_far_clocks_differ_at_the_least(theirs: datetime | None, took: int, minutes: int) -> None:
    assert clock_difference(OURS, theirs, timedelta(minutes=took)) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (timedelta(), None),
        (timedelta(minutes=5), None),
        (-timedelta(minutes=5), None),
        (timedelta(minutes=5, seconds=1), "5 minutes ahead of"),
        (-timedelta(minutes=90), "90 minutes behind"),
        (timedelta(hours=3), "3 hours ahead of"),
        (-timedelta(days=400), "400 days behind"),
    ],
)
def test_a_difference_of_more_than_five_minutes_is_worth_a_word(difference: timedelta, words: str | None) -> None:
    assert (words in said_of_clocks(difference)) if words else said_of_clocks(difference) == ""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Mon, 16 Mar 2026 09:00:00 GMT", OURS),
        ("Mon, 16 Mar 2026 09:00:00 -0000", OURS),
        ("Mon, 16 Mar 2026 09:00:00", OURS),
        ("Mon, 16 Mar 2026 10:00:00 +0100", OURS),
        *(
            (odd, None)
            for odd in ("", "9999", "yesterday", "Mon, 16 Mar 202 09:00:00 GMT", "Mon, 16 Mar 2026 25:00:00 GMT")
        ),
        *((f"Fri, 01 Jan {'9' * digits} 00:00:00 GMT", None) for digits in (5, 30, 5_000)),
        ("Mon, 16 Mar 2026 09:00:00 +9999", None),
        (None, None),
    ],
)
def test_a_date_in_a_header_is_one_with_a_zone_or_none(text: str | None, found: datetime | None) -> None:
    assert http_date(text) == found


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_is_written_with_four_digits_for_any_year_and_read_again(at: datetime) -> None:
    assert len(instant(at)) == 20
    assert parsed(instant(at)) == at.replace(microsecond=0)


def test_the_years_of_days_have_four_digits_too() -> None:
    assert compact(date(202, 3, 1)) == "02020301"
    assert month_calls(STREAMS["report_time_clients"], [date(202, 3, 1)], "1")[0].params == {
        "from": "02020301",
        "to": "02020331",
    }
    assert before("0099-03-01T01:00:00Z", timedelta(hours=2)) == "0099-02-28T23:00:00Z"


@pytest.mark.nightly
def test_days_of_the_year_202_and_changes_of_the_year_99_are_loaded_as_they_are(
    open_account: OpenAccount, tmp_path: Path
) -> None:
    account, warehouse = open_account(), Target(tmp_path)
    stop_timers(account)
    odd = ("time_entries", "invoices", "expenses", "clients")
    account.simulator.faults.at(lambda request: request.path.removeprefix("/v2/") in odd, Fault.ODD_YEARS, 1 << 30)
    for _ in range(2):
        sync_from(account, warehouse)
        account.simulator.clock.sleep(3_600)
    for stream in odd:
        rows = account.rows(stream)
        assert len(rows) == len(account.simulator.truth()[stream])
        assert {row["updated_at"].year for row in rows} == {99}
        field = STREAMS[stream].date_field
        assert field is None or {row[field].year for row in rows} == {202}
