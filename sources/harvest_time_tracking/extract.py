"""How the streams of an account are read side by side, each page handed to dlt as it comes in."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from dlt.common import logger

from .calls import Call, calls_for, calls_of_owners, list_calls, month_calls, window_call, windows_between
from .client import Client, FastReader
from .errors import NotThere, PermissionMissing
from .ledger import Entry, Ledger
from .memory import Memory, before, instant, parsed
from .pages import READINGS, Ids, Pages, day_of, page_count
from .protocol import Page
from .rows import RowMaker
from .session import Roll, Session
from .settings import Settings
from .stream import Parent, Stream

# A list of more pages is read in windows, so that a change while it is read costs one window and not the list.
_PAGES_AT_ONCE = 40
_PAGES_OF_A_WINDOW = 25

CHILDREN_WITHIN_RUNS = 90


def most_requests(records: int) -> int:
    """How many requests a first reading of a list sorted by date takes at most, if nothing changes meanwhile."""
    pages = page_count(records)
    if pages == 1:
        return 1
    # What is new since it began; and the first page, the oldest day and a page that is not full for each window.
    return pages + 1 + (2 + pages // _PAGES_OF_A_WINDOW if pages > _PAGES_AT_ONCE else 0)


@dataclass(frozen=True)
class Options:
    """What a run is asked to read.

    Attributes:
        overlap: how far before the last complete read an incremental one begins. Generous, because rows can be committed
            late and clocks differ; the merge makes it free.
        children_within_runs: within how many runs all parents are asked again for their children, changed or not.
        months: the first days of the calendar months that reports are read for.
        arguments: the values for streams that are read only for named rows.
        again: for a stream, the filters (`from` and `to`, `project_id`) whose rows are read in full besides what changed;
            an empty one stands for the whole list.
        portion: how many pages of a list, or parents of a stream by parent, a first reading takes in one extract, about;
            the next extract goes on. None: all.
    """

    overlap: timedelta = timedelta(hours=2)
    children_within_runs: int = CHILDREN_WITHIN_RUNS
    months: Sequence[date] = ()
    arguments: Mapping[str, Sequence[object]] = field(default_factory=dict)
    again: Mapping[str, Sequence[Mapping[str, object]]] = field(default_factory=dict)
    portion: int | None = None


@dataclass(frozen=True)
class _Work:
    """What there is to ask for a stream in this extract.

    Attributes:
        calls: all of it.
        ended: told the moment it began and the calls that kept changing; says what is to be asked besides, or None where
            the next extract goes on.
        began_at: the moment it began, where that was before its first answer.
    """

    calls: list[Call]
    ended: Callable[[datetime, list[Call]], list[Call] | None]
    began_at: datetime | None = None


class Extraction:
    """One dlt extract of one account.

    Args:
        client: closed when the last stream ends, so that no worker outlives the run.
        settings: the account.
        streams: the catalogue.
        switches: the single whose record holds the account's feature switches.
        options: what to read.
        ledger: where each stream's outcome goes.
        session: what the run has learned so far.
    """

    def __init__(
        self,
        client: Client,
        settings: Settings,
        streams: Mapping[str, Stream],
        switches: Stream,
        options: Options,
        ledger: Ledger,
        session: Session,
    ) -> None:
        self._client = client
        self._readers = 0
        self._settings = settings
        self._streams = streams
        self._switches = switches
        self._options = options
        self._ledger = ledger
        self._session = session

    def read(self, stream: Stream) -> Iterator[Any]:
        """The rows of a stream as dlt takes them: Arrow tables or lists of records; None for "not yet, ask another".

        Raises:
            HarvestError: for whatever must stop the run. A missing permission or feature does not: it is an outcome.
        """
        entry = self._ledger.open(stream.name, stream.table_name)
        memory = Memory(stream, self._settings)
        since = memory.since(self._options.overlap) if stream.has_updated_since else None
        if {} in self._again(stream):
            since = None
        entry.is_full = memory.since(self._options.overlap) is None if stream.parent else since is None
        roll = self._session.begin(stream, is_whole=since is None and memory.unfinished is None)
        self._readers += 1
        try:
            maker = RowMaker(stream, memory.added)
            yield from maker.table_with_children(is_new=memory.is_first_run)
            yield from self._read(stream, since, entry, memory, roll, maker)
        except PermissionMissing as error:
            _skip(stream, entry, roll, str(error))
        except NotThere as error:
            if not stream.is_optional:
                entry.close("failed", str(error))
                raise NotThere(f"{error} Is {self._settings.account_id} the account's id?") from None
            _skip(stream, entry, roll, f"this account does not have it ({error})")
        except GeneratorExit:
            entry.close("stopped", "the run stopped elsewhere")
            raise
        except BaseException as error:
            entry.close("failed", str(error) or type(error).__name__)
            raise
        finally:
            roll.is_abandoned = not roll.is_complete and roll.refused is None
            self._readers -= 1
            if not self._readers:
                self._client.close()

    def _read(
        self, stream: Stream, since: str | None, entry: Entry, memory: Memory, roll: Roll, maker: RowMaker
    ) -> Iterator[Any]:
        if (yield from self._is_switched_off(stream, entry)):
            _skip(stream, entry, roll, f"switched off in the account ({self._switches.name}.{stream.feature} is false)")
            return
        pages = self._pages(stream, entry, maker.read)
        if stream.parent:
            parents = yield from self._parent_roll(stream.parent, entry)
            if parents.refused is not None:
                _skip(stream, entry, roll, f"it is read by {stream.parent.stream}: {parents.refused}")
                return
            work = self._children(stream, parents, memory, maker)
        elif since is None and stream.date_field:
            work = yield from self._windows(stream, pages, memory)
        else:
            calls = yield from self._own_calls(stream, since, entry, memory)
            work = _Work(calls, _remembering(memory))
        handed = _Handed(stream, pages, entry, roll, maker, work.began_at)
        yield from handed.rows(work.calls)
        besides = work.ended(handed.began_at or datetime.now(UTC), list(pages.unsettled))
        yield from handed.rows(besides or [])
        yield from maker.rest()
        entry.odd_values, entry.new_columns = maker.odd, maker.undocumented
        entry.is_distinct = stream.key == ("id",) and not stream.scope and handed.ids.are_distinct
        if pages.unsettled:
            entry.reason = f"changed while it was read, {READINGS} times over; the next run reads it again"
        roll.is_complete = besides is not None
        entry.close("complete" if roll.is_complete else "begun")
        if maker.odd:
            logger.warning(
                f"Harvest stream {stream.name}: values that do not fit their column, kept beside it: {maker.odd}"
            )

    def _children(self, stream: Stream, parents: Roll, memory: Memory, maker: RowMaker) -> _Work:
        """The parents to ask: all of them once, in portions; then those that changed, and a share of the others."""
        account_id = self._settings.account_id
        since, place = memory.since(self._options.overlap), memory.unfinished
        began_at = parents.began_at or datetime.now(UTC)
        if since is not None:
            due, turn = parents.due(stream, since, self._options.children_within_runs, memory.turn)
            left: list[int] = []
        else:
            after = place["after"] if place else 0
            due, turn = [parent for parent in parents.able(stream) if parent > after], 0
            due, left = due[: self._options.portion], due[self._options.portion :] if self._options.portion else []
        last = due[-1] if due else 0
        is_resumed = place is not None and stream.name not in self._session.begun
        if since is None and place and is_resumed:
            changed = parents.changed(stream, before(place["began_at"], self._options.overlap))
            due = [parent for parent in changed if parent <= place["after"]] + due
        self._session.begun.add(stream.name)
        if place is None or is_resumed:
            # A payment was taken back, a manager is one no longer: nobody needs to ask to know that there is nothing.
            barren = calls_for(stream, parents.barren(stream), account_id)
            maker.without_rows([call.injected for call in barren])

        def ended(_: datetime, __: list[Call]) -> list[Call] | None:
            if left:
                memory.keep_place(began_at, after=last)
                return None
            memory.remember(began_at, turn)
            return []

        return _Work(calls_for(stream, due, account_id), ended, began_at)

    def _windows(self, stream: Stream, pages: Pages, memory: Memory) -> Generator[None, None, _Work]:
        """A whole list by date: at once where it is short, else in windows, in portions."""
        account_id, start_date = self._settings.account_id, self._settings.start_date
        whole = list_calls(stream, account_id, None, start_date)
        place = memory.unfinished
        is_resumed = place is not None and stream.name not in self._session.begun
        self._session.begun.add(stream.name)
        if place is None:
            first = yield from _waited(pages.first(whole[0]))
            days = yield from self._days(stream, pages, whole[0], first)
            if days is None:
                return _Work(whole, _remembering(memory))
            windows = windows_between(*days, page_count(first.total), _PAGES_OF_A_WINDOW)
            bounds = [[day.isoformat() if day else None for day in window] for window in windows]
            bounds[-1][0] = start_date.isoformat() if start_date else None
            began_at = first.date or datetime.now(UTC)
        else:
            bounds, began_at = place["windows"], parsed(place["began_at"])
        portion = max(1, self._options.portion // _PAGES_OF_A_WINDOW) if self._options.portion else len(bounds)
        calls = [window_call(stream, account_id, first_day, last_day) for first_day, last_day in bounds[:portion]]
        left = bounds[portion:]

        def ended(_: datetime, unsettled: list[Call]) -> list[Call] | None:
            again = [[call.params.get("from"), call.params.get("to")] for call in unsettled]
            if left or again:
                memory.keep_place(began_at, windows=left + again)
                return None if left else []
            memory.remember(began_at)
            if place is None:
                return []
            # What was moved, since it all began, into a window that had been read by then.
            since = before(instant(began_at), self._options.overlap if is_resumed else timedelta())
            return list_calls(stream, account_id, since, start_date)[:1]

        return _Work(calls, ended, began_at)

    def _days(
        self, stream: Stream, pages: Pages, whole: Call, first: Page
    ) -> Generator[None, None, tuple[date, date] | None]:
        """The oldest and the newest day of a list that is too long to be read at once; None where it is not."""
        if page_count(first.total) <= _PAGES_AT_ONCE:
            return None
        # Newest first, so the last record is the oldest.
        last = replace(whole, params={**whole.params, "page": first.total, "per_page": 1})
        oldest = yield from _waited(pages.first(last))
        days = [day_of(page.records[0], stream.date_field) if page.records else None for page in (oldest, first)]
        if days[0] is None or days[1] is None or days[1] < days[0]:
            return None
        pages.forget(whole)
        return days[0], days[1]

    def _own_calls(
        self, stream: Stream, since: str | None, entry: Entry, memory: Memory
    ) -> Generator[None, None, list[Call]]:
        account_id = self._settings.account_id
        if stream.argument:
            return calls_for(stream, self._options.arguments.get(stream.argument, ()), account_id)
        if stream.window == "month":
            return month_calls(stream, self._options.months, account_id)
        start_date = self._settings.start_date
        calls = list_calls(stream, account_id, since, start_date)
        if since is None:
            return calls
        calls += [Call(stream.path, filters, {"account_id": account_id}) for filters in self._again(stream)]
        if stream.owner:
            owners = yield from self._changed(self._streams[stream.owner.stream], entry, memory)
            calls += calls_of_owners(stream, account_id, owners, start_date)
        return calls

    def _again(self, stream: Stream) -> Sequence[Mapping[str, object]]:
        return self._options.again.get(stream.name, ())

    def _pages(self, stream: Stream, entry: Entry, fast: FastReader | None = None) -> Pages:
        return Pages(self._client, stream, entry, self._session.singles, fast)

    def _changed(self, owners: Stream, entry: Entry, memory: Memory) -> Generator[None, None, list[int]]:
        """The ids of the owners that changed since they were last asked for; none where the token may not see them.

        Asked apart from the owners' own stream: that may have come further than the stream that is read now.
        """
        found: list[int] = []
        calls = list_calls(owners, "", memory.owners_since(self._options.overlap), None)
        try:
            for step in self._pages(owners, entry).read(calls):
                found += [record["id"] for record in step.page.records if "id" in record] if step else []
                yield None
        except PermissionMissing:
            memory.are_owners_hidden = True
            return []
        return sorted(set(found))

    def _parent_roll(self, link: Parent, entry: Entry) -> Generator[None, None, Roll]:
        """All parents of a stream: from their own reading where that is of the whole list, else from a list of their own."""
        parent = self._streams[link.stream]
        roll = self._session.find(parent)
        if roll is None:
            roll = self._session.begin(parent, is_whole=True)
            calls = list_calls(parent, "", None, self._settings.start_date)
            try:
                for step in self._pages(parent, entry).settled(calls):
                    if step is not None:
                        roll.note(step.page.records, step.page.date)
                    yield None
                roll.is_complete = True
            except PermissionMissing as error:
                roll.refused = str(error)
            finally:
                roll.is_abandoned = not roll.is_complete and roll.refused is None
        while not roll.is_complete and roll.refused is None:
            if roll.is_abandoned:
                return (yield from self._parent_roll(link, entry))
            yield None
        return roll

    def _is_switched_off(self, stream: Stream, entry: Entry) -> Generator[None, None, bool]:
        if stream.feature is None:
            return False
        switches = self._pages(self._switches, entry).first(Call(self._switches.path, {}, {}))
        try:
            page = yield from _waited(switches)
        except PermissionMissing:
            # Not everybody may read them; then only asking tells.
            return False
        return page.records[0].get(stream.feature) is False


class _Handed:
    """What a stream hands over to dlt in one extract.

    Attributes:
        began_at: the server's clock at the first answer, or earlier where the reading began earlier.
        ids: of all records that were handed over.
    """

    def __init__(
        self, stream: Stream, pages: Pages, entry: Entry, roll: Roll, maker: RowMaker, began_at: datetime | None
    ) -> None:
        self._stream = stream
        self._pages = pages
        self._entry = entry
        self._roll = roll
        self._maker = maker
        self.began_at = began_at
        self.ids = Ids()

    def rows(self, calls: list[Call]) -> Iterator[Any]:
        """The rows of these calls; None for "not yet"."""
        for step in self._pages.settled(calls):
            if step is None:
                yield None
                continue
            page = step.page
            self.began_at = self.began_at or page.date or datetime.now(UTC)
            self.ids.add(page)
            self._roll.note(page.records, page.date)
            self._entry.rows += len(page.records)
            yield from self._maker.rows(step.call, page, step.is_last)


def _remembering(memory: Memory) -> Callable[[datetime, list[Call]], list[Call]]:
    def ended(began_at: datetime, unsettled: list[Call]) -> list[Call]:
        if not unsettled:
            memory.remember(began_at)
        return []

    return ended


def _waited(future: Future[Page]) -> Generator[None, None, Page]:
    while not future.done():
        yield None
    return future.result()


def _skip(stream: Stream, entry: Entry, roll: Roll, reason: str) -> None:
    roll.refused = reason
    entry.close("skipped", reason)
    logger.warning(f"Harvest stream {stream.name} is skipped, its old rows stay: {reason}")
