"""Lists without an end: of pages that were never seen, without rows or with the same, and of a hundred thousand million rows."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import SupportsIndex

import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from harvest_simulator import Fault, Simulator
from harvest_time_tracking import STREAMS
from harvest_time_tracking.errors import ContractViolation
from support.accounts import Account, assert_equals_truth
from support.servers import Said, serving

OpenAccount = Callable[..., Account]
# Lists that go on by links, and lists that are sorted by date.
LISTS = ["clients", "user_assignments", "time_entries", "invoices"]
KINDS = [Fault.ENDLESS_LINK, Fault.ENDLESS_ROWS, Fault.HUGE_TOTAL]


@contextmanager
def said_in_words() -> Iterator[None]:
    """That what goes wrong, if anything does, is one of our errors, with words."""
    try:
        yield
    except PipelineStepFailed as error:
        seen: BaseException | None = error
        while seen is not None and not isinstance(seen, ContractViolation):
            seen = seen.__cause__ or seen.__context__
        if seen is None or not str(seen):
            raise


@contextmanager
def memory_of(most_mb: float) -> Iterator[None]:
    """That what runs within holds so much at most."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most_mb * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.by_day(2)
@pytest.mark.parametrize("stream", LISTS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_list_without_an_end_ends_in_words_with_few_requests_and_little_memory(
    open_account: OpenAccount, kind: Fault, stream: str
) -> None:
    account = open_account(enforce_limits=False)
    for entry in account.simulator.truth()["time_entries"]:
        if entry["is_running"]:
            account.simulator.store.stop_timer(entry["id"])
    path = f"/v2/{STREAMS[stream].path}"
    account.simulator.faults.at(lambda request: request.path == path, kind, times=1 << 30)
    with memory_of(100), said_in_words():
        account.load(stream)
    outcome = account.outcomes()[stream]
    # Where the links of a list that has numbers lead does not matter, if its numbers are right.
    assert outcome.reason or (kind is not Fault.HUGE_TOTAL and STREAMS[stream].date_field)
    assert outcome.outcome in ("failed", "unproven", "complete")
    assert (outcome.outcome == "complete") == (not outcome.reason)
    assert len([request for request in account.simulator.requests if request.path == path]) < 400
    # Well again, all is there.
    account.simulator.faults.clear()
    account.load(stream)
    assert_equals_truth(account, [stream])


def test_where_nobody_says_how_many_there_are_a_list_that_repeats_itself_ends_too(tmp_path: Path) -> None:
    with serving() as server:
        numbers = itertools.count()

        class Answers(list[Said]):
            def pop(self, _: SupportsIndex = -1) -> Said:
                link = f"{server.url}/clients?cursor={next(numbers)}"
                return Said(body=f'{{"clients":[{{"id":1}},{{"id":2}}],"links":{{"next":"{link}"}}}}'.encode())

        server.answers = Answers([Said(), Said()])
        account = Account(Simulator(empty=True), server.url, tmp_path)
        with pytest.raises(PipelineStepFailed, match="does not end: 2 different records came"):
            account.load("clients")
    assert len(server.asked) < 100
