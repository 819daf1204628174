"""Render tables in another product's layout, and comparisons with its copy, as lines and as JSON. Prints nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from harvest_warehouse.messages.text import counted
from harvest_warehouse.peers import Made, ViewsReport


def views_lines(report: ViewsReport) -> list[str]:
    """Lines for what was made: where, and what is not as it should be for the product's sake."""
    made, layout = report.made, report.layout
    what = "table" if made.is_tables else "view"
    lines = [
        f"{counted(len(report.tables), what)} like {layout.product}'s ({layout.version}) of account {made.account_id} "
        f"in the schema {made.schema}. {report.seconds:.1f} s.",
    ]
    kept = [f"{name} ({kind}, not {ours})" for name, kind, ours in layout.other_types()]
    if kept:
        lines.append(
            f"{layout.product} gives these another type than Harvest's documentation, which is kept: {', '.join(kept)}."
        )
    if nulls := list(layout.nulls()):
        lines.append(f"Null in every row, since Harvest does not send them so: {', '.join(nulls)}.")
    if more := [f"{table.name} ({table.more})" for table in layout.tables.values() if table.more]:
        lines.append(
            f"With more rows than {layout.product} has, so that every time entry finds its task: {', '.join(more)}."
        )
    if layout.inferred:
        lines.append(
            f"{counted(layout.inferred, 'column')} are not documented by {layout.product}: their names are inferred, so compare "
            f"them with yours."
        )
    if report.empty:
        lines.append(f"Empty, since their streams were not loaded: {', '.join(report.empty)}.")
    lines.append("`dlt-harvest sync` keeps them up to date.")
    return lines


def views_json(report: ViewsReport) -> str:
    """Render the report as JSON."""
    layout = report.layout
    document = asdict(report) | {
        "product": layout.product,
        "version": layout.version,
        "other_types": [
            dict(zip(("column", "type", "our_type"), found, strict=True)) for found in layout.other_types()
        ],
        "nulls": list(layout.nulls()),
        "more_rows": {table.name: table.more for table in layout.tables.values() if table.more},
        "inferred_columns": layout.inferred,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def made_lines(made: Sequence[Made]) -> list[str]:
    """Lines for what was made so far."""
    if not made:
        return ["There are none yet: `dlt-harvest views --like airbyte`, stitch or fivetran makes some."]
    return [
        f"{one.schema}: {'tables' if one.is_tables else 'views'} like {one.like}'s, of account {one.account_id}"
        for one in made
    ]
