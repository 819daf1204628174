"""A reading of a list that shifts under it: what is called shown has every record that did not change meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvest_time_tracking.http.protocol import Page, paging_of
from harvest_time_tracking.reading.calls import Call
from harvest_time_tracking.reading.completeness import Order, Reading, following
from harvest_time_tracking.reading.seen import Ask

FIRST = date(2024, 1, 1)
OVERLAP = 8
ROUNDS = 5


@dataclass(frozen=True)
class Entry:
    id: int
    day: date
    version: int


@dataclass
class World:
    """A list of records by day, the latest first, that changes between answers.

    Attributes:
        rng: decides what happens.
        entries: by id.
        days: how many there are to be on.
        most: the longest page that is served.
        changes: how many there are between two answers, on average.
        unsaid: the keys of the envelope that are left out.
        is_shuffled: whether records of one day come in another order each time.
    """

    rng: Random
    entries: dict[int, Entry]
    days: int
    most: int = 2_000
    changes: float = 0.0
    unsaid: frozenset[str] = frozenset()
    is_shuffled: bool = False
    now: int = 1
    asked: list[tuple[Call, Ask]] = field(default_factory=list)

    def change(self) -> None:
        """An edit, a deletion, a creation, a move; or a deletion and an arrival at once, which leave the total as it was."""
        self.now += self.rng.random() < 0.5
        for act in self.rng.choice(("e", "d", "c", "m", "dc", "dm")):
            some = self.rng.choice(list(self.entries.values())) if self.entries else None
            if act == "c":
                new = max(self.entries, default=0) + 1 + self.rng.randrange(3)
                self.entries[new] = Entry(new, self.a_day(), self.now)
            elif some and act == "d":
                del self.entries[some.id]
            elif some:
                self.entries[some.id] = replace(some, version=self.now, day=self.a_day() if act == "m" else some.day)

    def a_day(self) -> date:
        return FIRST + timedelta(days=self.rng.randrange(self.days))

    def answer(self, call: Call, ask: Ask) -> Page:
        """One state of the list, and then some changes."""
        self.asked.append((call, ask))
        first, last = call.params.get("from", ""), call.params.get("to", "9999")
        listed = [entry for entry in self.entries.values() if str(first) <= entry.day.isoformat() <= str(last)]
        salt = self.rng.random() if self.is_shuffled else 0
        listed.sort(key=lambda entry: (-entry.day.toordinal(), hash((entry.id * 2_654_435_761, salt))))
        per_page = min(ask.per_page, self.most)
        start = (ask.page - 1) * per_page
        shown = listed[start : start + per_page]
        pages = max(1, -(-len(listed) // per_page))
        envelope = {
            "total_entries": len(listed),
            "per_page": per_page,
            "page": ask.page,
            "total_pages": pages,
            "next_page": ask.page + 1 if ask.page < pages else None,
        }
        whole = self.changes + self.rng.random()
        for _ in range(int(whole)):
            self.change()
        records = [
            {"id": entry.id, "updated_at": str(entry.version), "spent_date": entry.day.isoformat()} for entry in shown
        ]
        said = {name: value for name, value in envelope.items() if name not in self.unsaid}
        return Page(records, b"", "time_entries", paging_of(said))


def read(world: World, most: int = 2_000) -> tuple[Reading, bool]:
    """Read the list, up to four answers under way, which come in whatever order; and whether it was shown whole."""
    root = Reading(Call("time_entries", {}, {}), "spent_date", most, Order())
    left = [root]
    for _ in range(ROUNDS):
        for reading in left:
            under_way: list[Ask] = []
            while True:
                while len(under_way) < 4 and (ask := reading.wants()):
                    under_way.append(ask)
                if not under_way:
                    break
                ask = under_way.pop(world.rng.randrange(len(under_way)))
                reading.take(ask, world.answer(reading.call, ask))
        left = root.left(OVERLAP)
        if not left:
            return root, True
    return root, False


def world_of(seed: int, size: int, days: int, **facts: Any) -> World:
    rng = Random(seed)
    entries = {number: Entry(number, FIRST + timedelta(days=rng.randrange(days)), 0) for number in range(1, size + 1)}
    return World(rng, entries, days, **facts)


def ids_of(reading: Reading) -> set[int]:
    return {number for array in reading.ids._arrays for number in array.to_pylist()}


@given(
    seed=st.integers(0, 1 << 30),
    size=st.integers(0, 300),
    days=st.sampled_from([1, 3, 30, 400]),
    most=st.sampled_from([5, 12, 20, 50]),
    cap=st.sampled_from([4, 10, 2_000]),
    changes=st.sampled_from([0.0, 0.3, 1.0, 4.0]),
    unsaid=st.sampled_from(
        [set(), {"total_entries"}, {"total_entries", "total_pages", "next_page"}, {"total_pages", "page"}]
    ),
)
@settings(max_examples=150, deadline=None)
@pytest.mark.nightly
def test_no_record_that_did_not_change_is_missed_in_a_list_called_shown(
    seed: int, size: int, days: int, most: int, cap: int, changes: float, unsaid: set[str]
) -> None:
    world = world_of(seed, size, days, most=cap, changes=changes, unsaid=frozenset(unsaid))
    before = dict(world.entries)
    reading, is_whole = read(world, most)
    unchanged = {number for number, entry in before.items() if world.entries.get(number) == entry}
    if is_whole:
        assert unchanged <= ids_of(reading)
    # No page of four records or fewer reaches from one side of the twelfth to the other.
    assert is_whole or changes or min(most, cap) < 10


@given(
    seed=st.integers(0, 1 << 30),
    size=st.integers(0, 3_000),
    days=st.sampled_from([1, 3, 30, 400]),
    cap=st.sampled_from([100, 2_000]),
    has_totals=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_at_rest_each_record_comes_and_hardly_any_page_is_asked_for_besides(
    seed: int, size: int, days: int, cap: int, has_totals: bool
) -> None:
    world = world_of(seed, size, days, most=cap, unsaid=frozenset() if has_totals else frozenset({"total_entries"}))
    reading, is_whole = read(world, 200)
    assert is_whole
    assert ids_of(reading) == set(world.entries)
    pages = max(1, -(-size // min(cap, 200)))
    assert len(world.asked) <= pages * 1.2 + 1
    assert len(world.asked) == len(set(world.asked)), "nothing is asked for twice"


@given(seed=st.integers(0, 1 << 30), size=st.integers(0, 400), days=st.sampled_from([30, 400]))
@settings(max_examples=100, deadline=None)
def test_an_order_inside_a_day_that_is_another_one_each_time_loses_nothing(seed: int, size: int, days: int) -> None:
    """Nobody promises one. Days that fit into a page are then read as such."""
    world = world_of(seed, size, days, is_shuffled=True)
    reading, is_whole = read(world, 50)
    if is_whole:
        assert ids_of(reading) == set(world.entries)
    assert is_whole or size > 300


@pytest.mark.parametrize("changes", [0.0, 1.0])
def test_a_list_that_shows_that_it_keeps_no_order_is_read_by_days(changes: float) -> None:
    for seed in range(40):
        world = world_of(seed, 600, 60, changes=changes, is_shuffled=True)
        before = dict(world.entries)
        reading, is_whole = read(world, 50)
        assert is_whole
        assert {number for number, entry in before.items() if world.entries.get(number) == entry} <= ids_of(reading)


def test_an_hour_of_work_in_a_long_list_costs_a_few_pages() -> None:
    for seed in range(20):
        world = world_of(seed, 5_000, 400, changes=1.0)
        before = dict(world.entries)
        reading, is_whole = read(world, 200)
        assert is_whole
        assert {number for number, entry in before.items() if world.entries.get(number) == entry} <= ids_of(reading)
        quiet = -(-5_000 // 200)
        assert len(world.asked) <= quiet * 1.5


def test_one_that_goes_for_each_one_that_comes_is_no_server_that_hides_records() -> None:
    class InTurn(World):
        def change(self) -> None:
            # Behind what was shown, and before it.
            del self.entries[min(self.entries.values(), key=lambda entry: entry.day).id]
            new = max(self.entries) + 1
            self.entries[new] = Entry(new, FIRST + timedelta(days=self.days), 2)

    class Hidden(World):
        def answer(self, call: Call, ask: Ask) -> Page:
            shown = super().answer(call, ask)
            # Another one stands in its place, so that the page is as long as it should be.
            first = shown.records[0]
            return replace(shown, records=[first if record["id"] == 7 else record for record in shown.records])

    for seed in range(5):
        plain = world_of(seed, 600, 400)
        world = InTurn(plain.rng, dict(plain.entries), 400, changes=1.0)
        reading, is_whole = read(world, 50)
        assert is_whole, reading.why()
        assert {number for number in plain.entries if number in world.entries} <= ids_of(reading)
        reading, is_whole = read(Hidden(plain.rng, plain.entries, 400), 50)
        assert not is_whole


def test_a_server_that_shows_a_page_twice_is_not_believed() -> None:
    class Twice(World):
        def answer(self, call: Call, ask: Ask) -> Page:
            shown = super().answer(call, ask)
            # The last page is the one before it, in its length.
            if call.params.get("from") is None and ask.page == 5:
                again = super().answer(call, Ask(4, ask.per_page))
                return replace(again, records=again.records[: len(shown.records)], paging=shown.paging)
            return shown

    plain = world_of(1, 480, 400)
    world = Twice(plain.rng, plain.entries, 400)
    reading, is_whole = read(world, 100)
    assert not is_whole or ids_of(reading) == set(world.entries)
    assert not is_whole
    assert "480" in reading.why()
    assert "chang" not in reading.why()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda page: replace(page, paging=page.paging._replace(total=10_000)), "10,000"),
        (lambda page: replace(page, records=page.records[:-1]), "480"),
        (lambda page: replace(page, records=page.records[:2] + page.records[3:]), "480"),
        (lambda page: replace(page, paging=page.paging._replace(total=10**11)), "100,000,000,000"),
    ],
    ids=["more than there are", "one short at its end", "one short in its middle", "without end"],
)
def test_an_answer_that_contradicts_itself_proves_nothing(spoil: Any, said: str) -> None:
    class Spoilt(World):
        def answer(self, call: Call, ask: Ask) -> Page:
            return spoil(super().answer(call, ask))  # type: ignore[no-any-return]

    plain = world_of(1, 480, 400)
    world = Spoilt(plain.rng, plain.entries, 400)
    reading, is_whole = read(world, 100)
    assert not is_whole
    assert said in reading.why()
    assert len(world.asked) <= 60


def test_a_server_that_knows_no_page_but_the_first_is_read_by_days() -> None:
    class First(World):
        def answer(self, call: Call, ask: Ask) -> Page:
            page = super().answer(call, Ask(1, ask.per_page))
            return replace(page, paging=page.paging._replace(number=1))

    plain = world_of(1, 380, 400)
    world = First(plain.rng, plain.entries, 400)
    reading, is_whole = read(world, 100)
    assert is_whole
    assert ids_of(reading) == set(world.entries)


def test_a_server_that_never_ends_is_left() -> None:
    class Endless(World):
        def answer(self, call: Call, ask: Ask) -> Page:
            page = super().answer(call, Ask(1, ask.per_page))
            return replace(page, paging=page.paging._replace(total=10**11, number=ask.page))

    plain = world_of(1, 480, 400)
    world = Endless(plain.rng, plain.entries, 400)
    _, is_whole = read(world, 100)
    assert not is_whole
    assert len(world.asked) < 400


@given(end=st.integers(1, 200_000), most=st.integers(1, 2_000), overlap=st.integers(1, 80))
def test_the_next_page_brings_something_new_and_leaves_nothing_out(end: int, most: int, overlap: int) -> None:
    ask = following(end, most, overlap)
    begins = (ask.page - 1) * ask.per_page
    assert begins <= end < ask.end
    assert 1 <= ask.per_page <= most
    if most >= 100:
        assert end - begins >= min(overlap, most // 4, end)


def test_a_window_of_25_pages_takes_one_more_at_most() -> None:
    for most in (100, 2_000):
        end, pages = most, 1
        while end < 25 * most:
            end, pages = following(end, most).end, pages + 1
        assert pages <= (26 if most == 2_000 else 29)
