"""`dlt-harvest sync`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from harvest_warehouse.cli.app import (
    DIFFERENT,
    DONE,
    FAILED,
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
    from harvest_warehouse.cli.runs.accounts import AccountRuns
    from harvest_warehouse.marts import BuildReport
    from harvest_warehouse.sync import SyncReport
    from harvest_warehouse.warehouse import Target


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
    account_id: AccountId = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, for machines.")] = False,
    destination: DestinationName = None,
    debug: Debug = False,
) -> None:
    """Make every table match Harvest: the command to schedule.

    Loads what changed, rereads a part of what did not, moves deleted rows to `harvest_deletions`, keeps what Harvest
    forgets, and builds the marts.
    Exit code 3 if the token sees less than before, if a list could not be proven complete or compared, if too many rows
    were deleted at once (none was moved), or if a difference remained after `--repair`.
    With `accounts` configured, it goes through them in one run: one that fails stops no other, and the exit code is the worst.
    """
    with told("sync", debug, as_json=as_json) as telling:
        from harvest_time_tracking import Ledger, SettingWrong
        from harvest_warehouse.cli.render.progress import progress
        from harvest_warehouse.cli.render.sync import sync_json, sync_lines, sync_tables
        from harvest_warehouse.cli.runs.accounts import AccountRuns, Command
        from harvest_warehouse.doctor.accounts import configured_accounts
        from harvest_warehouse.marts import BuildFailed
        from harvest_warehouse.marts.settings import mart_settings
        from harvest_warehouse.settings.account import reread_requests
        from harvest_warehouse.settings.process import pandas_kept_out
        from harvest_warehouse.sync import sync as run
        from harvest_warehouse.sync.events import sync_events

        place = telling.about(warehouse(destination))
        accounts = configured_accounts(account_id=account_id, start_date=start_date)
        if accounts.is_several and (accept_deletions or accept_access):
            raise SettingWrong("What is accepted is accepted for one account: add --account-id.")
        if not no_build:
            # Report an invalid setting now, not after hours of reading.
            mart_settings()
        telling.starts()

        def synced(settings: Settings, ledger: Ledger, on_step: OnStep) -> SyncReport:
            return run(
                place,
                settings,
                repair=repair,
                accept_deletions=accept_deletions,
                accept_access=accept_access,
                build_marts=not no_build and not accounts.is_several,
                reread_requests=reread_requests(),
                ledger=ledger,
                on_step=on_step,
            )

        def show(report: SyncReport) -> None:
            for table in sync_tables(report):
                out.show(table)
            say(*sync_lines(report))

        if accounts.is_several:
            command = Command(synced, _exit_code, sync_events, show, sync_json, not repair)
            runs = AccountRuns(place, accounts, telling, command, as_json=as_json)
            _go_through(runs, place, builds=not no_build, as_json=as_json)
        ledger = telling.reads(Ledger())
        with progress(err, ledger) as on_step, pandas_kept_out(place.kind.is_file):
            report = synced(accounts.settings[0], ledger, on_step)
        telling.events = sync_events(report)
        telling.harvest_run_id = report.load.run_id if report.load else ""
        if as_json:
            print_text(sync_json(report))
        else:
            show(report)
        if report.not_built:
            raise BuildFailed(report.not_built)
        if report.needs_somebody:
            raise typer.Exit(DIFFERENT)


def _go_through(runs: AccountRuns[SyncReport], place: Target, *, builds: bool, as_json: bool) -> NoReturn:
    """Sync every account, and build the marts once for all of them."""
    from harvest_warehouse.cli.render.build import build_json, build_lines
    from harvest_warehouse.marts import BuildFailed

    with runs.going_through() as ended:
        is_loaded = any(one.report and one.report.load for one in ended)
        built, not_built = _built(place) if is_loaded and builds else (None, "")
    # Views in other products' layouts are kept up to date by each account's sync.
    said = " ".join(filter(None, dict.fromkeys([*(one.report.not_built for one in ended if one.report), not_built])))
    say(*build_lines(built) if built and not as_json else ())
    runs.show(build=json.loads(build_json(built)) if built else None, not_built=said)
    if said:
        raise BuildFailed(said)
    runs.finish()


def _exit_code(report: SyncReport) -> int:
    return FAILED if report.not_built else DIFFERENT if report.needs_somebody else DONE


def _built(place: Target) -> tuple[BuildReport | None, str]:
    """Build the marts, once for all accounts: the report, or why there is none."""
    from harvest_time_tracking import Ledger, SettingWrong
    from harvest_warehouse.cli.render.progress import progress
    from harvest_warehouse.marts import BuildFailed, build
    from harvest_warehouse.settings.process import give_memory_back, pandas_kept_out

    give_memory_back()
    with progress(err, Ledger()) as on_step, pandas_kept_out(place.kind.is_file):
        try:
            return build(place, on_step=on_step), ""
        except (BuildFailed, SettingWrong) as error:
            return None, str(error)
