"""`dlt-harvest show`."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Annotated

import typer

from harvest_warehouse.cli.base import DONE, FAILED, Debug, app, errors_told, out, prepare


@app.command(epilog="Example: `dlt-harvest show --demo`")
def show(
    is_demo: Annotated[bool, typer.Option("--demo", help="The demo's database instead of your own.")] = False,
    port: Annotated[int, typer.Option(help="On this port.")] = 2718,
    headless: Annotated[bool, typer.Option("--headless", help="Do not open a browser.")] = False,
    debug: Debug = False,
) -> None:
    """Open dlt's own dashboard in the browser: tables, schema, state and runs. Ctrl-C ends it."""
    with errors_told(debug):
        from harvest_warehouse.demo import demo_warehouse
        from harvest_warehouse.settings import Warehouse
        from harvest_warehouse.show import show as run

        prepare()
        warehouse = demo_warehouse(Path.cwd()) if is_demo else Warehouse(Path.cwd())
        report = run(warehouse, port=port, is_headless=headless)
        out.print(f"dlt's dashboard: {report.address} (Ctrl-C ends it)", highlight=False, soft_wrap=True)
        try:
            code = subprocess.run(report.command, check=False).returncode  # noqa: S603 (our own program and arguments)
        except KeyboardInterrupt:
            code = DONE
        raise typer.Exit(DONE if code == DONE else FAILED)
