"""System table `harvest_rereads`: when each month of a list was last read in full, changed or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from dlt.extract import DltResource

from harvest_time_tracking import STREAMS, StreamOutcome
from harvest_warehouse.database.runs import RunRecord
from harvest_warehouse.database.system_tables import SystemTable

REREADS = SystemTable(
    "harvest_rereads",
    "When each month of a list was last read again in full; of the first load and of whole lists, harvest_runs tells",
    ("account_id", "stream", "month"),
    (
        ("account_id", "text", "Harvest account that was read"),
        ("stream", "text", "The stream, by its name in the catalogue"),
        ("month", "date", "First day of the month, by the date that the list is sorted by"),
        ("read_at", "timestamp", "When the run that last read all of it began"),
    ),
    "merge",
)


def reread(
    run: RunRecord,
    again: Mapping[str, Sequence[Mapping[str, object]]],
    outcomes: Iterable[StreamOutcome],
    start_date: date | None,
) -> tuple[DltResource, ...]:
    """Rows of `harvest_rereads` for the months that a run read again in full, as a dlt resource; empty if there are none.

    Args:
        run: the finished run.
        again: the re-read filters by stream.
        outcomes: outcomes of the streams; only those that are complete, without a reason noted, count.
        start_date: first day that is loaded; None for no bound.
    """
    read = {outcome.stream for outcome in outcomes if outcome.outcome == "complete" and not outcome.reason}
    months = {
        (stream, month)
        for stream, filters in again.items()
        if stream in read and STREAMS[stream].date_field
        for asked in filters
        for month in _whole_months(asked, start_date)
    }
    rows = [
        {"account_id": run.account_id, "stream": stream, "month": month, "read_at": run.started_at}
        for stream, month in sorted(months)
    ]
    return (REREADS.holding(rows),) if rows else ()


def _whole_months(asked: Mapping[str, object], start_date: date | None) -> Iterator[date]:
    """Months that a filter covers in full."""
    if set(asked) != {"from", "to"}:
        return
    first, last = (date.fromisoformat(str(asked[bound])) for bound in ("from", "to"))
    month = first.replace(day=1)
    while month_end(month) <= last:
        if first <= max(month, start_date or month):
            yield month
        month = month_end(month) + timedelta(days=1)


def month_end(day: date) -> date:
    """Last day of the month of a day."""
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)
