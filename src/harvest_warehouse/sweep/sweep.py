"""Detect deletions in Harvest, which its API does not report: compare counts first, and ids only where counts differ."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from harvest_time_tracking import STREAMS, Client, Settings, Stream, StreamOutcome
from harvest_warehouse.database import Database, pipeline_state
from harvest_warehouse.database.reread_filters import FiltersByStream, filters_of
from harvest_warehouse.database.row_counts import Held, doubled
from harvest_warehouse.database.run import Run
from harvest_warehouse.database.system_tables import DELETIONS, write_rows
from harvest_warehouse.load import LoadReport
from harvest_warehouse.sweep.archive import Finding, moving, strays
from harvest_warehouse.sweep.dangling import dangling
from harvest_warehouse.sweep.list_counts import ListCounts, Uncounted
from harvest_warehouse.sweep.report import SweepReport, Swept, Verdict, is_too_much

_COUNTS = 3


def sweep(
    run: Run,
    settings: Settings,
    loaded: LoadReport,
    *,
    touched: Mapping[str, Collection[int]] = MappingProxyType({}),
    accept_deletions: bool = False,
    sees_all: bool = False,
    before_moving: Callable[[], object] = lambda: None,
    client: Client | None = None,
) -> SweepReport:
    """Detect rows deleted in Harvest and move them to `harvest_deletions`, with what Harvest deletes together with them.

    After a load, our rows are Harvest's plus the deleted ones: so equal counts mean equal rows, for one request per list.

    Args:
        run: the run.
        settings: the account.
        loaded: report of the load just before; lists that it did not read completely are not swept.
        touched: ids of records, by stream, that may have changed without a new `updated_at`.
        accept_deletions: whether to move rows even if more than 5 % of a list, and more than 50 rows, were deleted at once.
        sees_all: whether the token is an administrator's.
        before_moving: called before rows are moved; if it raises, none is moved.
        client: HTTP client, closed at the end; a new one if None.

    Raises:
        HarvestError: a request failed; nothing was moved.
        DltException: the database refuses.
    """
    began = time.monotonic()
    with run.locked(), client or Client(settings) as asking:
        run.on_step("looking for deleted rows")
        since = pipeline_state.loaded_since(run, settings.account_id)
        not_swept = {
            outcome.stream: reason for outcome in loaded.streams if (reason := _why_not(outcome, since)) is not None
        }
        lists = [
            STREAMS[outcome.stream]
            for outcome in loaded.streams
            if is_swept(STREAMS[outcome.stream]) and outcome.stream not in not_swept
        ]
        with run.database() as database:
            found = _all(database, asking, settings, lists, since)
        swept = tuple(each.swept() for each in found)
        too_many = () if accept_deletions else tuple(each for each in swept if is_too_much(each))
        if not too_many and any(each.vanished or each.strays for each in found):
            # It asks Harvest; readers may have the file meanwhile.
            run.disconnect()
            before_moving()
            _move(run, found, Finding(settings.account_id, _found_at(found), loaded.run_id))
    with run.database() as database:
        again = _again(database, settings, found, touched, sees_all=sees_all)
    return SweepReport(swept, not_swept, too_many, again, round(time.monotonic() - began, 3))


def is_swept(stream: Stream) -> bool:
    """True if the list needs a sweep to detect deletions; other streams replace their rows when they are read."""
    return stream.has_updated_since and stream.parent is None and stream.argument is None


def _why_not(outcome: StreamOutcome, since: Mapping[str, datetime]) -> str | None:
    """Reason why a list is not swept, None if it is: a partial read must never delete."""
    if not is_swept(STREAMS[outcome.stream]):
        return None
    if outcome.outcome != "complete":
        return f"{outcome.outcome}: {outcome.reason}" if outcome.reason else outcome.outcome
    return None if outcome.stream in since else "never read completely"


@dataclass
class _Found:
    """Findings about one list during the sweep."""

    stream: Stream
    held: Held
    verdict: Verdict = "equal"
    vanished: set[int] = field(default_factory=set)
    with_owner: set[int] = field(default_factory=set)
    missing: set[int] = field(default_factory=set)
    missing_windows: list[dict[str, object]] = field(default_factory=list)
    newer: set[int] = field(default_factory=set)
    strays: set[int] = field(default_factory=set)
    requests: int = 0
    asked_at: datetime | None = None

    def swept(self) -> Swept:
        vanished = len(self.vanished)
        rows = self.held.keys - vanished
        return Swept(self.stream.name, self.verdict, rows, vanished, len(self.missing), self.requests)


def _all(
    database: Database, client: Client, settings: Settings, lists: Sequence[Stream], since: Mapping[str, datetime]
) -> list[_Found]:
    found: list[_Found] = []
    for stream in lists:
        inventory = ListCounts(database, client, settings, stream, since[stream.name])
        owner = stream.owner
        owners = next((each.vanished for each in found if owner and each.stream.name == owner.stream), set())
        each = _compared(inventory, owners)
        if each.verdict == "equal" and not each.missing:
            # Records created since the load are left to the next one.
            each.strays = strays(database, stream, settings.account_id) - each.newer
        found.append(each)
    return found


def _compared(inventory: ListCounts, vanished_owners: Collection[int]) -> _Found:
    """Compare one list with Harvest: which rows are deleted there, and which are missing here."""
    found = _Found(inventory.stream, inventory.held())
    try:
        is_quiet = not vanished_owners and not inventory.is_awake()
        if not is_quiet or inventory.count(inventory.whole) != found.held.keys:
            _look(inventory, found, inventory.owned_by(vanished_owners))
    except Uncounted:
        found.verdict = "not compared"
    if found.verdict == "equal" and found.held.doubled:
        found.verdict = "doubled"
    found.requests, found.asked_at = inventory.requests, inventory.asked_at
    return found


def _look(inventory: ListCounts, found: _Found, with_owner: set[int]) -> None:
    """Find the rows that differ, in one pass: records created or deleted meanwhile are left to the next sweep.

    Changes since the load are read before and after, to tell deleted rows from those created or moved to another day
    meanwhile.
    """
    after = inventory.changed()
    for _ in range(_COUNTS):
        before = after
        # A row that was moved to another owner in time was not deleted.
        owned = with_owner - before.days.keys()
        days = inventory.days(before.days, owned)
        theirs = inventory.count(inventory.whole)
        windows = inventory.differing(days, theirs)
        seen, after = inventory.in_harvest(windows), inventory.changed()
        found.newer = before.days.keys() | after.days.keys()
        if windows or owned or not inventory.unknown(after.days.keys() - before.days.keys()):
            break
        # Records created before the count may have offset deleted ones: count again.
    if not (before.is_whole and seen.is_whole and after.is_whole):
        found.verdict = "unsettled"
        return
    ours, alive = inventory.ids_here(windows), seen.days.keys() | found.newer
    found.with_owner = owned - alive
    found.vanished = (ours | owned) - alive
    found.missing = inventory.unknown(seen.days.keys() - ours) - found.newer
    found.missing_windows = [window.filters() for window in windows]
    surplus = sum(records for _, records in days) - theirs
    if len(found.vanished - owned) - len(found.missing) < surplus:
        found.verdict = "unsettled"


def _again(
    database: Database,
    settings: Settings,
    found: Sequence[_Found],
    touched: Mapping[str, Collection[int]],
    *,
    sees_all: bool,
) -> FiltersByStream:
    """Re-read filters for `load`: missing rows, duplicates, touched rows, and rows with dangling references."""
    account_id = settings.account_id
    known = {each.stream.name: each.newer | each.missing for each in found if each.verdict == "equal"}
    names = [each.stream.name for each in found]
    again = dangling(database, account_id, names, known, settings.start_date, sees_all=sees_all)
    for each in found:
        filters = again.pop(each.stream.name, [])
        if each.missing:
            filters += each.missing_windows
        conditions = [doubled(each.stream)] if each.held.doubled else []
        ids = sorted(touched.get(each.stream.name, ()))
        if ids:
            conditions.append("id in (:ids)")
        if conditions:
            filters += filters_of(database, each.stream, account_id, " or ".join(conditions), {"ids": ids})
        if filters:
            again[each.stream.name] = filters
    return again


def _move(run: Run, found: Sequence[_Found], finding: Finding) -> None:
    with run.database() as database:
        has_table = bool(database.columns(DELETIONS.name))
    if not has_table:
        write_rows(run, DELETIONS.holding([]))
    with run.database() as database:
        for each in found:
            owner = each.stream.owner
            because_of = f"{owner.stream}/{{{owner.column}}}" if owner else ""
            statements = [
                *moving(database, each.stream, (each.vanished - each.with_owner) | each.strays, finding),
                *moving(database, each.stream, each.with_owner, finding, because_of),
            ]
            if statements:
                database.run(statements)


def _found_at(found: Sequence[_Found]) -> datetime:
    """Time of the finding by Harvest's clock, or by this machine's if no list was read."""
    return max((each.asked_at for each in found if each.asked_at), default=datetime.now(UTC))
