"""System table `harvest_runs`: the run outcome of each stream."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

from dlt.extract import DltResource

from harvest_time_tracking import StreamOutcome
from harvest_warehouse.database.connection import Database
from harvest_warehouse.database.system_tables import SystemTable

VERSION = version("dlt-harvest")

RUNS = SystemTable(
    "harvest_runs",
    "The outcome of every stream in every run, failed runs included",
    ("account_id", "run_id", "stream"),
    (
        ("account_id", "text", "Harvest account that was read"),
        (
            "run_id",
            "text",
            "The run: dlt's id of the load package that brought its rows (_dlt_loads.load_id), where it brought any",
        ),
        ("stream", "text", "The stream, by its name in the catalogue"),
        ("table_name", "text", "The table its rows went to"),
        (
            "outcome",
            "text",
            "complete, unproven (loaded, but perhaps not all), skipped (old rows stay), failed (the run stopped here), stopped (elsewhere)",
        ),
        ("reason", "text", "Why it is not complete, or what is worth knowing though it is; else empty"),
        ("is_full", "bool", "True where everything was read, false where only what changed"),
        ("rows", "bigint", "Records that Harvest sent, each once"),
        ("requests", "bigint", "Requests sent to Harvest for it, tries again included"),
        ("retries", "bigint", "How many of these were tries again"),
        ("seconds", "double", "From the start of reading it to its end"),
        ("odd_values", "text", "JSON: how many values did not fit their column, by column"),
        ("new_columns", "text", "JSON: columns that Harvest's documentation does not know"),
        ("started_at", "timestamp", "When the run began"),
        ("ended_at", "timestamp", "When the run had read everything"),
        ("dlt_harvest_version", "text", "The version of dlt-harvest that ran"),
    ),
)


@dataclass(frozen=True)
class RunRecord:
    """Account, id, start and end (aware datetimes) of one run."""

    account_id: str
    run_id: str
    started_at: datetime
    ended_at: datetime


def runs_resource(run: RunRecord, outcomes: Iterable[StreamOutcome]) -> DltResource:
    """Rows of `harvest_runs` for one run, as a dlt resource."""
    rows = [
        {
            "account_id": run.account_id,
            "run_id": run.run_id,
            "stream": outcome.stream,
            "table_name": outcome.table,
            "outcome": outcome.outcome,
            "reason": outcome.reason,
            "is_full": outcome.is_full,
            "rows": outcome.rows,
            "requests": outcome.requests,
            "retries": outcome.retries,
            "seconds": outcome.seconds,
            "odd_values": json.dumps(dict(outcome.odd_values)),
            "new_columns": json.dumps(outcome.new_columns),
            "started_at": run.started_at,
            "ended_at": run.ended_at,
            "dlt_harvest_version": VERSION,
        }
        for outcome in outcomes
    ]
    return RUNS.holding(rows)


def last_ended(database: Database) -> dict[str, datetime]:
    """When the last run of each account ended, by account."""
    if not database.columns(RUNS.name):
        return {}
    rows = database.rows("select account_id, max(ended_at) from harvest_runs group by account_id")
    return {row[0]: row[1] for row in rows}
