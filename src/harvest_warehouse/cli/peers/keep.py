"""`dlt-harvest import`."""

from __future__ import annotations

from typing import Annotated

import typer

from harvest_warehouse.cli.app import Debug, DestinationName, app, err, errors_told, prepare, say, warehouse
from harvest_warehouse.cli.console import print_text


@app.command(
    "import",
    epilog="Examples: `dlt-harvest import --like airbyte --from-schema airbyte --dry-run` · `dlt-harvest import --like stitch --from-schema harvest`",
)
def keep(
    like: Annotated[str, typer.Option("--like", metavar="PRODUCT", help="Whose copy: airbyte, stitch or fivetran.")],
    schema: Annotated[str, typer.Option("--from-schema", metavar="SCHEMA", help="The schema that the old copy is in.")],
    other: Annotated[
        str | None,
        typer.Option("--with-destination", metavar="NAME", help="Where the old copy is. Default: the same database."),
    ] = None,
    account: Annotated[
        str, typer.Option("--account", metavar="ID", help="The Harvest account, if the database has several.")
    ] = "",
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Write nothing, only say what would be kept.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, for machines.")] = False,
    is_demo: Annotated[bool, typer.Option("--demo", help="Use the demo's database instead of your own.")] = False,
    destination: DestinationName = None,
    debug: Debug = False,
) -> None:
    """Keep rows that only another product's copy still has, since Harvest deleted them: in `harvest_deletions`, with their source.

    The tables of live rows are not changed, and no request is sent to Harvest: run `sync` first.
    """
    with errors_told(debug):
        from harvest_time_tracking import Ledger
        from harvest_warehouse.cli.render.peers import keep_json, keep_lines
        from harvest_warehouse.cli.render.progress import progress
        from harvest_warehouse.peers import keep_deleted

        prepare()
        place = warehouse(destination, is_demo=is_demo)
        there = warehouse(other) if other else None
        with progress(err, Ledger()) as on_step:
            report = keep_deleted(place, like, schema, account_id=account, there=there, is_dry=is_dry, on_step=on_step)
        if as_json:
            print_text(keep_json(report))
        else:
            say(*keep_lines(report))
