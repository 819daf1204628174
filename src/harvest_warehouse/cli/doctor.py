"""`dlt-harvest doctor`."""

from __future__ import annotations

import typer

from harvest_warehouse.cli.app import FAILED, Debug, DestinationName, app, errors_told, out, prepare, say, warehouse


@app.command(epilog="Examples: `dlt-harvest doctor` · `dlt-harvest doctor --destination postgres`")
def doctor(destination: DestinationName = None, debug: Debug = False) -> None:
    """Check token, account, role, features and database; say what a load would read, and how long it takes.

    Makes one or a few requests for each list, and changes nothing.
    """
    with errors_told(debug):
        from harvest_warehouse.cli.render.tables import check_table, plan_line, plan_notes, plan_table
        from harvest_warehouse.doctor import doctor as run
        from harvest_warehouse.doctor.accounts import configured_accounts
        from harvest_warehouse.settings.account import children_requests, reread_requests

        prepare()
        place, accounts = warehouse(destination), configured_accounts()
        is_fine = True
        for settings in accounts.settings:
            report = run(place, settings, reread_requests=reread_requests(), children_requests=children_requests())
            if accounts.is_several:
                say(f"Account {accounts.called(settings.account_id)}:")
            out.show(check_table(report.checks))
            if report.plan:
                out.show(plan_table(report.plan))
                say(*plan_notes(report.plan), plan_line(report))
            is_fine &= report.is_fine
        if not is_fine:
            raise typer.Exit(FAILED)
