"""Read the streams of an account concurrently, and pass each page to dlt as it comes in."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dlt
from dlt.common import logger
from dlt.extract.exceptions import CurrentSourceNotAvailable

from .errors import Forbidden, NotFound
from .http.client import Client, FastReader
from .outcomes import Entry, Ledger
from .reading.calls import Call, calls_for, calls_of_owners, list_calls, month_calls
from .reading.pages import Pages, earlier
from .reading.read_plan import Options, ReadPlan, children, waited, windows
from .reading.request_shares import NONE, Split, shares
from .reading.run_cache import ParentIndex, Session
from .reading.stream_state import Memory
from .records.batches import RowMaker
from .settings import Settings
from .stream import Parent, Stream
from .words import printable


class Extraction:
    """Driver of one dlt extract of one account.

    Args:
        client: HTTP client; closed when the last stream ends, so that no worker thread outlives the run.
        settings: the account.
        streams: the catalogue.
        switches: the stream whose only record holds the account's feature switches.
        options: what to read.
        ledger: collects the outcome of each stream.
        session: the run cache.
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
        self._shares: Mapping[str, Split] | None = None

    def read(self, stream: Stream) -> Iterator[Any]:
        """Yield the rows of a stream as Arrow tables or lists of records; None while waiting, so that dlt polls other streams.

        Raises:
            HarvestError: an error that must stop the run. A missing permission or feature does not: the stream is skipped.
        """
        entry = self._ledger.open(stream.name, stream.table_name)
        memory = Memory(stream, self._settings, self._client.now(), self._session.rights)
        memory.open()
        since = memory.since(self._options.overlap) if stream.has_updated_since else None
        if {} in self._again(stream):
            since = None
        entry.is_full = memory.since(self._options.overlap) is None if stream.parent else since is None
        roll = self._session.begin(stream, is_whole=since is None and memory.unfinished is None)
        self._readers += 1
        try:
            maker = RowMaker(stream, memory.added, self._settings.columns)
            yield from maker.table_with_children(is_new=memory.is_first_run)
            yield from self._read(stream, since, entry, memory, roll, maker)
        except Forbidden as error:
            _skip(stream, entry, roll, str(error))
        except NotFound as error:
            if not stream.is_optional:
                entry.close("failed", str(error))
                raise
            _skip(stream, entry, roll, f"this account does not have it ({error.said})")
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
        self, stream: Stream, since: str | None, entry: Entry, memory: Memory, roll: ParentIndex, maker: RowMaker
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
            if parents.unproven:
                entry.unproven.append(f"it is read by {stream.parent.stream}: {parents.unproven}")
            if parents.lost:
                entry.unproven.append(
                    f"it is read by {stream.parent.stream}: the ids of {parents.lost:,} of them are not numbers, so nothing can be requested for them"
                )
            told = yield from self._told(stream, entry, memory)
            share = yield from self._share(stream, entry, memory)
            plan: ReadPlan = children(
                stream, parents, told, share, memory, self._session, self._options, self._settings.account_id
            )
            maker.without_rows(plan.barren)
        elif since is None and stream.date_field:
            plan = yield from windows(stream, pages, memory, self._session, self._options, self._settings)
        else:
            plan = ReadPlan((yield from self._own_calls(stream, since, entry, memory)))
        first_answer = yield from self._rows(plan.calls, pages, entry, roll, maker)
        yield from self._rows(plan.besides, pages, entry, roll, maker)
        memory.save(plan.after(first_answer or datetime.now(UTC), pages.unproven))
        yield from maker.rest()
        _note(entry, maker, pages)
        if not plan.is_last:
            entry.close("begun")
        elif entry.unproven:
            roll.unproven = "; ".join(dict.fromkeys(entry.unproven))
            entry.close("unproven", roll.unproven)
        else:
            entry.close("complete")
        roll.is_complete = plan.is_last
        if maker.odd:
            logger.warning(
                f"Harvest stream {stream.name}: values that do not fit their column, kept beside it: {maker.odd}"
            )

    def _rows(
        self, calls: Sequence[Call], pages: Pages, entry: Entry, roll: ParentIndex, maker: RowMaker
    ) -> Generator[Any, None, datetime | None]:
        """Yield the rows of these calls, and None while waiting; return the server time of the earliest response."""
        first_answer: datetime | None = None
        for step in pages.settled([*calls]):
            if step is None:
                yield None
                continue
            page = step.page
            first_answer = earlier(first_answer, page.date or datetime.now(UTC))
            roll.note(page.records, page.date)
            entry.rows += len(page.records)
            if step.is_first:
                maker.forget(step.call)
            yield from maker.rows(step.call, page, step.is_last)
        return first_answer

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
            changed = yield from self._changed(self._streams[stream.owner.stream], entry, memory)
            owners = {record["id"] for record in changed if "id" in record}
            calls += calls_of_owners(stream, account_id, sorted(owners), start_date)
        return calls

    def _told(self, stream: Stream, entry: Entry, memory: Memory) -> Generator[None, None, set[int]]:
        """Parents whose rows changed, according to the list that this stream is a projection of."""
        is_first = memory.owners_since(self._options.overlap) is None
        if stream.mirrors is None or is_first or stream.name in self._session.begun:
            return set()
        changed = yield from self._changed(self._streams[stream.mirrors.stream], entry, memory)
        parents = [record.get(stream.mirrors.parent) or {} for record in changed]
        return {parent["id"] for parent in parents if type(parent.get("id")) is int}

    def _share(self, stream: Stream, entry: Entry, memory: Memory) -> Generator[None, None, Split]:
        """Number of unchanged parents to read for this stream: its share of the run's requests for child streams."""
        # A first read covers all parents.
        if self._shares is None and memory.parents_since(self._options.overlap):
            parents: dict[str, Split] = {}
            changed = 0
            for child in self._streams.values():
                if not child.parent or not (child is stream or child.name in _selected()):
                    continue
                since = Memory(child, self._settings, self._client.now(), self._session.rights).parents_since(
                    self._options.overlap
                )
                if since is None or (yield from self._is_switched_off(child, entry)):
                    continue
                roll = yield from self._parent_roll(child.parent, entry)
                parents[child.name] = roll.split(child)
                changed += len(roll.changed(child, since))
            self._shares = shares(parents, self._options.children_requests, changed)
        return (self._shares or {}).get(stream.name, NONE)

    def _again(self, stream: Stream) -> Sequence[Mapping[str, object]]:
        return self._options.again.get(stream.name, ())

    def _pages(self, stream: Stream, entry: Entry, fast: FastReader | None = None) -> Pages:
        return Pages(self._client, stream, entry, self._session.singles, fast)

    def _changed(self, other: Stream, entry: Entry, memory: Memory) -> Generator[None, None, list[Mapping[str, Any]]]:
        """Records of another stream changed since this stream's cursor; none if the token may not see them.

        Requested separately from the other stream's own read, whose cursor may be ahead of this stream's.
        """
        found: list[Mapping[str, Any]] = []
        calls = list_calls(other, "", memory.owners_since(self._options.overlap), None)
        pages = self._pages(other, entry)
        try:
            for step in pages.settled(calls):
                found += step.page.records if step else []
                yield None
        except Forbidden:
            memory.are_owners_hidden = True
            return []
        if pages.unproven:
            memory.are_owners_hidden = True
            entry.unproven += [
                f"{other.name}, which tell what changed with them: {why}" for why in _why_unproven(pages)
            ]
        return found

    def _parent_roll(self, link: Parent, entry: Entry) -> Generator[None, None, ParentIndex]:
        """Index of all parents of a stream: from the parent stream's own read if that is a full one, else read separately."""
        parent = self._streams[link.stream]
        roll = self._session.find(parent)
        if roll is None:
            roll = self._session.begin(parent, is_whole=True)
            calls = list_calls(parent, "", None, self._settings.start_date)
            pages = self._pages(parent, entry)
            try:
                for step in pages.settled(calls):
                    if step is not None:
                        roll.note(step.page.records, step.page.date)
                    yield None
                roll.unproven = "; ".join(_why_unproven(pages))
                roll.is_complete = True
            except (Forbidden, NotFound) as error:
                if isinstance(error, NotFound) and not parent.is_optional:
                    raise
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
            page = yield from waited(switches)
        except Forbidden:
            # Not every token may read the switches; then only a request to the stream itself can tell.
            return False
        return page.records[0].get(stream.feature) is False


def _note(entry: Entry, maker: RowMaker, pages: Pages) -> None:
    """Note in the outcome what was found in the records."""
    entry.rows -= pages.repeated
    entry.odd_values, entry.new_columns = maker.odd, maker.undocumented
    if maker.ignored:
        entry.reason = f"new in Harvest and ignored: {printable(', '.join(sorted(maker.ignored)))}"
    entry.unproven += _why_unproven(pages)


def _why_unproven(pages: Pages) -> list[str]:
    """Reasons why the read may be incomplete, as text: the first reason stands for all parts of a list."""
    reasons = list(pages.unproven.values())
    others = f" (and {len(reasons) - 1:,} other parts of it)" if len(reasons) > 1 else ""
    return [*(f"{reason}{others}" for reason in reasons[:1]), *pages.not_there]


def _selected() -> Collection[str]:
    """Names of the streams selected in this extract; empty outside a dlt source."""
    try:
        return dlt.current.source().selected_resources
    except CurrentSourceNotAvailable:
        return ()


def _skip(stream: Stream, entry: Entry, roll: ParentIndex, reason: str) -> None:
    roll.refused = reason
    entry.close("skipped", reason)
    logger.warning(f"Harvest stream {stream.name} is skipped, its old rows stay: {reason}")
