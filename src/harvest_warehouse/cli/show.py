"""`dlt-harvest show`."""

from __future__ import annotations

import tempfile
import webbrowser
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harvest_warehouse.cli.app import Debug, DestinationName, app, errors_told, prepare, warehouse

if TYPE_CHECKING:
    from harvest_warehouse.dashboard.serve.launch import Server
    from harvest_warehouse.warehouse import Target


@app.command(
    epilog="Examples: `dlt-harvest show` · `dlt-harvest show --demo` · `dlt-harvest show --host 0.0.0.0 --hide-rates`"
)
def show(
    is_demo: Annotated[bool, typer.Option("--demo", help="Use the demo's database instead of your own.")] = False,
    hides_rates: Annotated[
        bool, typer.Option("--hide-rates", help="Leave out rates, costs and margins, for people who may not see them.")
    ] = False,
    port: Annotated[int, typer.Option(help="The port to serve on.", min=1, max=65535)] = 2718,
    host: Annotated[
        str, typer.Option(help="The address to listen on; any but 127.0.0.1 lets others reach it.")
    ] = "127.0.0.1",
    needs_token: Annotated[
        bool,
        typer.Option(
            "--token",
            help="With --host: anyone who has the printed address may open it. Set DLT_HARVEST_DASHBOARD_KEY to keep the same key.",
        ),
    ] = False,
    headless: Annotated[bool, typer.Option("--headless", help="Do not open a browser.")] = False,
    destination: DestinationName = None,
    debug: Debug = False,
) -> None:
    """Open the dashboard in the browser: utilisation, budgets, billing, margin, and how far to trust them. Ctrl-C stops it.

    Answers only the browser it opens, and anyone who has the address it prints.
    """
    with errors_told(debug):
        from harvest_warehouse.dashboard.serve.launch import user_server

        server = user_server(host, port, needs_token=needs_token)
        prepare()
        serve(warehouse(destination, is_demo=is_demo), server, hides_rates=hides_rates, is_headless=headless)


def serve(place: Target, server: Server | None = None, *, hides_rates: bool = False, is_headless: bool = False) -> None:
    """Serve the dashboard until it is interrupted, and open it in the browser."""
    from harvest_warehouse.dashboard import show as run
    from harvest_warehouse.dashboard.serve.launch import HERE

    with ExitStack() as opened, suppress(KeyboardInterrupt):

        def on_start(address: str) -> None:
            # Printed once the server is up. The complete address contains the key that grants access.
            print(f"The dashboard: {address} (Ctrl-C ends it)", flush=True)
            if not is_headless:
                _open(address, opened)

        run(place, server or HERE, hides_rates=hides_rates, on_start=on_start)


def _open(address: str, opened: ExitStack) -> None:
    """Open the address in the browser through a private file: command-line arguments are visible to every user."""
    from harvest_warehouse.dashboard.markup import templates

    opening = templates(__file__).get_template("open.html")
    folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="dlt-harvest-", ignore_cleanup_errors=True))
    page = Path(folder) / "open.html"
    page.touch(mode=0o600)
    page.write_text(opening.render(address=address), encoding="utf-8")
    webbrowser.open(page.as_uri())
