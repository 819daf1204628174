"""`dlt-harvest copy`."""

from __future__ import annotations

from typing import Annotated

import typer

from harvest_warehouse.cli.app import Debug, app, err, errors_told, prepare, say, warehouse
from harvest_warehouse.cli.console import print_text


@app.command(
    epilog="Examples: `dlt-harvest copy --from duckdb --to postgres` · `dlt-harvest copy --from postgres --to duckdb --no-build` "
    "· then `dlt-harvest sync --destination postgres`"
)
def copy(
    target: Annotated[
        str, typer.Option("--to", metavar="NAME", help="The destination to copy to; nothing may be there yet.")
    ],
    source: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="NAME", help="The destination to copy from. Default: the configured one, else duckdb."
        ),
    ] = None,
    replace_unfinished: Annotated[
        bool, typer.Option("--replace-unfinished", help="Drop what an interrupted copy left there, and copy again.")
    ] = False,
    no_build: Annotated[bool, typer.Option("--no-build", help="Do not build the marts there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, for machines.")] = False,
    debug: Debug = False,
) -> None:
    """Move to another destination without a new backfill: rows, history, deletions, and the state of each stream.

    Sends no request to Harvest and does not change the old database. Every value is read back from the new one and compared; no
    command uses an interrupted copy until `--replace-unfinished` has copied it again.
    """
    with errors_told(debug):
        from harvest_time_tracking import Ledger
        from harvest_warehouse.cli.render.copy import copy_json, copy_lines
        from harvest_warehouse.cli.render.progress import progress
        from harvest_warehouse.marts import BuildFailed
        from harvest_warehouse.transfer import copy as run

        prepare()
        places = warehouse(source), warehouse(target)
        with progress(err, Ledger()) as on_step:
            report = run(*places, replace_unfinished=replace_unfinished, build_marts=not no_build, on_step=on_step)
        if as_json:
            print_text(copy_json(report))
        else:
            say(*copy_lines(report))
        if report.not_built:
            raise BuildFailed(report.not_built)
