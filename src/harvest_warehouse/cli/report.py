"""`dlt-harvest report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harvest_warehouse.cli.app import Debug, DestinationName, app, err, errors_told, prepare, say, warehouse


@app.command(
    epilog="Examples: `dlt-harvest report` · `dlt-harvest report --out monday.html` · `dlt-harvest report --demo`"
)
def report(
    out: Annotated[Path, typer.Option("--out", help="The HTML file; the picture goes beside it, as .png.")] = Path(
        "harvest_report.html"
    ),
    is_demo: Annotated[bool, typer.Option("--demo", help="Use the demo's database instead of your own.")] = False,
    destination: DestinationName = None,
    debug: Debug = False,
) -> None:
    """Write the week as one HTML file to email or print, and as a picture, from the marts of the last build.

    Two printed pages, under 100 KB, no scripts, and nothing is fetched from elsewhere. It begins with whom to call.
    """
    with errors_told(debug):
        from harvest_time_tracking import Ledger, printable
        from harvest_warehouse.cli.render.progress import progress
        from harvest_warehouse.messages.text import counted
        from harvest_warehouse.weekly import report as run

        prepare()
        place = warehouse(destination, is_demo=is_demo)
        with progress(err, Ledger()) as on_step:
            written = run(place, out, on_step=on_step)
        for warning in written.old:
            err.print(warning, style="bold red", markup=False, highlight=False, soft_wrap=True)
        say(
            f"The week of {' and '.join(map(printable, written.accounts))}, with {counted(written.alerts, 'alert')}, is in {written.page}, "
            f"and a picture of it in {written.picture}."
        )
