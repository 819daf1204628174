"""How the streams of an account are read side by side, each page handed to dlt as it comes in."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from dlt.common import logger

from .calls import Call, calls_for, calls_of_owners, list_calls, month_calls
from .client import Client, FastReader
from .errors import BrokenPromise, NotThere, PermissionMissing, RequestRefused
from .ledger import Entry, Ledger
from .memory import Memory
from .parents import Parents, Roll
from .protocol import Page
from .rows import RowMaker
from .settings import Settings
from .stream import Parent, Stream

# How many calls of one stream are under way at once. All streams together are bounded by the client's workers.
_AHEAD = 8
# A list sorted by a date that can change shifts while it is read: read again where its count changed meanwhile.
_READINGS = 3

CHILDREN_PER_RUN = 30


@dataclass(frozen=True)
class Options:
    """What a run is asked to read.

    Attributes:
        overlap: how far before the last complete read an incremental one begins. Generous, because rows can be committed
            late and clocks differ; the merge makes it free.
        children_per_run: how many parents that did not change are asked again for the children of each stream by parent,
            in turn from run to run.
        months: the first days of the calendar months that reports are read for.
        arguments: the values for streams that are read only for named rows.
        again: for a stream, the filters (`from` and `to`, `project_id`) whose rows are read in full besides what changed;
            an empty one stands for the whole list.
    """

    overlap: timedelta = timedelta(hours=2)
    children_per_run: int = CHILDREN_PER_RUN
    months: Sequence[date] = ()
    arguments: Mapping[str, Sequence[object]] = field(default_factory=dict)
    again: Mapping[str, Sequence[Mapping[str, object]]] = field(default_factory=dict)


class Extraction:
    """One dlt extract of one account: what its streams share while they are read.

    Args:
        client: closed when the last stream ends, so that no worker outlives the run.
        settings: the account.
        streams: the catalogue.
        switches: the single whose record holds the account's feature switches.
        options: what to read.
        ledger: where each stream's outcome goes.
    """

    def __init__(
        self,
        client: Client,
        settings: Settings,
        streams: Mapping[str, Stream],
        switches: Stream,
        options: Options,
        ledger: Ledger,
    ) -> None:
        self._client = client
        self._readers = 0
        self._settings = settings
        self._streams = streams
        self._switches = switches
        self._options = options
        self._ledger = ledger
        self._singles: dict[str, Future[Page]] = {}
        self._parents = Parents(streams)

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
        roll = self._parents.begin(stream, is_whole=since is None)
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
        began_at, turn = None, 0
        if stream.parent:
            parents = yield from self._parent_roll(stream.parent, entry)
            if parents.refused is not None:
                _skip(stream, entry, roll, f"it is read by {stream.parent.stream}: {parents.refused}")
                return
            due, turn = parents.due(
                stream, memory.since(self._options.overlap), self._options.children_per_run, memory.turn
            )
            calls = calls_for(stream, due, self._settings.account_id)
            barren = calls_for(stream, parents.barren(stream), self._settings.account_id)
            # A payment was taken back, a manager is one no longer: nobody needs to ask to know that there is nothing.
            maker.without_rows([call.injected for call in barren])
            began_at = parents.began_at
        else:
            calls = yield from self._own_calls(stream, since, entry, memory)
        is_settled = False
        for _ in range(_READINGS):
            count = _Count()
            for step in self._pages(stream, calls, entry, maker.read):
                if step is None:
                    yield None
                    continue
                call, page, is_last = step
                began_at = began_at or page.date or datetime.now(UTC)
                count.see(call, page)
                roll.note(page.records, page.date)
                entry.rows += len(page.records)
                yield from maker.rows(call, page, is_last)
            is_settled = not stream.date_field or count.is_settled
            if is_settled:
                break
        yield from maker.rest()
        entry.odd_values, entry.new_columns = maker.odd, maker.undocumented
        if is_settled:
            memory.remember(began_at, turn)
        else:
            entry.reason = f"changed while it was read, {_READINGS} times over; the next run reads it again"
        roll.is_complete = True
        entry.close("complete")
        if maker.odd:
            logger.warning(
                f"Harvest stream {stream.name}: values that do not fit their column, kept beside it: {maker.odd}"
            )

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

    def _changed(self, owners: Stream, entry: Entry, memory: Memory) -> Generator[None, None, list[int]]:
        """The ids of the owners that changed since they were last asked for; none where the token may not see them.

        Asked apart from the owners' own stream: that may have come further than the stream that is read now.
        """
        found: list[int] = []
        try:
            for step in self._pages(
                owners, list_calls(owners, "", memory.owners_since(self._options.overlap), None), entry
            ):
                found += [record["id"] for record in step[1].records if "id" in record] if step else []
                yield None
        except PermissionMissing:
            memory.are_owners_hidden = True
            return []
        return sorted(set(found))

    def _parent_roll(self, link: Parent, entry: Entry) -> Generator[None, None, Roll]:
        """All parents of a stream: from their own reading where that is of the whole list, else from a list of their own."""
        parent = self._streams[link.stream]
        roll = self._parents.find(parent)
        if roll is None:
            roll = self._parents.begin(parent, is_whole=True)
            try:
                for step in self._pages(parent, list_calls(parent, "", None, self._settings.start_date), entry):
                    if step is not None:
                        roll.note(step[1].records, step[1].date)
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

    def _pages(
        self, stream: Stream, calls: Sequence[Call], entry: Entry, fast: FastReader | None = None
    ) -> Iterator[tuple[Call, Page, bool] | None]:
        """Each page of each call as it comes in, several calls at once; with each, whether it is its call's last.

        None where nothing has come in yet.
        """
        waiting = iter(calls)
        turns: list[_Turn] = []
        while True:
            while len(turns) < _AHEAD and (call := next(waiting, None)):
                turns.append(_Turn(call, self._ask(stream, call, entry, fast)))
            if not turns:
                return
            ready = [turn for turn in turns if turn.page.done()]
            if not ready:
                yield None
            for turn in ready:
                try:
                    page = turn.page.result()
                except (NotThere, RequestRefused) as error:
                    if not (stream.parent or stream.argument) or stream.is_optional:
                        raise
                    # One parent that is gone, or is another thing by now. Whether its old rows go, the sweep decides.
                    turns.remove(turn)
                    entry.reason = str(error)
                    continue
                if page.next_url is None:
                    turns.remove(turn)
                else:
                    turn.follow(page.next_url, self._client, stream, entry, fast)
                yield turn.call, page, page.next_url is None

    def _ask(self, stream: Stream, call: Call, entry: Entry, fast: FastReader | None = None) -> Future[Page]:
        is_single = stream.data_key is None and not stream.parent and not stream.argument
        if is_single and call.path in self._singles:
            return self._singles[call.path]
        page = self._client.in_background(self._client.page, call.path, stream.data_key, call.params, entry.spent, fast)
        if is_single:
            # Whoever needs it first asks; the other reads the same answer.
            self._singles[call.path] = page
        return page

    def _is_switched_off(self, stream: Stream, entry: Entry) -> Generator[None, None, bool]:
        if stream.feature is None:
            return False
        switches = self._ask(self._switches, Call(self._switches.path, {}, {}), entry)
        while not switches.done():
            yield None
        try:
            return switches.result().records[0].get(stream.feature) is False
        except PermissionMissing:
            # Not everybody may read them; then only asking tells.
            return False


class _Turn:
    """A call under way: the page that is asked for, and the links followed so far."""

    def __init__(self, call: Call, page: Future[Page]) -> None:
        self.call = call
        self.page = page
        self._followed: set[str] = set()

    def follow(self, url: str, client: Client, stream: Stream, entry: Entry, fast: FastReader | None) -> None:
        """Ask for the next page, before the one at hand is worked on."""
        if url in self._followed:
            raise BrokenPromise(f"Harvest's links to the next page of {stream.name} go round in a circle.")
        self._followed.add(url)
        self.page = client.in_background(client.page_at, url, stream.data_key, entry.spent, fast)


class _Count:
    """Whether a list stayed the same while it was read: as many records as it said, at its beginning and at its end."""

    def __init__(self) -> None:
        self._stated: dict[Call, set[int | None]] = {}
        self._read: dict[Call, int] = {}

    def see(self, call: Call, page: Page) -> None:
        self._stated.setdefault(call, set()).add(page.total)
        self._read[call] = self._read.get(call, 0) + len(page.records)

    @property
    def is_settled(self) -> bool:
        return all(totals in ({None}, {self._read[call]}) for call, totals in self._stated.items())


def _skip(stream: Stream, entry: Entry, roll: Roll, reason: str) -> None:
    roll.refused = reason
    entry.close("skipped", reason)
    logger.warning(f"Harvest stream {stream.name} is skipped, its old rows stay: {reason}")
