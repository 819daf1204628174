"""Render the report of a build as a table and lines for a terminal, and as JSON. Prints nothing."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich import box
from rich.table import Table

from harvest_time_tracking import printable
from harvest_warehouse.marts import BuildReport
from harvest_warehouse.messages.text import counted


def build_table(report: BuildReport) -> Table:
    """Table of the built tables: rows and seconds."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("table", no_wrap=True)
    for name in ("rows", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    for built in report.tables:
        table.add_row(built.name, f"{built.rows:,}", f"{built.seconds:.1f}")
    return table


def build_lines(report: BuildReport) -> list[str]:
    """Lines for the checks' findings, and the build in one sentence."""
    lines = [f"{found.severity} {found.name}: {counted(found.rows, 'row')}. {found.words}" for found in report.warnings]
    if report.unmatched:
        names = ", ".join(str(task) for task in report.unmatched)
        lines.append(
            f"warning time_off_tasks, productive_tasks: no task is called {names}, so nothing of that name counts as such."
        )
    if report.unmatched_targets:
        names = ", ".join(map(printable, report.unmatched_targets))
        lines.append(f"warning target_utilisation: no role and nobody is called {names}, so nobody has that target.")
    if report.rates_of_home:
        codes = ", ".join(report.rates_of_home)
        lines.append(
            f"warning exchange_rates: {codes} is the home currency itself, so its rate is not used: remove it."
        )
    days = sorted({day.isoformat() for _, day in report.as_of})
    as_of = f" as of {' and '.join(days)}" if days else ""
    if report.warnings:
        words = f"The rows: select finding, query from {report.dataset}.mart_data_quality where row_count > 0"  # noqa: S608 (to be read, not run)
        lines.append(words)
    told = f", {len(report.warnings)} with findings" if report.warnings else ""
    lines.append(
        f"{counted(len(report.tables), 'table')} in {report.dataset}{as_of} after {counted(report.checks, 'check')}{told},"
        f" in {report.seconds:.1f} s."
    )
    return lines


def build_json(report: BuildReport) -> str:
    """Render the report as JSON."""
    document = asdict(report) | {"as_of": {account_id: day.isoformat() for account_id, day in report.as_of}}
    return json.dumps(document, indent=2, ensure_ascii=False)
