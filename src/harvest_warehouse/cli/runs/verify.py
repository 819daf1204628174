"""`dlt-harvest verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from harvest_warehouse.cli.app import (
    DIFFERENT,
    DONE,
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
    from harvest_warehouse.verify import VerifyReport


@app.command(
    epilog="Examples: `dlt-harvest verify` · `dlt-harvest verify --months` · `dlt-harvest verify --since 2026-01-01 --repair`"
)
def verify(
    since: Annotated[str | None, typer.Option(help="First day (2026-01-01). Default: all of history.")] = None,
    until: Annotated[
        str | None, typer.Option(help="Last day. Default: today, or the last day with work if that is later.")
    ] = None,
    months: Annotated[
        bool, typer.Option("--months", help="Compare each month separately, not only those of a year that differs.")
    ] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Reread what differs, and compare again.")] = False,
    account_id: AccountId = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, for machines.")] = False,
    destination: DestinationName = None,
    debug: Debug = False,
) -> None:
    """Compare with Harvest's own reports: time, expenses, uninvoiced work, budgets.

    Compares to the cent and the hundredth of an hour, by currency: year by year, and the months of a year that differs.
    Exit code 3 if anything differs or cannot be proven. The verdicts are in the table `harvest_reconciliation`.
    While it waits for Harvest's report limit, `sync` can run. An interrupted comparison continues where it stopped.
    """
    with told("verify", debug) as telling:
        from harvest_time_tracking import Ledger
        from harvest_warehouse.cli.render.progress import progress
        from harvest_warehouse.cli.render.verify import difference_table, verify_json, verify_lines
        from harvest_warehouse.cli.runs.accounts import AccountRuns, Command
        from harvest_warehouse.doctor.accounts import configured_accounts
        from harvest_warehouse.sync import repair as compare_and_repair
        from harvest_warehouse.sync.events import verify_events
        from harvest_warehouse.verify import verify

        place = telling.about(warehouse(destination))
        accounts = configured_accounts(account_id=account_id)
        telling.starts()

        def compared(settings: Settings, _: Ledger, on_step: OnStep) -> VerifyReport:
            run = compare_and_repair if repair else verify
            return run(place, settings, since=since, until=until, is_by_month=months, on_step=on_step)

        def show(report: VerifyReport) -> None:
            if report.differing:
                out.show(difference_table(report.differing))
            say(*verify_lines(report))

        if accounts.is_several:
            command = Command(
                compared, lambda one: DONE if one.is_proven else DIFFERENT, verify_events, show, verify_json, False
            )
            runs = AccountRuns(place, accounts, telling, command, as_json=as_json)
            with runs.going_through():
                pass
            runs.show()
            runs.finish()
        with progress(err, Ledger()) as on_step:
            report = compared(accounts.settings[0], Ledger(), on_step)
        telling.events = verify_events(report)
        if as_json:
            print_text(verify_json(report))
        else:
            show(report)
        if not report.is_proven:
            raise typer.Exit(DIFFERENT)
