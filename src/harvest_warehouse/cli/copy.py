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
        bool, typer.Option("--replace-unfinished", help="Drop what an interrupted copy left there, and copy anew.")
    ] = False,
    no_build: Annotated[bool, typer.Option("--no-build", help="Do not build the marts there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, for machines.")] = False,
    debug: Debug = False,
) -> None:
    """Move to another destination without a new backfill: rows, history, deletions, and how far each stream has come.

    Asks nothing of Harvest and leaves the old place as it is. Every value is read again where it is then; a copy that was
    interrupted is taken for nothing until `--replace-unfinished` made it anew.
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
