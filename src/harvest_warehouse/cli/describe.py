"""`dlt-harvest streams` and `dlt-harvest docs`: what there is, for people and for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harvest_warehouse.cli.app import Debug, DestinationName, app, errors_told, out, prepare, say, warehouse
from harvest_warehouse.cli.console import print_text


@app.command(epilog="Example: `dlt-harvest streams --markdown > streams.md`")
def streams(
    as_markdown: Annotated[bool, typer.Option("--markdown", help="As a Markdown table.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    debug: Debug = False,
) -> None:
    """List all streams: path, key, how they are updated, what they need."""
    with errors_told(debug):
        from harvest_warehouse.cli.render.tables import streams_json, streams_markdown, streams_table

        if as_json:
            print_text(streams_json())
        elif as_markdown:
            print_text(streams_markdown())
        else:
            out.show(streams_table())


@app.command(epilog="Example: `dlt-harvest docs --dbt --to models/harvest.yml`")
def docs(
    is_dbt: Annotated[bool, typer.Option("--dbt", help="For dbt: a file of sources. The only form so far.")] = False,
    to: Annotated[Path | None, typer.Option("--to", help="The file. Default: print it.")] = None,
    is_demo: Annotated[bool, typer.Option("--demo", help="Use the demo's database instead of your own.")] = False,
    destination: DestinationName = None,
    debug: Debug = False,
) -> None:
    """Describe the tables and marts in your database for other tools: what each column means, keys, and tests of them.

    Views in another product's layout (`dlt-harvest views`) are described, too.

    Sends no requests to Harvest.
    """
    with errors_told(debug):
        from harvest_time_tracking import SettingWrong
        from harvest_warehouse.database.read_only import reading
        from harvest_warehouse.marts.dbt import dbt_sources
        from harvest_warehouse.messages.text import counted
        from harvest_warehouse.peers import remembered
        from harvest_warehouse.peers.dbt import peer_source

        if not is_dbt:
            raise SettingWrong("Say for which tool: `dlt-harvest docs --dbt`.")
        prepare()
        place = warehouse(destination, is_demo=is_demo)
        with reading(place) as database:
            there, made = set(database.tables()), remembered(database)
        text = dbt_sources(place.dataset_name, place.marts_name, there, [peer_source(one) for one in made])
        if to is None:
            print_text(text)
            return
        to.write_text(text, encoding="utf-8")
        say(f"{to} describes {counted(text.count('- unique:'), 'table')} as dbt sources.")
