"""`dlt-harvest report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harvest_warehouse.cli.app import FAILED, Debug, DestinationName, app, err, errors_told, prepare, say, warehouse


@app.command(
    epilog="Examples: `dlt-harvest report` · `dlt-harvest report --out monday.html` · `dlt-harvest report --to slack` · `dlt-harvest report --demo`"
)
def report(
    out: Annotated[Path, typer.Option("--out", help="The HTML file; the picture goes beside it, as .png.")] = Path(
        "harvest_report.html"
    ),
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            metavar="WHERE",
            help="Send it, too: to an e-mail address, to `mail` (email_to in the settings) or to `slack`. Can be repeated.",
        ),
    ] = None,
    is_demo: Annotated[bool, typer.Option("--demo", help="Use the demo's database instead of your own.")] = False,
    destination: DestinationName = None,
    debug: Debug = False,
) -> None:
    """Write the week as one HTML file to email or print, and as a picture, from the marts of the last build.

    Two printed pages, under 100 KB, no scripts, and nothing is fetched from elsewhere. It begins with whom to call.

    `--to` sends it through the channels under `[harvest_notify]`: by e-mail with the page and the picture attached, to Slack
    with both where `slack_token` and `slack_channel` are set, and as text alone where only a webhook is.
    """
    with errors_told(debug):
        from harvest_time_tracking import Ledger, printable
        from harvest_warehouse.cli.render.progress import progress
        from harvest_warehouse.messages.text import counted
        from harvest_warehouse.notify import notify_settings
        from harvest_warehouse.weekly import report as run
        from harvest_warehouse.weekly.delivery import checked, deliver

        prepare()
        settings = notify_settings()
        checked(to or (), settings)
        place = warehouse(destination, is_demo=is_demo)
        with progress(err, Ledger()) as on_step:
            written = run(place, out, on_step=on_step)
        for warning in written.old:
            err.print(warning, style="bold red", markup=False, highlight=False, soft_wrap=True)
        say(
            f"The week of {' and '.join(map(printable, written.accounts))}, with {counted(written.alerts, 'alert')}, is in {written.page}, "
            f"and a picture of it in {written.picture}."
        )
        failures = 0
        for receiver, failure in deliver(written, to, settings).items() if to else ():
            if failure:
                failures += 1
                err.print(f"It was not sent to {receiver}: {failure}.", markup=False, highlight=False, soft_wrap=True)
            else:
                say(f"It was sent to {receiver}.")
        if failures:
            raise typer.Exit(FAILED)
