"""`dlt-harvest sync`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harvest_warehouse.cli.base import SKIPPED, Debug, app, err, errors_told, out, prepare, say


@app.command(epilog="Examples: `dlt-harvest sync` · `dlt-harvest sync --accept-deletions`")
def sync(
    accept_deletions: Annotated[
        bool,
        typer.Option("--accept-deletions", help="Go on where more than 5 % of a list, and 50 rows, vanished at once."),
    ] = False,
    accept_access: Annotated[
        bool, typer.Option("--accept-access", help="Go on with a token that sees less than an earlier one did.")
    ] = False,
    start_date: Annotated[
        str | None, typer.Option(help="First day of time entries, expenses, invoices, estimates (2024-01-31).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, for machines.")] = False,
    debug: Debug = False,
) -> None:
    """Make every table equal to Harvest: the one command for a schedule.

    Loads what changed, finds what vanished and moves it to `harvest_deletions`. Exit code 3 where the token sees less than
    before, or where too much vanished at once: then nothing of it was moved.
    """
    with errors_told(debug, as_json=as_json):
        from harvest_time_tracking import Ledger
        from harvest_warehouse.progress import progress
        from harvest_warehouse.settings import Warehouse, account_settings
        from harvest_warehouse.sync import sync as run
        from harvest_warehouse.sync_summary import sync_json, sync_lines, sync_tables

        prepare()
        warehouse = Warehouse(Path.cwd())
        settings = account_settings(start_date=start_date)
        ledger = Ledger()
        with progress(err, ledger) as on_step:
            report = run(
                warehouse,
                settings,
                accept_deletions=accept_deletions,
                accept_access=accept_access,
                ledger=ledger,
                on_step=on_step,
            )
        if as_json:
            print(sync_json(report))
        else:
            for table in sync_tables(report):
                out.print(table)
            say(*sync_lines(report))
        if report.lost or (report.sweep and report.sweep.too_many):
            raise typer.Exit(SKIPPED)
