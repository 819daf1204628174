"""Read plan of a stream for one extract: which requests to send, and where the next extract resumes."""

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

# First and last day of a window, as stored in the state; None for no bound.
Bounds = list[str | None]


def most_requests(records: int, sizes: ReadSizes = USUAL) -> int:
    """Upper bound of the requests for a first read of a list sorted by date, if nothing changes meanwhile."""
    pages, end = 1, PER_PAGE
    while end < records:
        pages, end = pages + 1, following(end, PER_PAGE).end
    if pages == 1:
        return 1
    # One for changes since the start; with windows also the first page, the oldest day, and one partial page per window.
    return pages + 1 + (2 + pages // sizes.pages_of_a_window if page_count(records) > sizes.pages_at_once else 0)


@dataclass(frozen=True)
class Options:
    """Options of a run: what to read.

    Attributes:
        overlap: how far before the last complete read an incremental one begins. Generous, because rows can be committed
            late and clocks differ; rows read twice are merged.
        children_requests: requests per run for child records, of changed and unchanged parents; None for the default.
        months: first days of the calendar months to read reports for.
        arguments: values for the streams that read named rows only.
        again: re-read filters by stream (`from` and `to`, `project_id`): matching rows are read in full, in addition to
            changes. An empty filter matches the whole list.
        portion: about how many pages of a list, or parents of a child stream, a first read takes per extract; the next
            extract resumes. None: all.
    """

    overlap: timedelta = timedelta(hours=2)
    children_requests: int | None = None
    months: Sequence[date] = ()
    arguments: Mapping[str, Sequence[object]] = field(default_factory=dict)
    again: Mapping[str, Sequence[Mapping[str, object]]] = field(default_factory=dict)
    portion: int | None = None


@dataclass(frozen=True)
class ReadPlan:
    """Requests for a stream in this extract, and where the next extract resumes.

    Attributes:
        calls: the requests.
        besides: requests to send once all `calls` are read.
        began_at: start of the read, if earlier than its first response in this extract.
        barren: scopes of childless parents, whose rows are deleted without a request.
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
        """Progress to save in the stream's state; None if the state stays as it is.

        Args:
            began_at: start of the read.
            unproven: requests whose completeness was not proven.
        """
        return None if unproven else Complete(began_at)


@dataclass(frozen=True)
class ChildrenPlan(ReadPlan):
    """Read plan of a child stream.

    Attributes:
        last: id of the last parent in this plan.
        left: whether parents are left for the next extract.
        is_first: whether no read of all parents was ever completed.
        is_unproven: whether completeness of the parents' list, or of an earlier part of this read, was not proven.
        asked_last: last parents chosen by the round-robin.
    """

    last: int = 0
    left: bool = False
    is_first: bool = False
    is_unproven: bool = False
    asked_last: Split = NONE

    @property
    def is_last(self) -> bool:
        """False where parents are left for the next extract."""
        return not self.left

    def after(self, began_at: datetime, unproven: Collection[Call]) -> Progress | None:
        """Cursor of a complete read, else the place to resume: after the last parent, or from the start if unproven."""
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
        left: windows for the next extracts.
        unproven_before: windows read earlier in this run whose completeness was not proven; a later run reads them again.
    """

    left: Sequence[Bounds] = ()
    unproven_before: Sequence[Bounds] = ()

    @property
    def is_last(self) -> bool:
        """False where windows are left."""
        return not self.left

    def after(self, began_at: datetime, unproven: Collection[Call]) -> Progress | None:
        """Windows that are left or unproven, as the place to resume; the cursor if there are none."""
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
    """Plan a child stream: first all parents, in chunks; later changed ones, those in `told`, and a share of the others."""
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
        # Parents already read before the interruption are treated as in an incremental run.
        stale, _ = parents.due(stream, memory.parents_since(options.overlap) or "", told, share, NONE)
        due = [parent for parent in stale if parent <= place["after"]] + due
    session.begun.add(stream.name)
    # A payment was withdrawn, or somebody is no longer a manager: no request is needed to know that there are no rows.
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
    # Windows left unproven earlier in this run, which does not read them again.
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

    # Records that moved into an already read window since the read began.
    since = before(instant(began_at), options.overlap if is_resumed else timedelta())
    moved = [] if left or place is None else list_calls(stream, account_id, since, start_date)[:1]
    return WindowsPlan(calls, moved, began_at, left=left, unproven_before=unproven_before)


def _days(stream: Stream, pages: Pages, whole: Call, first: Page) -> Generator[None, None, tuple[date, date] | None]:
    """Oldest and newest day of a list too long to be read at once; None if it is short enough, or the days are unknown."""
    if _pages_of(first) <= pages.sizes.pages_at_once:
        return None
    # The list is sorted newest first, so its last record is the oldest.
    last = replace(whole, params={**whole.params, "page": first.total, "per_page": 1})
    oldest = yield from waited(pages.first(last))
    days = [day_of(page.records[0], stream.date_field) if page.records else None for page in (oldest, first)]
    if days[0] is None or days[1] is None or days[1] < days[0]:
        return None
    pages.forget(whole)
    return days[0], days[1]


def _pages_of(first: Page) -> int:
    """Number of pages by the total that Harvest states, at the first page's length."""
    return page_count(first.total, first.paging.per_page or PER_PAGE)


def waited(future: Future[Page]) -> Generator[None, None, Page]:
    """Wait for a page, yielding None meanwhile."""
    while not future.done():
        yield None
    return future.result()
