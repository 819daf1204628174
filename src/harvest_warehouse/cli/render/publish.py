"""Render the report of a publication as lines for a terminal, and as JSON. Prints nothing."""

from __future__ import annotations

import json
from dataclasses import asdict

from harvest_warehouse.messages.text import counted
from harvest_warehouse.transfer import PublishReport
from harvest_warehouse.transfer.bucket import Format

_IN_WORDS: dict[Format, str] = {"parquet": "Parquet files", "delta": "Delta tables", "iceberg": "Iceberg tables"}


def publish_lines(report: PublishReport) -> list[str]:
    """Lines for a publication: what was written, and what was removed."""
    new = [table for table in report.tables if table.is_new]
    lines = [
        f"{counted(len(report.tables), 'table')} of {report.source} are in {report.target} as "
        f"{_IN_WORDS[report.format]}, {counted(sum(table.rows for table in report.tables), 'row')}: "
        f"{len(new)} written, {len(report.tables) - len(new)} unchanged. {report.seconds:.1f} s."
    ]
    if report.removed:
        lines.append(f"Removed, because they no longer exist: {', '.join(report.removed)}.")
    return lines


def publish_json(report: PublishReport) -> str:
    """Render the report as JSON."""
    return json.dumps(asdict(report), indent=2, ensure_ascii=False)
