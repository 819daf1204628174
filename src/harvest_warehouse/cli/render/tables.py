"""Tables and JSON shared by several commands: run outcomes, catalogue, doctor. Prints nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich import box
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from harvest_time_tracking import STREAMS, Stream, StreamOutcome, printable
from harvest_warehouse.messages.text import counted

if TYPE_CHECKING:
    from harvest_warehouse.cli.demo_company import Answer
    from harvest_warehouse.doctor import Check, DoctorReport
    from harvest_warehouse.doctor.estimate import StreamPlan
    from harvest_warehouse.load import LoadReport

_STYLES = {
    "complete": "green",
    "unproven": "bold yellow",
    "skipped": "yellow",
    "failed": "bold red",
    "stopped": "red",
    "begun": "cyan",
    "reading": "cyan",
}
STREAM_COLUMNS = ("stream", "path", "key", "updated", "permission", "feature", "by default")
# Keys of the JSON output: programs depend on them, so they must not change.
_STREAM_KEYS = ("stream", "path", "key", "brought_up_to_date", "permission", "feature", "by_default")


def outcome_table(outcomes: Iterable[StreamOutcome]) -> Table:
    """Table of run outcomes, one line per stream."""
    table = plain_table("stream", "outcome", "rows", "requests", "seconds")
    for outcome in outcomes:
        table.add_row(
            outcome.stream,
            Text(outcome.outcome, _STYLES[outcome.outcome]),
            f"{outcome.rows:,}",
            f"{outcome.requests:,}",
            f"{outcome.seconds:.1f}",
        )
    return table


def notes(outcomes: Iterable[StreamOutcome]) -> list[str]:
    """Remarks about streams, one line each; failures are left to the error message."""
    ended = (outcome for outcome in outcomes if outcome.outcome in ("complete", "unproven", "skipped"))
    said = ((outcome, remark(outcome)) for outcome in ended)
    return [f"{outcome.stream}: {outcome.outcome}, {text}" for outcome, text in said if text]


def remark(outcome: StreamOutcome) -> str:
    """Remark about a stream in one line: reason, type mismatches, new columns."""
    parts = [outcome.reason] if outcome.reason else []
    if outcome.odd_values:
        odd = ", ".join(f"{column} ({count})" for column, count in outcome.odd_values.items())
        parts.append(f"kept beside their column: {printable(odd)}")
    if outcome.new_columns:
        parts.append(f"new in Harvest: {printable(', '.join(outcome.new_columns))}")
    return "; ".join(parts)


def closing_line(report: LoadReport) -> str:
    """Summary of a load in one sentence."""
    skipped = f", {len(report.skipped)} skipped (their old rows stay)" if report.skipped else ""
    unproven = f", {len(report.unproven)} not proven complete" if report.unproven else ""
    finished = " after finishing what an earlier run left" if report.finished else ""
    return (
        f"{counted(report.rows, 'row')} from {counted(len(report.streams), 'stream')}"
        f" with {counted(report.requests, 'request')}"
        f" in {report.seconds:.1f} s{finished}{skipped}{unproven}."
    )


def load_json(report: LoadReport, error: str | None = None) -> str:
    """Render the report of a load as JSON."""
    document = asdict(report) | {"rows": report.rows, "requests": report.requests, "error": error}
    document["started_at"] = report.started_at.isoformat()
    return json.dumps(document, indent=2, ensure_ascii=False)


def how_kept(stream: Stream) -> str:
    """Describe how a stream is updated."""
    if stream.window == "month":
        return "by month: each month read is replaced"
    if stream.window == "day":
        return "a snapshot of each day it is read"
    if stream.parent:
        return f"by parent, replaced: for {stream.parent.stream} that changed, active ones, and the others in turn"
    if stream.argument:
        return f"named rows ({stream.argument}), merged"
    return "changes since the last run, merged" if stream.has_updated_since else "replaced whole"


def stream_rows(streams: Sequence[Stream] = tuple(STREAMS.values())) -> list[tuple[str, ...]]:
    """Rows of the catalogue, one for each stream, with the columns of `STREAM_COLUMNS`."""
    return [
        (
            stream.name,
            stream.path,
            ", ".join(stream.key),
            how_kept(stream),
            stream.permission,
            stream.feature or "",
            "yes" if stream.is_default else "when named",
        )
        for stream in streams
    ]


def streams_table() -> Table:
    """Render the catalogue as a table for a terminal."""
    table = Table(*STREAM_COLUMNS, box=box.SIMPLE, pad_edge=False)
    for row in stream_rows():
        table.add_row(*map(escape, row))
    return table


def streams_markdown() -> str:
    """Render the catalogue as a Markdown table."""
    return markdown_table(STREAM_COLUMNS, stream_rows())


def streams_json() -> str:
    """Render the catalogue as JSON."""
    return json.dumps(
        [dict(zip(_STREAM_KEYS, row, strict=True)) for row in stream_rows()], indent=2, ensure_ascii=False
    )


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Render a Markdown table; `|` in cells is escaped."""
    lines = [list(columns), ["---"] * len(columns), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def answer_table(answer: Answer) -> Table:
    """Table of the answer to a question of the demo."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    for position, column in enumerate(answer.columns):
        table.add_column(column.replace("_", " "), justify="right" if position else "left")
    for row in answer.rows:
        table.add_row(*map(escape, row))
    return table


def check_table(checks: Iterable[Check]) -> Table:
    """Table of the doctor's checks."""
    styles = {"ok": "green", "note": "yellow", "wrong": "bold red"}
    table = Table(box=box.SIMPLE, pad_edge=False, show_header=False)
    for check in checks:
        table.add_row(check.name, Text(check.verdict, styles[check.verdict]), escape(check.said))
    return table


def plan_table(plans: Iterable[StreamPlan]) -> Table:
    """Table of the request estimates, one line per stream."""
    table = plain_table("stream", "will load", "records", "first load", "daily load")
    for stream in plans:
        least = "≤ " if stream.is_estimate else ""
        table.add_row(
            stream.stream,
            Text("yes", "green") if stream.is_loading else Text("no", "yellow"),
            "" if stream.records is None else f"{stream.records:,}",
            f"{stream.first_requests:,}" if stream.is_loading else "",
            f"{least}{stream.daily_requests:,}" if stream.is_loading else "",
        )
    return table


def plan_notes(plans: Iterable[StreamPlan]) -> list[str]:
    """Lines with the reasons why streams will not load."""
    return [f"{stream.stream}: {stream.reason}" for stream in plans if not stream.is_loading]


def plan_line(report: DoctorReport) -> str:
    """Estimate in one sentence: requests and minutes of a first and a daily load."""
    return (
        f"A first load takes at most {report.first_requests:,} requests, about {_minutes(report.first_minutes)}; "
        f"a daily load at most {report.daily_requests:,}, about {_minutes(report.daily_minutes)}. "
        "(First and daily load are in requests; ≤ is an estimate: it depends on how many parents change.)"
    )


_TEXTS = (
    "account",
    "stream",
    "outcome",
    "will load",
    "list",
    "compared",
    "secret",
    "state",
    "where",
    "table",
    "last outcome",
    "reason",
)


def plain_table(*names: str) -> Table:
    """Empty table for a terminal: numbers right-aligned, words left-aligned."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in names:
        is_text = name in _TEXTS
        table.add_column(name, justify="left" if is_text else "right", no_wrap=True)
    return table


def _minutes(minutes: float) -> str:
    return "a minute or less" if minutes <= 1 else f"{minutes:.0f} minutes"
