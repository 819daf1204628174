"""`dlt-harvest streams`."""

from __future__ import annotations

from typing import Annotated

import typer

from harvest_warehouse.cli.app import Debug, app, errors_told, out
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
