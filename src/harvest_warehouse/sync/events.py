"""Events of a run for notifications, from its report or its error: names and counts, and nothing that stands in a row."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dlt.common.exceptions import DltException

from harvest_time_tracking import HarvestError, printable
from harvest_time_tracking.errors import (
    ContractViolation,
    Forbidden,
    NeedsYou,
    NotFound,
    RequestRefused,
    RetryableError,
    TokenRejected,
)
from harvest_warehouse.database import DatabaseBusy
from harvest_warehouse.database.system_tables import AGREED
from harvest_warehouse.load import AccessLost, LoadFailed, LoadReport
from harvest_warehouse.load.access_guard import AccessChanged
from harvest_warehouse.marts import BuildFailed
from harvest_warehouse.messages.text import counted
from harvest_warehouse.notify import Event
from harvest_warehouse.notify.settings import EventName
from harvest_warehouse.sync.sync import SyncFailed, SyncReport
from harvest_warehouse.verify import VerifyReport

_MOST_NAMES = 10
# Errors whose text is our own words, names of ours and settings. That of the others can repeat what a database or
# a server said, which can be a row.
_OWN_WORDS = (NeedsYou, RetryableError, DatabaseBusy, AccessLost, AccessChanged)
_NOT_OWN_WORDS = (RequestRefused, ContractViolation, TokenRejected, Forbidden, NotFound)
_WRAPPERS = (LoadFailed, SyncFailed)


def sync_events(report: SyncReport) -> tuple[Event, ...]:
    """Events of a sync."""
    return tuple(_sync_events(report))


def load_events(report: LoadReport) -> tuple[Event, ...]:
    """Events of a load."""
    return tuple(_load_events(report))


def verify_events(report: VerifyReport) -> tuple[Event, ...]:
    """Events of a comparison with Harvest's reports."""
    return tuple(_verify_events(report))


def events_of_accounts(events: Mapping[str, Sequence[Event]]) -> tuple[Event, ...]:
    """Events of a run over several accounts: one of each kind, with the accounts it is about.

    Args:
        events: events by account.
    """
    words: dict[EventName, list[str]] = {}
    for account, own in events.items():
        for event in own:
            words.setdefault(event.name, []).append(f"Account {account}: {event.words}")
    return tuple(Event(name, " ".join(said)) for name, said in words.items())


def failure_event(error: BaseException) -> Event:
    """Event of an error that ended a run."""
    if isinstance(error, AccessLost):
        return _access_lost(error.lost)
    if isinstance(error, BuildFailed):
        return Event("not_built", f"The marts were not built; the earlier ones stay.{_checks(error)}")
    return Event("failed", failure_words(error))


def failure_words(error: BaseException) -> str:
    """What an error is, in words of ours: with its message where that is ours, else with the meaning of its class."""
    chain = list(_chain(error))
    own = next((link for link in chain if isinstance(link, _OWN_WORDS) and not isinstance(link, _NOT_OWN_WORDS)), None)
    if own is not None:
        return printable(str(own), most=600)
    known = next((link for link in chain if isinstance(link, HarvestError) and not isinstance(link, _WRAPPERS)), None)
    if known is not None:
        return f"{_meaning(known)} ({type(known).__name__})"
    return _foreign_words(chain)


def _foreign_words(chain: Sequence[BaseException]) -> str:
    """What an error is that is none of ours, without its text."""
    root = chain[-1]
    if any(isinstance(link, KeyboardInterrupt) for link in chain):
        return "It was interrupted. The next run goes on from there."
    if isinstance(root, OSError) and root.strerror:
        return f"The system says: {printable(root.strerror)} ({type(root).__name__})."
    if any(isinstance(link, (DltException, *_WRAPPERS)) for link in chain):
        return f"The database failed or refused ({type(root).__name__})."
    return f"An error that nobody expected: {type(root).__name__}."


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in seen:
        seen.append(link)
        yield link
        link = getattr(link, "inner_exc", None) or link.__cause__ or link.__context__


def _meaning(error: HarvestError) -> str:
    return (inspect.getdoc(type(error)) or "").partition("\n")[0]


def _checks(error: BuildFailed) -> str:
    failed = [found.name for found in error.report.errors] if error.report else []
    return f" Checks that failed: {_names(failed)}." if failed else ""


def _sync_events(report: SyncReport) -> Iterator[Event]:
    if report.lost:
        yield _access_lost(report.lost)
    if report.load:
        yield from _load_events(report.load)
    if report.sweep and report.sweep.too_many:
        lists = ", ".join(
            f"{swept.stream} ({swept.vanished:,} of {swept.rows + swept.vanished:,})" for swept in report.sweep.too_many
        )
        yield Event(
            "deletions_held_back",
            f"Too much was deleted in Harvest at once, and nothing was moved: {lists}. If it is right: "
            "dlt-harvest sync --accept-deletions",
        )
    if report.sweep and (
        left := [swept.stream for swept in report.sweep.streams if swept.verdict in ("not compared", "doubled")]
    ):
        yield Event("unproven", f"Not comparable with Harvest's lists: {_names(left)}.")
    if report.verify:
        yield from _verify_events(report.verify)
    if report.not_built:
        yield Event("not_built", "The marts were not built; the earlier ones stay.")


def _load_events(report: LoadReport) -> Iterator[Event]:
    if report.unproven:
        yield Event("unproven", f"Not proven complete: {_names(one.stream for one in report.unproven)}.")
    if report.skipped:
        yield Event("skipped", f"Skipped, so that their old rows stay: {_names(one.stream for one in report.skipped)}.")
    columns = [f"{one.table}.{printable(name, most=60)}" for one in report.streams for name in one.new_columns]
    if columns:
        yield Event("new_column", f"Harvest sends fields that its documentation does not know: {_names(columns)}.")


def _verify_events(report: VerifyReport) -> Iterator[Event]:
    if report.is_proven:
        if report.repaired:
            rounds = counted(len(report.repaired), "round")
            yield Event(
                "repaired", f"Differences from Harvest's reports were repaired in {rounds}; every figure agrees now."
            )
        return
    counts = [
        f"{number:,} {verdict.replace('_', ' ')}"
        for verdict, number in sorted(report.counts.items())
        if verdict not in AGREED
    ]
    parts = [f"{', '.join(counts)} of {counted(len(report.judged), 'figure')}"] if counts else []
    parts += [f"refused reports: {_names(report.refused)}"] if report.refused else []
    parts += [] if report.rows.is_clean else ["rows that contradict themselves"]
    days = f"{report.first} to {report.last}"
    yield Event(
        "verify_differs",
        f"Not every figure of Harvest's reports is proven, {days}: {'; '.join(parts)}. harvest_reconciliation has them.",
    )


def _access_lost(lost: Iterable[str]) -> Event:
    said = "; ".join(printable(words) for words in lost)
    return Event(
        "access_lost",
        f"This token sees less than an earlier one: {said}. If this is intended: dlt-harvest sync --accept-access",
    )


def _names(names: Iterable[str]) -> str:
    found = list(dict.fromkeys(names))
    more = len(found) - _MOST_NAMES
    return ", ".join(found[:_MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")
