"""Rolling re-read of history: each run reads a part of it again, least recently read first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from harvest_time_tracking import STREAMS, Settings, Stream
from harvest_time_tracking.reading.pages import page_count
from harvest_time_tracking.reading.read_plan import most_requests
from harvest_warehouse.database import Database
from harvest_warehouse.database.reread_filters import RereadFilters
from harvest_warehouse.database.rereads import REREADS, month_end
from harvest_warehouse.database.run import Run
from harvest_warehouse.database.runs import RUNS

# Minimum time between two full reads of a window, since runs may follow each other closely.
REST = timedelta(hours=12)

NEVER = datetime.min.replace(tzinfo=UTC)
"""Time of the last full read of a window for which none is known."""


@dataclass(frozen=True)
class RereadUnit:
    """Unit of the rolling re-read: a month of a dated list, or a whole list.

    Attributes:
        stream: name of the stream.
        month: first day of a month of a dated list. None: the whole list, because it has no dates, or because some of its
            rows have none, which no other filter matches.
        rows: number of rows that it contains.
        read_at: time of the last full read; `NEVER` if none is known.
    """

    stream: str
    month: date | None
    rows: int
    read_at: datetime

    def __str__(self) -> str:
        return f"{self.stream} {self.month:%Y-%m}" if self.month else self.stream


@dataclass(frozen=True)
class Rotation:
    """Windows chosen for re-reading in one run.

    Attributes:
        again: re-read filters by stream, as `load` takes them.
        chosen: windows that the filters cover.
        windows: number of all windows.
        within_runs: number of runs in which all of them are read again; 0 if re-reading is switched off.
        longest_unread: window with the oldest full read; None if there are no windows.
    """

    again: RereadFilters
    chosen: tuple[RereadUnit, ...]
    windows: int
    within_runs: int
    longest_unread: RereadUnit | None


def rotation(run: Run, settings: Settings, requests: int, *, now: datetime | None = None) -> Rotation:
    """Choose what the next load reads again, from the rows in the tables and the times of their last full reads.

    Args:
        run: the run; its database must exist.
        settings: the account and its `start_date`.
        requests: approximate number of requests to spend; 0 switches re-reading off.
        now: aware time; the machine's if None.

    Raises:
        DltException: the database cannot be read.
    """
    now = now or datetime.now(UTC)
    with run.database() as database:
        windows = _windows(database, settings.account_id, settings.start_date, now)
    return rotate(windows, requests, now, settings.start_date)


def rotate(windows: Iterable[RereadUnit], requests: int, now: datetime, start_date: date | None = None) -> Rotation:
    """Choose the windows to read again: the least recently read, as many as fit into `requests`, at least one. Pure.

    A window that alone takes more requests (a busy month, a long list without dates) gets a run of its own.
    """
    order = list(STREAMS)
    turns = sorted(windows, key=lambda window: (window.read_at, order.index(window.stream), window.month or date.max))
    spans = _Spans(turns)
    runs: list[list[RereadUnit]] = []
    for window in turns if requests else ():
        if runs and spans.requests([*runs[-1], window]) <= requests:
            runs[-1].append(window)
        else:
            runs.append([window])
    chosen = [window for window in runs[0] if window.read_at <= now - REST] if runs else []
    return Rotation(
        spans.filters(chosen, start_date), tuple(chosen), len(turns), len(runs), turns[0] if turns else None
    )


class _Spans:
    """Merger of consecutive windows into spans, so that one filter covers several months."""

    def __init__(self, windows: Iterable[RereadUnit]) -> None:
        self._next = {one: other for one, other in pairwise(_dated(windows)) if one.stream == other.stream}

    def requests(self, chosen: Sequence[RereadUnit]) -> int:
        """Upper bound of the requests to read these windows, if nothing changes meanwhile."""
        return sum(_requests(span) for span in self._of(chosen))

    def filters(self, chosen: Sequence[RereadUnit], start_date: date | None) -> RereadFilters:
        """Re-read filters for these windows, by stream."""
        found: dict[str, list[Mapping[str, object]]] = {}
        for span in self._of(chosen):
            found.setdefault(span[0].stream, []).append(_filter(span, start_date))
        return found

    def _of(self, chosen: Sequence[RereadUnit]) -> list[list[RereadUnit]]:
        whole = [window for window in chosen if window.month is None]
        read_whole = {window.stream for window in whole}
        spans = [[window] for window in whole]
        for window in _dated(window for window in chosen if window.stream not in read_whole):
            if spans and self._next.get(spans[-1][-1]) == window:
                spans[-1].append(window)
            else:
                spans.append([window])
        return spans


def _dated(windows: Iterable[RereadUnit]) -> list[RereadUnit]:
    months = [(window.stream, window.month, window) for window in windows if window.month]
    return [window for *_, window in sorted(months, key=lambda found: found[:2])]


def _requests(span: Sequence[RereadUnit]) -> int:
    rows = sum(window.rows for window in span)
    return most_requests(rows) if STREAMS[span[0].stream].date_field else page_count(rows)


def _filter(span: Sequence[RereadUnit], start_date: date | None) -> Mapping[str, object]:
    first, last = span[0].month, span[-1].month
    if first is None or last is None:
        return {}
    return {"from": max(first, start_date or first).isoformat(), "to": month_end(last).isoformat()}


def _windows(database: Database, account_id: str, start_date: date | None, now: datetime) -> list[RereadUnit]:
    # Times in the future are from a clock that was ahead, and count as unknown.
    full = _last_full_reads(database, account_id, now)
    months = {key: at for key, at in _months_read(database, account_id).items() if at <= now}
    found: list[RereadUnit] = []
    for stream in STREAMS.values():
        read_at = full.get(stream.name)
        if read_at is None or not (stream.is_default and stream.has_updated_since):
            continue
        by_month = _rows(database, stream, account_id)
        total = sum(by_month.values())
        for month, rows in by_month.items():
            if month is None and rows:
                found.append(RereadUnit(stream.name, None, total, read_at))
            elif month and (start_date is None or month_end(month) >= start_date):
                found.append(
                    RereadUnit(stream.name, month, rows, max(read_at, months.get((stream.name, month), read_at)))
                )
    return found


def _rows(database: Database, stream: Stream, account_id: str) -> Mapping[date | None, int]:
    """Count the rows of a stream by month; None counts those without a date."""
    where = f'from "{stream.table_name}" where account_id = :account_id'
    if not stream.date_field:
        return {None: database.rows(f"select count(*) {where}", {"account_id": account_id})[0][0]}
    by_month: Counter[date | None] = Counter()
    query = f'select "{stream.date_field}", count(*) {where} group by "{stream.date_field}"'
    for day, rows in database.rows(query, {"account_id": account_id}):
        by_month[day.replace(day=1) if day else None] += rows
    return by_month


def _last_full_reads(database: Database, account_id: str, now: datetime) -> Mapping[str, datetime]:
    """Time of each stream's last full read; a stream that was skipped since is left out, as it cannot be read at present."""
    query = f"""
        select stream, outcome, is_full, coalesce(reason, '') = '', max(case when started_at <= :now then started_at end)
        from {RUNS.name}
        where account_id = :account_id and outcome in ('complete', 'skipped')
        -- What a run had read when it failed was thrown away.
        and run_id not in (select run_id from {RUNS.name} where outcome in ('failed', 'stopped')) group by 1, 2, 3, 4
    """
    if not database.columns(RUNS.name):
        return {}
    values = {"account_id": account_id, "now": now}
    full: dict[str, datetime] = {}
    last: dict[tuple[str, str], datetime] = {}
    for stream, outcome, is_full, is_smooth, started_at in database.rows(query, values):
        at = _aware(started_at) if started_at else NEVER
        last[stream, outcome] = max(at, last.get((stream, outcome), at))
        if outcome == "complete":
            # Incremental reads do not count; a stream with only those has no known full read.
            full[stream] = max(full.get(stream, NEVER), at if is_full and is_smooth else NEVER)
    return {
        stream: at for stream, at in full.items() if last[stream, "complete"] >= last.get((stream, "skipped"), NEVER)
    }


def _months_read(database: Database, account_id: str) -> Mapping[tuple[str, date], datetime]:
    if not database.columns(REREADS.name):
        return {}
    query = f"select stream, month, read_at from {REREADS.name} where account_id = :account_id"
    return {(stream, month): _aware(at) for stream, month, at in database.rows(query, {"account_id": account_id})}


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
