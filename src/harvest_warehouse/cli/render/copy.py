"""Render the report of a copy as lines for a terminal, and as JSON. Prints nothing."""

from __future__ import annotations

import json
from dataclasses import asdict

from harvest_warehouse.cli.render.build import build_lines
from harvest_warehouse.messages.text import counted
from harvest_warehouse.transfer import CopyReport


def copy_lines(report: CopyReport) -> list[str]:
    """Lines for a copy: what was copied, what was not, and how to continue."""
    lines = [
        f"{counted(report.rows, 'row')} of {counted(len(report.tables), 'table')} from {report.source} to {report.target}, "
        f"every value read back and equal. {report.seconds:.1f} s."
    ]
    if report.left:
        lines.append(f"Not copied, because dlt-harvest did not make them: {', '.join(report.left)}.")
    if report.build:
        lines.append(build_lines(report.build)[-1])
    elif not report.not_built:
        lines.append(
            f"The marts were not built there: `dlt-harvest build --destination {report.destination}` does that."
        )
    lines.append(
        f"Continue there with `dlt-harvest sync --destination {report.destination}` (or set it in the configuration: destination = "
        f'"{report.destination}" under [harvest_warehouse] in .dlt/config.toml), and stop syncing the old database.'
    )
    return lines


def copy_json(report: CopyReport) -> str:
    """Render the report as JSON."""
    document = asdict(report) | {"rows": report.rows, "build": None, "is_built": report.build is not None}
    return json.dumps(document, indent=2, ensure_ascii=False)
