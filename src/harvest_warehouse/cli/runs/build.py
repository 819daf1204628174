"""`dlt-harvest build`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from harvest_warehouse.cli.app import Debug, DestinationName, app, err, out, say, warehouse
from harvest_warehouse.cli.console import print_text
from harvest_warehouse.cli.telling import told


@app.command(epilog="Examples: `dlt-harvest build` · `dlt-harvest build --as-of 2026-01-31`")
def build(
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="The day that counts as today for weeks, ages and budgets. Default: the day of the last load.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, for machines.")] = False,
    destination: DestinationName = None,
    debug: Debug = False,
) -> None:
    """Build the marts: utilisation, budgets, unbilled work, receivables, margin, in the schema `harvest_marts`.

    Sends no requests to Harvest. The new marts replace the old ones only once every check has passed.
    """
    with told("build", debug) as telling:
        from harvest_time_tracking import Ledger
        from harvest_warehouse.cli.render.build import build_json, build_lines, build_table
        from harvest_warehouse.cli.render.progress import progress
        from harvest_warehouse.marts import build as run
        from harvest_warehouse.settings.process import pandas_kept_out

        place = telling.about(warehouse(destination))
        telling.starts()
        with progress(err, Ledger()) as on_step, pandas_kept_out(place.kind.is_file):
            report = run(place, as_of=as_of.date() if as_of else None, on_step=on_step)
        if as_json:
            print_text(build_json(report))
        else:
            out.show(build_table(report))
            say(*build_lines(report))
