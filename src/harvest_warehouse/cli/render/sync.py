"""Render the report of a sync for a terminal and as JSON. Prints nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime

from rich.table import Table
from rich.text import Text

from harvest_warehouse.cli.render.build import build_json, build_lines
from harvest_warehouse.cli.render.tables import closing_line, notes, outcome_table, plain_table
from harvest_warehouse.cli.render.verify import difference_table, verify_json, verify_lines
from harvest_warehouse.load.reread_rotation import Rotation
from harvest_warehouse.messages.text import counted
from harvest_warehouse.sweep import SweepReport
from harvest_warehouse.sweep.report import Verdict
from harvest_warehouse.sync import SyncReport

_SAID: Mapping[Verdict, str] = {
    "unsettled": "not every difference was found; the next sync looks again",
    "not compared": "not compared: Harvest does not say how many there are, so deleted rows cannot be found",
    "doubled": "records are duplicated, and rereading them did not fix it",
}


def sync_tables(report: SyncReport) -> list[Table]:
    """Tables of a sync: run outcomes, the sweep's results, and figures that differ."""
    tables = [outcome_table(report.load.streams)] if report.load else []
    if report.sweep:
        tables.append(swept_table(report.sweep))
    if report.verify and report.verify.differing:
        tables.append(difference_table(report.verify.differing))
    return tables


def swept_table(report: SweepReport) -> Table:
    """Table of the lists that were compared with Harvest's."""
    table = plain_table("list", "compared", "rows", "deleted", "requests")
    for swept in report.streams:
        style = "green" if swept.verdict == "equal" else "yellow"
        table.add_row(
            swept.stream, Text(swept.verdict, style), f"{swept.rows:,}", f"{swept.vanished:,}", f"{swept.requests:,}"
        )
    return table


def sync_lines(report: SyncReport) -> list[str]:
    """Lines for a sync: remarks on streams, deletions, history, comparison and marts."""
    lines = [f"This token sees less than an earlier one: {words}." for words in report.lost]
    if report.load is None:
        return [
            *lines,
            "Nothing was read, nothing was changed. Use a token that sees what the earlier one saw; or, if this is intended, "
            "`dlt-harvest sync --accept-access`.",
        ]
    lines = [*notes(report.load.streams), closing_line(report.load), *lines]
    if report.sweep is None:
        return [
            *lines,
            "Deleted rows were not searched for: hidden rows would look deleted. If this is intended, "
            "`dlt-harvest sync --accept-access`.",
        ]
    lines += _sweep_lines(report.sweep, report)
    if report.rotation and report.rotation.chosen:
        lines.append(_rotation_line(report.rotation))
    if report.history and (report.history.opened or report.history.closed):
        lines.append(
            f"History: {counted(report.history.opened, 'version')} opened, {report.history.closed:,} closed, of "
            "budgets, rates and the like."
        )
    lines += verify_lines(report.verify) if report.verify else []
    return lines + (build_lines(report.build) if report.build else [])


def sync_json(report: SyncReport, error: str | None = None) -> str:
    """Render the report as JSON."""
    document = asdict(replace(report, verify=None, build=None)) | {"is_equal": report.is_equal, "error": error}
    document["verify"] = json.loads(verify_json(report.verify)) if report.verify else None
    document["build"] = json.loads(build_json(report.build)) if report.build else None
    return json.dumps(document, indent=2, ensure_ascii=False, default=_plain)


def _rotation_line(rotation: Rotation) -> str:
    return (
        f"Reread in rotation: {counted(len(rotation.chosen), 'part')} of {rotation.windows:,} of the account; "
        f"all of it within {counted(rotation.within_runs, 'run')}."
    )


def _sweep_lines(sweep: SweepReport, report: SyncReport) -> list[str]:
    lines = [f"{name}: not compared: {reason}" for name, reason in sweep.not_swept.items()]
    lines += [f"{swept.stream}: {_SAID[swept.verdict]}" for swept in sweep.streams if swept.verdict in _SAID]
    if sweep.stopped:
        return [*lines, *sweep.stopped]
    gone = [f"{swept.vanished:,} {swept.stream}" for swept in sweep.streams if swept.vanished]
    gone += [f"{rows:,} {name}" for name, rows in report.replaced.items()]
    told = f"Deleted in Harvest and kept in harvest_deletions: {', '.join(gone)}." if gone else "Nothing was deleted."
    equal = sum(swept.verdict == "equal" for swept in sweep.streams)
    return [
        *lines,
        f"{told} {equal} of {counted(len(sweep.streams), 'list')} match Harvest's, with "
        f"{counted(sweep.requests, 'request')}.",
    ]


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
