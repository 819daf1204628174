"""Read plan of a stream for one extract: what to ask, and where the next extract resumes."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ..http.protocol import Page
from ..settings import Settings
from ..sizes import PER_PAGE, USUAL, ReadSizes
from ..stream import Stream
from .calls import Call, calls_for, list_calls, window_call, windows_between
from .completeness import following
from .pages import Pages, page_count
from .request_shares import NONE, Split
from .run_cache import ParentIndex, Session
from .seen import day_of
from .stream_state import Complete, Memory, Place, Progress, before, instant, parsed

# A window's first and last day, as the state keeps them; None for no bound.
Bounds = list[str | None]


def most_requests(records: int, sizes: ReadSizes = USUAL) -> int:
    """Upper bound of the requests for a first reading of a list sorted by date, if nothing changes meanwhile."""
    pages, end = 1, PER_PAGE
    while end < records:
        pages, end = pages + 1, following(end, PER_PAGE).end
    if pages == 1:
        return 1
    # What is new since it began; and the first page, the oldest day and a page that is not full for each window.
    return pages + 1 + (2 + pages // sizes.pages_of_a_window if page_count(records) > sizes.pages_at_once else 0)


@dataclass(frozen=True)
class Options:
    """Options of a run: what it is to read.

    Attributes:
        overlap: how far before the last complete read an incremental one begins. Generous, because rows can be committed
            late and clocks differ; the merge makes it free.
        children_requests: how many requests for children a run makes, changed or not; None for what suits the account.
        months: the first days of the calendar months that reports are read for.
        arguments: the values for streams that are read only for named rows.
        again: for a stream, the filters (`from` and `to`, `project_id`) whose rows are read in full besides what changed;
            an empty one stands for the whole list.
        portion: how many pages of a list, or parents of a stream by parent, a first reading takes in one extract, about;
            the next extract goes on. None: all.
    """

    overlap: timedelta = timedelta(hours=2)
    children_requests: int | None = None
    months: Sequence[date] = ()
    arguments: Mapping[str, Sequence[object]] = field(default_factory=dict)
    again: Mapping[str, Sequence[Mapping[str, object]]] = field(default_factory=dict)
    portion: int | None = None


@dataclass(frozen=True)
class ReadPlan:
    """What to ask for a list in this extract, and where the next extract resumes.

    Attributes:
        calls: all of it.
        besides: what to ask when all of these were read.
        began_at: the moment it began, where that was before its first answer.
        barren: the scopes of childless parents, which have no rows, without asking.
    """

    calls: Sequence[Call]
    besides: Sequence[Call] = ()
    began_at: datetime | None = None
    barren: Sequence[Mapping[str, Any]] = ()

    @property
    def is_last(self) -> bool:
        """False where the next extract resumes this read."""
        return True

    def after(self, began_at: datetime, unproven: Collection[Call]) -> Progress | None:
        """What the stream's state keeps of this reading; None if it stays as it is.

        Args:
            began_at: the moment the reading began.
            unproven: the calls that were not proven whole.
        """
        return None if unproven else Complete(began_at)


@dataclass(frozen=True)
class ChildrenPlan(ReadPlan):
    """Plan of a stream by parent.

    Attributes:
        last: the last parent that is asked.
        left: whether the next extract asks further parents.
        is_first: whether no reading of all parents was ever complete.
        is_unproven: whether the parents' own list, or an earlier part of this reading, was not proven whole.
        asked_last: the parents that were asked last in turn.
    """

    last: int = 0
    left: bool = False
    is_first: bool = False
    is_unproven: bool = False
    asked_last: Split = NONE

    @property
    def is_last(self) -> bool:
        """False where the next extract asks further parents."""
        return not self.left

    def after(self, began_at: datetime, unproven: Collection[Call]) -> Progress | None:
        """Place of the last parent, or the cursor; after a first reading that was not whole, its beginning."""
        began_at, is_unproven = self.began_at or began_at, bool(unproven) or self.is_unproven
        if self.left:
            return Place(began_at, {"after": self.last, "is_unproven": is_unproven})
        if not is_unproven:
            return Complete(began_at, self.asked_last)
        return Place(began_at, {"after": 0}) if self.is_first else None


@dataclass(frozen=True)
class WindowsPlan(ReadPlan):
    """Plan of a full read in windows of days.

    Attributes:
        left: the windows of the next extracts.
        unproven_before: windows of this run that were not proven whole: a later run reads them once more.
    """

    left: Sequence[Bounds] = ()
    unproven_before: Sequence[Bounds] = ()

    @property
    def is_last(self) -> bool:
        """False where windows are left."""
        return not self.left

    def after(self, began_at: datetime, unproven: Collection[Call]) -> Progress | None:
        """Windows that are left or were not proven whole; the cursor if there are none."""
        began_at = self.began_at or began_at
        again = [[call.params.get("from"), call.params.get("to")] for call in unproven if call in self.calls]
        if self.left or unproven or self.unproven_before:
            return Place(began_at, {"windows": self.left, "unproven": [*self.unproven_before, *again]})
        return Complete(began_at)


def children(
    stream: Stream,
    parents: ParentIndex,
    told: Collection[int],
    share: Split,
    memory: Memory,
    session: Session,
    options: Options,
    account_id: str,
) -> ChildrenPlan:
    """Plan a stream by parent: first all parents, in chunks; later those that changed, those `told` of, and a share of others."""
    asked_last = NONE
    since, place = memory.since(options.overlap), memory.unfinished
    is_first = since is None
    began_at = parents.began_at or datetime.now(UTC)
    if since is not None:
        due, asked_last = parents.due(stream, since, told, share, memory.asked_last)
        left: list[int] = []
    else:
        after = place["after"] if place else 0
        due = [parent for parent in parents.able(stream) if parent > after]
        due, left = due[: options.portion], due[options.portion :] if options.portion else []
    is_resumed = place is not None and stream.name not in session.begun
    if since is None and place and is_resumed:
        # Of those that were asked before, the same as in a run after this one.
        stale, _ = parents.due(stream, memory.parents_since(options.overlap) or "", told, share, NONE)
        due = [parent for parent in stale if parent <= place["after"]] + due
    session.begun.add(stream.name)
    # A payment was taken back, a manager is one no longer: nobody needs to ask to know that there is nothing.
    barren = calls_for(stream, parents.barren(stream), account_id) if place is None or is_resumed else []

    return ChildrenPlan(
        calls_for(stream, due, account_id),
        began_at=began_at,
        barren=[call.injected for call in barren],
        last=due[-1] if due else 0,
        left=bool(left),
        is_first=is_first,
        is_unproven=bool(parents.unproven or (place and place.get("is_unproven"))),
        asked_last=asked_last,
    )


def windows(
    stream: Stream, pages: Pages, memory: Memory, session: Session, options: Options, settings: Settings
) -> Generator[None, None, ReadPlan]:
    """Plan a full read of a list sorted by date: at once if it is short, else in windows of days, in chunks."""
    account_id, start_date = settings.account_id, settings.start_date
    whole = list_calls(stream, account_id, None, start_date)
    place = memory.unfinished
    is_resumed = place is not None and stream.name not in session.begun
    session.begun.add(stream.name)
    # Of this run: it does not read them once more.
    unproven_before: list[Bounds] = []
    if place is None:
        first = yield from waited(pages.first(whole[0]))
        days = yield from _days(stream, pages, whole[0], first)
        if days is None:
            return ReadPlan(whole)
        between = windows_between(*days, _pages_of(first), pages.sizes.pages_of_a_window)
        bounds = [[day.isoformat() if day else None for day in window] for window in between]
        bounds[-1][0] = start_date.isoformat() if start_date else None
        began_at = first.date or datetime.now(UTC)
    else:
        bounds, began_at = place["windows"], parsed(place["began_at"])
        unproven_before = place.get("unproven", [])
        if is_resumed:
            bounds, unproven_before = bounds + unproven_before, []
    portion = max(1, options.portion // pages.sizes.pages_of_a_window) if options.portion else len(bounds)
    calls = [window_call(stream, account_id, first_day, last_day) for first_day, last_day in bounds[:portion]]
    left = bounds[portion:]

    # What was moved, since it all began, into a window that had been read by then.
    since = before(instant(began_at), options.overlap if is_resumed else timedelta())
    moved = [] if left or place is None else list_calls(stream, account_id, since, start_date)[:1]
    return WindowsPlan(calls, moved, began_at, left=left, unproven_before=unproven_before)


def _days(stream: Stream, pages: Pages, whole: Call, first: Page) -> Generator[None, None, tuple[date, date] | None]:
    """Oldest and newest day of a list that is too long to be read at once; None if it is not, or they are not known."""
    if _pages_of(first) <= pages.sizes.pages_at_once:
        return None
    # Newest first, so the last record is the oldest.
    last = replace(whole, params={**whole.params, "page": first.total, "per_page": 1})
    oldest = yield from waited(pages.first(last))
    days = [day_of(page.records[0], stream.date_field) if page.records else None for page in (oldest, first)]
    if days[0] is None or days[1] is None or days[1] < days[0]:
        return None
    pages.forget(whole)
    return days[0], days[1]


def _pages_of(first: Page) -> int:
    """Number of pages of the first page's length, by the total that Harvest states."""
    return page_count(first.total, first.paging.per_page or PER_PAGE)


def waited(future: Future[Page]) -> Generator[None, None, Page]:
    """Wait for a page, yielding None meanwhile."""
    while not future.done():
        yield None
    return future.result()
