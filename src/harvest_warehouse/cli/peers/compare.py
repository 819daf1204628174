"""`dlt-harvest compare`."""

from __future__ import annotations

import json
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from harvest_warehouse.cli.app import (
    DIFFERENT,
    Debug,
    DestinationName,
    app,
    err,
    errors_told,
    out,
    prepare,
    say,
    warehouse,
)
from harvest_warehouse.cli.console import print_text


@app.command(
    epilog="Examples: `dlt-harvest compare --like airbyte --with airbyte` · `dlt-harvest compare --like stitch --with harvest --out compare.html` · "
    "`dlt-harvest compare --like fivetran --with harvest --with-destination snowflake`"
)
def compare(
    like: Annotated[str, typer.Option("--like", metavar="PRODUCT", help="Whose copy: airbyte, stitch or fivetran.")],
    schema: Annotated[str, typer.Option("--with", metavar="SCHEMA", help="The schema that the old copy is in.")],
    other: Annotated[
        str | None,
        typer.Option("--with-destination", metavar="NAME", help="Where the old copy is. Default: the same database."),
    ] = None,
    account: Annotated[
        str, typer.Option("--account", metavar="ID", help="The Harvest account, if the database has several.")
    ] = "",
    page: Annotated[Path | None, typer.Option("--out", help="Write the comparison as an HTML page, too.")] = None,
    rows: Annotated[
        Path | None, typer.Option("--rows", help="Write every row that differs to this file, one JSON object a line.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, for machines.")] = False,
    is_demo: Annotated[bool, typer.Option("--demo", help="Use the demo's database instead of your own.")] = False,
    destination: DestinationName = None,
    debug: Debug = False,
) -> None:
    """Compare the copy that another product made with yours: rows it lost or kept, values it has wrong, and what your totals move by.

    Reads only, and sends no requests to Harvest: run `sync` first. Exit code 3 if anything differs.
    """
    with errors_told(debug):
        from harvest_time_tracking import Ledger
        from harvest_warehouse.cli.render.peers import compare_json, compare_lines, compare_tables, row_document
        from harvest_warehouse.cli.render.progress import progress
        from harvest_warehouse.peers import Difference
        from harvest_warehouse.peers import compare as run

        _check(page, rows)
        prepare()
        place = warehouse(destination, is_demo=is_demo)
        there = warehouse(other) if other else None
        with ExitStack() as stack:
            lines = stack.enter_context(rows.open("w", encoding="utf-8")) if rows else None

            def write(one: Difference) -> None:
                if lines:
                    lines.write(json.dumps(row_document(one), ensure_ascii=False, default=str) + "\n")

            on_step = stack.enter_context(progress(err, Ledger()))
            report = run(place, like, schema, account_id=account, there=there, on_difference=write, on_step=on_step)
        if page:
            from harvest_warehouse.peers.html import page as rendered

            page.write_text(rendered(report), encoding="utf-8")
        if as_json:
            print_text(compare_json(report))
        else:
            for table in compare_tables(report):
                out.show(table)
            say(*compare_lines(report))
            if page:
                say(f"The page is in {page}.")
        if not report.is_equal:
            raise typer.Exit(DIFFERENT)


def _check(page: Path | None, rows: Path | None) -> None:
    """Refuse files that cannot be written, before a long comparison. Raises SettingWrong."""
    from harvest_time_tracking import SettingWrong

    if page and find_spec("jinja2") is None:
        raise SettingWrong('The page needs jinja2: pip install ".[dashboard]" in the clone, and run this again.')
    for file in filter(None, (page, rows)):
        if not file.parent.is_dir():
            raise SettingWrong(f"There is no folder {file.parent} for {file.name}: make it, or name another file.")
