"""`dlt-harvest show`."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Annotated

import typer

from harvest_warehouse.cli.base import DONE, FAILED, Debug, DestinationName, app, errors_told, prepare, say, warehouse

if TYPE_CHECKING:
    from harvest_warehouse.show import ShowReport


@app.command(epilog="Examples: `dlt-harvest show` · `dlt-harvest show --demo` · `dlt-harvest show --dlt`")
def show(
    is_demo: Annotated[bool, typer.Option("--demo", help="The demo's database instead of your own.")] = False,
    is_dlt: Annotated[bool, typer.Option("--dlt", help="dlt's own dashboard: tables, schema, state and runs.")] = False,
    port: Annotated[int, typer.Option(help="On this port.")] = 2718,
    headless: Annotated[bool, typer.Option("--headless", help="Do not open a browser.")] = False,
    destination: DestinationName = None,
    debug: Debug = False,
) -> None:
    """Open the dashboard in the browser: utilisation, budgets, billing, margin, and whether to trust them. Ctrl-C ends it."""
    with errors_told(debug):
        from harvest_warehouse.show import show as run
        from harvest_warehouse.show import show_dlt

        prepare()
        place = warehouse(destination, is_demo=is_demo)
        report = (show_dlt if is_dlt else run)(place, port=port, is_headless=headless)
        raise typer.Exit(serve(report, "dlt's dashboard" if is_dlt else "The dashboard"))


def serve(report: ShowReport, what: str) -> int:
    """Serve a dashboard until it is interrupted; the exit code."""
    say(f"{what}: {report.address} (Ctrl-C ends it)")
    try:
        code = subprocess.run(report.command, check=False).returncode  # noqa: S603 (our own program and arguments)
    except KeyboardInterrupt:
        code = DONE
    return DONE if code == DONE else FAILED
