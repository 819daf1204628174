"""`dlt-harvest publish`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from harvest_warehouse.cli.app import Debug, DestinationName, app, err, errors_told, prepare, say, warehouse
from harvest_warehouse.cli.console import print_text
from harvest_warehouse.cli.private_files import files_for_others


@app.command(
    epilog="Examples: `dlt-harvest sync && dlt-harvest publish` · `dlt-harvest publish --to s3://lake/harvest --format delta`"
)
def publish(
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="URL",
            help="A folder, s3://, gs:// or az://. Default: bucket_url under [destination.filesystem], where the credentials are too.",
        ),
    ] = None,
    file_format: Annotated[
        Literal["parquet", "delta", "iceberg"],
        typer.Option(
            "--format", help="One Parquet file a table; or Delta or Iceberg tables, with the versions of a week."
        ),
    ] = "parquet",
    destination: DestinationName = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, for machines.")] = False,
    debug: Debug = False,
) -> None:
    """Publish tables and marts as files for others to read, complete each time, without deleted rows.

    Sends no request to Harvest. Each table is replaced atomically, and only if its rows changed. No run writes meanwhile, so all
    tables are as of one moment, which is recorded in `harvest_published.json` beside them.
    """
    with errors_told(debug):
        from harvest_time_tracking import Ledger
        from harvest_warehouse.cli.render.progress import progress
        from harvest_warehouse.cli.render.publish import publish_json, publish_lines
        from harvest_warehouse.transfer import publish as run
        from harvest_warehouse.transfer.bucket import Bucket

        prepare()
        source, shelf = warehouse(destination), Bucket(bucket_url=to)
        with progress(err, Ledger()) as on_step, files_for_others():
            report = run(source, shelf, file_format, on_step=on_step)
        if as_json:
            print_text(publish_json(report))
        else:
            say(*publish_lines(report))
