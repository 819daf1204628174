"""Runs: how the runs went that keep the data fresh."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harvest_warehouse.dashboard import charts, palette
from harvest_warehouse.dashboard.charts import Field
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.formatting import short_day
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.page import Column, Page, Section, Tile, used
from harvest_warehouse.dashboard.queries.runs import MOST_RUNS, last_runs
from harvest_warehouse.dashboard.reader import Reader, Row
from harvest_warehouse.dashboard.titles.runs import duration, run_durations, run_requests, runs_ended

_ENDS = {"ended well": palette.TEAL, "with lists left out": palette.ORANGE, "failed": palette.RED}


def runs(read: Reader, chosen: Filters, header: Header) -> Page:
    """Build the page Runs, for the whole account whatever the filters."""
    rows = [_with_ends(row, header) for row in last_runs(read, chosen)]
    failed = sum(row["has_failed"] for row in rows)
    in_a_row = next((place for place, row in enumerate(reversed(rows)) if not row["has_failed"]), len(rows))
    last = rows[-1] if rows else None
    return Page(
        "Runs",
        f"Does the data keep coming? The last {MOST_RUNS} runs that read Harvest",
        (
            Tile("Runs that failed", f"{failed:,} of {len(rows):,}" if rows else "–", "of the last ones", bool(failed)),
            Tile("Failed in a row", f"{in_a_row:,}" if rows else "–", "until now", in_a_row > 0),
            Tile("Last run took", duration(last["seconds"]) if last else "–", last["label"] if last else "no run yet"),
            Tile("Requests of the last run", f"{last['requests']:,}" if last else "–", "to Harvest"),
        ),
        (
            _ends(rows),
            _line(rows, run_durations(rows), Field("seconds", "Seconds", ",.0f"), "run-durations"),
            _requests(rows),
        ),
    )


def _with_ends(row: Row, header: Header) -> Row:
    started = row["started_at"]
    has_failed = row["failed"] > 0
    end = "failed" if has_failed else "with lists left out" if row["incomplete"] else "ended well"
    return {
        **row,
        "has_failed": has_failed,
        "end": end,
        "seconds": max((row["ended_at"] - started).total_seconds(), 0.0),
        "label": f"{short_day(started.date(), header.as_of_date)} {started:%H:%M}",
        "day": short_day(started.date(), header.as_of_date),
    }


def _ends(rows: Sequence[Row]) -> Section:
    title = runs_ended(rows)
    counted = Counter((row["day"], row["end"]) for row in rows)
    by_day = [{"day": day, "end": end, "runs": number} for (day, end), number in counted.items()]
    return Section(
        title,
        rows[::-1],
        (
            Column("started_at", "Began at (UTC)", "instant"),
            Column("end", "How it ended"),
            Column("seconds", "Seconds", "number"),
            Column("lists", "Lists", "count"),
            Column("incomplete", "Left out or not proven", "count"),
            Column("records", "Records read", "count"),
            Column("requests", "Requests", "count"),
            Column("retries", "Tried again", "count"),
            Column("failed_list", "Failed at"),
            Column("run_id", "Run", "code"),
        ),
        charts.bars(
            by_day,
            Field("day", "Day"),
            Field("runs", "Runs", ",d"),
            (Field("day", "Day"), Field("end", "How they ended"), Field("runs", "Runs", ",d")),
            colour=Field("end", "How they ended"),
            colours=_ENDS,
            description=title,
        )
        if rows
        else None,
        used(_ENDS, rows, "end"),
        "Runs that ended before they read anything, as with a token that is refused, are not in the database: `dlt-harvest status` "
        "knows those of its machine.",
        "runs",
    )


def _requests(rows: Sequence[Row]) -> Section:
    return _line(rows, run_requests(rows), Field("requests", "Requests", ",d"), "run-requests")


def _line(rows: Sequence[Row], title: str, value: Field, name: str) -> Section:
    return Section(
        title,
        rows,
        (Column("label", "Began at (UTC)"), Column(value.key, value.title, "number"), Column("end", "How it ended")),
        charts.line(
            rows,
            Field("label", "Began at (UTC)"),
            value,
            (Field("label", "Began at (UTC)"), value, Field("end", "How it ended")),
            description=title,
        )
        if rows
        else None,
        name=name,
    )
