"""`dlt-harvest load`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from harvest_warehouse.cli.app import (
    DONE,
    SKIPPED,
    AccountId,
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

if TYPE_CHECKING:
    from harvest_time_tracking import Ledger, Settings
    from harvest_warehouse.cli.render.progress import OnStep
    from harvest_warehouse.load import LoadReport


@app.command(epilog="Examples: `dlt-harvest load` · `dlt-harvest load clients projects` · `dlt-harvest load --strict`")
def load(
    streams: Annotated[
        list[str] | None, typer.Argument(metavar="[STREAM]...", help="Only these streams. Default: all.")
    ] = None,
    project_id: Annotated[
        list[int] | None, typer.Option(help="Reread this project on its own (projects_id). Repeat for more.")
    ] = None,
    start_date: Annotated[
        str | None, typer.Option(help="First day of time entries, expenses, invoices, estimates (2024-01-31).")
    ] = None,
    reports_from: Annotated[str | None, typer.Option(help="A day in the first month to read reports for.")] = None,
    reports_to: Annotated[str | None, typer.Option(help="A day in the last month to read reports for.")] = None,
    accept_access: Annotated[
        bool, typer.Option("--accept-access", help="Continue with a token that sees less than an earlier one.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 3 if a stream was skipped, or is not proven complete.")
    ] = False,
    account_id: AccountId = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, for machines.")] = False,
    destination: DestinationName = None,
    debug: Debug = False,
) -> None:
    """Load what changed in Harvest into the database: `harvest_time_tracking.duckdb` in this folder, unless configured otherwise.

    The first load reads everything, later ones what changed since. Reports and paid time off are read when named.
    What this token may not see is skipped, with the reason; its old rows stay. Exit code 3 if the token sees less than an
    earlier one (nothing is read), or if a named project does not exist.
    """
    with told("load", debug, as_json=as_json) as telling:
        from harvest_time_tracking import Ledger, SettingWrong
        from harvest_warehouse.cli.render.progress import progress
        from harvest_warehouse.cli.render.tables import closing_line, load_json, notes, outcome_table
        from harvest_warehouse.cli.runs.accounts import AccountRuns, Command
        from harvest_warehouse.doctor.accounts import configured_accounts
        from harvest_warehouse.load import load as run
        from harvest_warehouse.settings.process import pandas_kept_out
        from harvest_warehouse.sync.events import load_events

        place = telling.about(warehouse(destination))
        accounts = configured_accounts(account_id=account_id, start_date=start_date)
        if accounts.is_several and (project_id or accept_access):
            raise SettingWrong("Projects and rights belong to one account: add --account-id.")
        telling.starts()

        def loaded(settings: Settings, ledger: Ledger, on_step: OnStep) -> LoadReport:
            return run(
                place,
                settings,
                streams or (),
                project_ids=project_id or (),
                reports_from=reports_from,
                reports_to=reports_to,
                accept_access=accept_access,
                ledger=ledger,
                on_step=on_step,
            )

        def show(report: LoadReport) -> None:
            out.show(outcome_table(report.streams))
            say(*notes(report.streams), closing_line(report))

        def exit_code(report: LoadReport) -> int:
            return SKIPPED if report.not_there or (strict and (report.skipped or report.unproven)) else DONE

        if accounts.is_several:
            command = Command(loaded, exit_code, load_events, show, load_json)
            runs = AccountRuns(place, accounts, telling, command, as_json=as_json)
            with runs.going_through():
                pass
            runs.show()
            runs.finish()
        ledger = telling.reads(Ledger())
        with progress(err, ledger) as on_step, pandas_kept_out(place.kind.is_file):
            report = loaded(accounts.settings[0], ledger, on_step)
        telling.events, telling.harvest_run_id = load_events(report), report.run_id
        if as_json:
            print_text(load_json(report))
        else:
            show(report)
            say(f"Database: {report.database}")
        if code := exit_code(report):
            raise typer.Exit(code)
