"""`dlt-harvest views`."""

from __future__ import annotations

from typing import Annotated

import typer

from harvest_warehouse.cli.app import Debug, DestinationName, app, errors_told, prepare, say, warehouse
from harvest_warehouse.cli.console import print_text


@app.command(
    epilog="Examples: `dlt-harvest views --like airbyte` · `dlt-harvest views --like stitch --schema harvest_v3` · `dlt-harvest views` · "
    "`dlt-harvest views --drop --schema stitch_harvest`"
)
def views(
    like: Annotated[
        str | None,
        typer.Option(
            "--like", metavar="PRODUCT", help="Whose layout: airbyte, stitch or fivetran. Default: list what there is."
        ),
    ] = None,
    schema: Annotated[
        str,
        typer.Option("--schema", metavar="NAME", help="The schema to make them in. Default: such as airbyte_harvest."),
    ] = "",
    account: Annotated[
        str, typer.Option("--account", metavar="ID", help="The Harvest account, if the database has several.")
    ] = "",
    is_tables: Annotated[
        bool, typer.Option("--tables", help="Tables, which each sync fills again, instead of views.")
    ] = False,
    is_drop: Annotated[bool, typer.Option("--drop", help="Drop those in --schema.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, for machines.")] = False,
    is_demo: Annotated[bool, typer.Option("--demo", help="Use the demo's database instead of your own.")] = False,
    destination: DestinationName = None,
    debug: Debug = False,
) -> None:
    """Make views with the table and column names of Airbyte, Stitch or Fivetran, so that dashboards and models built on them go on working.

    They are in a schema of their own, and each `sync` keeps them up to date. Sends no requests to Harvest.
    """
    with errors_told(debug):
        from harvest_time_tracking import SettingWrong
        from harvest_warehouse.cli.render.peers import made_lines, views_json, views_lines
        from harvest_warehouse.database.read_only import reading
        from harvest_warehouse.peers import drop_views, remembered
        from harvest_warehouse.peers import views as run

        prepare()
        place = warehouse(destination, is_demo=is_demo)
        if is_drop:
            if not schema:
                raise SettingWrong("Say which with --schema: `dlt-harvest views` lists them.")
            dropped = drop_views(place, schema)
            say(f"Dropped the {'tables' if dropped.is_tables else 'views'} like {dropped.like}'s in {schema}.")
        elif like is None:
            with reading(place) as database:
                say(*made_lines(remembered(database)))
        else:
            report = run(place, like, schema=schema, account_id=account, is_tables=is_tables)
            if as_json:
                print_text(views_json(report))
            else:
                say(*views_lines(report))
