"""Render tables in another product's layout, and comparisons with its copy, as lines and as JSON. Prints nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from harvest_warehouse.cli.render.tables import plain_table
from harvest_warehouse.messages.text import counted
from harvest_warehouse.peers import CompareReport, Difference, KeepReport, Made, ViewsReport
from harvest_warehouse.peers.wording import measure_of, sample_words, signed


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


def compare_tables(report: CompareReport) -> list[Table]:
    """Tables of a comparison: what differs in each table, and the totals that move."""
    found = plain_table(
        "table", "rows there", "rows here", "only there", "deleted", "missing there", "differ", "versions"
    )
    for table in report.tables:
        if not table.not_compared:
            numbers = (
                table.rows_there,
                table.rows_here,
                table.only_there,
                table.deleted,
                table.only_here,
                table.differing,
            )
            found.add_row(table.name, *(f"{number:,}" if number else "–" for number in (*numbers, table.superseded)))
    tables = [found]
    if report.totals:
        moved = plain_table("what moves", "the old copy", "here", "difference")
        for one in report.totals:
            moved.add_row(measure_of(one), f"{one.there:,.2f}", f"{one.here:,.2f}", signed(one.by))
        tables.append(moved)
    return tables


def compare_lines(report: CompareReport) -> list[str]:
    """Lines for a comparison: samples, what was not compared, and the verdict."""
    lines = [f"{table.name} {sample_words(sample)}" for table in report.tables for sample in _some(table.samples)]
    lines += [f"Not compared: {table.name}: {table.not_compared}." for table in report.tables if table.not_compared]
    lines += [
        f"{table.name} of the old copy lacks {', '.join(table.missing_columns)}."
        for table in report.tables
        if table.missing_columns
    ]
    compared = [table for table in report.tables if not table.not_compared]
    differing = [table for table in compared if not table.is_equal]
    rows = sum(table.only_there + table.only_here + table.differing for table in compared)
    verdict = (
        "nothing differs" if not differing else f"{counted(rows, 'row')} in {counted(len(differing), 'table')} differ"
    )
    lines.append(
        f"{counted(len(compared), 'table')} of {report.product}'s copy ({report.there}) compared with {report.place}: {verdict}. "
        f"{report.seconds:.1f} s."
    )
    return lines


def _some(samples: Sequence[Difference]) -> list[Difference]:
    """Two samples of each kind."""
    kinds = dict.fromkeys(sample.what for sample in samples)
    return [sample for kind in kinds for sample in [one for one in samples if one.what == kind][:2]]


def row_document(one: Difference) -> dict[str, Any]:
    """A row that differs, as a JSON object."""
    return {
        "table": one.table,
        "key": list(one.key),
        "what": one.what,
        "deleted_at": one.deleted_at,
        "columns": {name: {"there": there, "here": here} for name, (there, here) in one.values.items()},
    }


def compare_json(report: CompareReport) -> str:
    """Render the report as JSON."""
    document = asdict(report) | {"is_equal": report.is_equal}
    document["totals"] = [asdict(one) | {"by": one.by} for one in report.totals]
    document["moved"] = [asdict(one) | {"by": one.by} for one in report.moved]
    for table, said in zip(report.tables, document["tables"], strict=True):
        # `asdict` makes a counter of pairs of it.
        said["columns"] = dict(table.columns)
        said["samples"] = [row_document(sample) for sample in table.samples]
    return json.dumps(document, indent=2, ensure_ascii=False, default=str)


def keep_lines(report: KeepReport) -> list[str]:
    """Lines for what was kept of the old copy, and what was not."""
    kept = ", ".join(f"{rows:,} {name}" for name, rows in sorted(report.kept.items()))
    verb = "Would be kept" if report.is_dry else "Kept"
    lines = [f"{verb} in harvest_deletions from {report.product}'s copy ({report.there}): {kept or 'nothing'}."]
    if report.known:
        lines.append(f"{counted(report.known, 'row')} that only the old copy has were there already.")
    lines += [
        f"Not kept: {counted(rows, 'row')} of {name}: {reason}." for (name, reason), rows in sorted(report.left.items())
    ]
    return lines


def keep_json(report: KeepReport) -> str:
    """Render the report as JSON."""
    left = [{"table": name, "reason": reason, "rows": rows} for (name, reason), rows in sorted(report.left.items())]
    document = {
        "product": report.product,
        "there": report.there,
        "place": report.place,
        "kept": dict(report.kept),
        "known": report.known,
        "left": left,
        "is_dry": report.is_dry,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)
