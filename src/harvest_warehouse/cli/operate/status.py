"""`dlt-harvest status`."""

from __future__ import annotations

from typing import Annotated

import typer

from harvest_warehouse.cli.app import (
    RAISED,
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


@app.command(epilog="Examples: `dlt-harvest status` · `dlt-harvest status --json` · `dlt-harvest status --notify`")
def status(
    max_age_hours: Annotated[
        float | None,
        typer.Option(min=0, help="Hours after which data is old. Default: max_age_hours of [harvest_alerts], else 36."),
    ] = None,
    notify: Annotated[
        bool,
        typer.Option("--notify", help="Tell the channels of [harvest_notify] when data is old, once until it is not."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, for machines.")] = False,
    destination: DestinationName = None,
    debug: Debug = False,
) -> None:
    """Tell how old the data is, how the last runs went, what is proven, and what to do next: exit code 3 if it is too old.

    Reads only, sends no request to Harvest, and works while a run writes. `--notify` is for a schedule of its own, better on
    another machine: what never runs cannot tell that it does not.
    """
    with errors_told(debug):
        from datetime import timedelta

        from harvest_warehouse.alerts.settings import alert_settings
        from harvest_warehouse.cli.render.status import account_table, status_json, status_lines
        from harvest_warehouse.settings.account import wanted_accounts
        from harvest_warehouse.status import status as run

        prepare()
        place = warehouse(destination)
        max_age = alert_settings().max_age if max_age_hours is None else timedelta(hours=max_age_hours)
        wanted = wanted_accounts()
        # Which accounts "all" are, only Harvest knows.
        report = run(place, max_age, expected=wanted if isinstance(wanted, tuple) else ())
        if notify:
            from harvest_warehouse.cli.telling import tell_staleness

            for failure in tell_staleness(place, report):
                err.print(failure, markup=False, highlight=False, soft_wrap=True)
        if as_json:
            print_text(status_json(report))
        else:
            for account in report.accounts:
                out.show(account_table(account))
            say(*status_lines(report))
        if report.is_old:
            raise typer.Exit(RAISED)
