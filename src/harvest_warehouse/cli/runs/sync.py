"""`dlt-harvest sync`."""

from __future__ import annotations

from typing import Annotated

import typer

from harvest_warehouse.cli.app import (
    DIFFERENT,
    Debug,
    DestinationName,
    app,
    err,
    out,
    say,
    warehouse,
)
from harvest_warehouse.cli.console import print_text
from harvest_warehouse.cli.telling import told


@app.command(
    epilog="Examples: `dlt-harvest sync` · `dlt-harvest sync --repair` · `dlt-harvest sync --accept-deletions`"
)
def sync(
    repair: Annotated[
        bool, typer.Option("--repair", help="Also check against Harvest's reports and repair differences.")
    ] = False,
    accept_deletions: Annotated[
        bool,
        typer.Option(
            "--accept-deletions", help="Continue even if more than 5 % of a list, and 50 rows, were deleted at once."
        ),
    ] = False,
    accept_access: Annotated[
        bool, typer.Option("--accept-access", help="Continue with a token that sees less than an earlier one.")
    ] = False,
    no_build: Annotated[bool, typer.Option("--no-build", help="Leave the marts as they are.")] = False,
    start_date: Annotated[
        str | None, typer.Option(help="First day of time entries, expenses, invoices, estimates (2024-01-31).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, for machines.")] = False,
    destination: DestinationName = None,
    debug: Debug = False,
) -> None:
    """Make every table match Harvest: the command to schedule.

    Loads what changed, rereads a part of what did not, moves deleted rows to `harvest_deletions`, keeps what Harvest
    forgets, and builds the marts.
    Exit code 3 if the token sees less than before, if a list could not be proven complete or compared, if too many rows
    were deleted at once (none was moved), or if a difference remained after `--repair`.
    """
    with told("sync", debug, as_json=as_json) as telling:
        from harvest_time_tracking import Ledger
        from harvest_warehouse.cli.render.progress import progress
        from harvest_warehouse.cli.render.sync import sync_json, sync_lines, sync_tables
        from harvest_warehouse.marts import BuildFailed
        from harvest_warehouse.marts.settings import mart_settings
        from harvest_warehouse.settings.account import account_settings, reread_requests
        from harvest_warehouse.settings.process import pandas_kept_out
        from harvest_warehouse.sync import sync as run
        from harvest_warehouse.sync.events import sync_events

        place = telling.about(warehouse(destination))
        settings = account_settings(start_date=start_date)
        if not no_build:
            # Report an invalid setting now, not after hours of reading.
            mart_settings()
        telling.starts()
        ledger = telling.ledger = Ledger()
        with progress(err, ledger) as on_step, pandas_kept_out(place.kind.is_file):
            report = run(
                place,
                settings,
                repair=repair,
                accept_deletions=accept_deletions,
                accept_access=accept_access,
                build_marts=not no_build,
                reread_requests=reread_requests(),
                ledger=ledger,
                on_step=on_step,
            )
        telling.events = sync_events(report)
        telling.harvest_run_id = report.load.run_id if report.load else ""
        if as_json:
            print_text(sync_json(report))
        else:
            for table in sync_tables(report):
                out.show(table)
            say(*sync_lines(report))
        if report.not_built:
            raise BuildFailed(report.not_built)
        if report.needs_somebody:
            raise typer.Exit(DIFFERENT)
