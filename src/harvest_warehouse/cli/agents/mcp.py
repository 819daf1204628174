"""`dlt-harvest mcp`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from harvest_warehouse.cli.app import Debug, DestinationName, app, err, errors_told, prepare, warehouse


@app.command(
    epilog="Examples: `dlt-harvest mcp` (as a client starts it) · `dlt-harvest mcp --demo --http 8787` · "
    "`dlt-harvest ai init --agent claude` writes the entry for a client."
)
def mcp(
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder", help="The folder of your warehouse. Default: where the client starts it.", file_okay=False
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--http",
            min=0,
            max=65535,
            metavar="PORT",
            help="Listen on this port of this machine instead, with a token.",
        ),
    ] = None,
    most_rows: Annotated[int, typer.Option("--max-rows", min=1, max=10_000, help="Rows in an answer, at most.")] = 200,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Stop a statement after this many seconds.")
    ] = 20,
    hides_names: Annotated[
        bool,
        typer.Option("--hide-names", help="Give ids in place of people's names, and leave out e-mails and free text."),
    ] = False,
    is_demo: Annotated[bool, typer.Option("--demo", help="Use the demo's database instead of your own.")] = False,
    destination: DestinationName = None,
    debug: Debug = False,
) -> None:
    """Serve the warehouse to AI agents over the Model Context Protocol, read-only; every answer says what proves it.

    Eight tools: overview, find, metric, question, sql, explain, describe, trust. Nothing can be written, no file can be read,
    and Harvest is not asked anything. Needs `pip install 'dlt-harvest[mcp]'`.
    """
    with errors_told(debug):
        from harvest_time_tracking import SettingWrong
        from harvest_warehouse.settings.token import forget_token

        try:
            from harvest_warehouse.mcp import serve
        except ModuleNotFoundError as error:
            if error.name not in ("mcp", "mcp_types"):
                raise
            raise SettingWrong("The MCP server is an extra: pip install 'dlt-harvest[mcp]'.") from None
        if folder is not None:
            if not folder.is_dir():
                raise SettingWrong(f"There is no folder {folder}.")
            # dlt's configuration is that of the folder, too.
            os.chdir(folder)
        prepare()
        forget_token()
        serve(
            warehouse(destination, is_demo=is_demo),
            port=port,
            most_rows=most_rows,
            seconds=timeout,
            hides_names=hides_names,
            on_start=_tell,
        )


def _tell(url: str, token: str) -> None:
    """Say where to connect, on standard error: standard output belongs to the protocol."""
    err.print(f"Listening on {url}", markup=False, highlight=False, soft_wrap=True)
    err.print(f"Authorization: Bearer {token}", markup=False, highlight=False, soft_wrap=True)
