"""`dlt-harvest show`."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harvest_warehouse.cli.app import DONE, FAILED, Debug, DestinationName, app, errors_told, prepare, warehouse

if TYPE_CHECKING:
    from harvest_warehouse.dashboard import ShowReport

_SECONDS_TO_START = 60.0
_SECONDS_TO_END = 5.0


@app.command(
    epilog="Examples: `dlt-harvest show` · `dlt-harvest show --demo` · `dlt-harvest show --dlt` · "
    "`dlt-harvest show --notebook explore.py`"
)
def show(
    is_demo: Annotated[bool, typer.Option("--demo", help="Use the demo's database instead of your own.")] = False,
    is_dlt: Annotated[
        bool, typer.Option("--dlt", help="Open dlt's own dashboard: tables, schema, state and runs.")
    ] = False,
    notebook: Annotated[
        Path | None, typer.Option(help="Open your own marimo notebook for editing.", metavar="FILE")
    ] = None,
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
        from harvest_time_tracking import SettingWrong
        from harvest_warehouse.dashboard import show as run
        from harvest_warehouse.dashboard.serve.launch import show_dlt, show_notebook, user_server

        if is_dlt and notebook:
            raise SettingWrong("Either --dlt or --notebook, not both.")
        server = user_server(host, port, needs_token=needs_token)
        prepare()
        if notebook:
            report, what = show_notebook(notebook, server), "The notebook"
        else:
            place = warehouse(destination, is_demo=is_demo)
            report = show_dlt(place, server) if is_dlt else run(place, server)
            what = "dlt's dashboard" if is_dlt else "The dashboard"
        raise typer.Exit(serve(report, what, is_headless=headless))


def serve(report: ShowReport, what: str, *, is_headless: bool = False) -> int:
    """Serve a dashboard until it is interrupted; return the exit code."""
    server = subprocess.Popen(report.command, env={**os.environ, **report.environment})  # noqa: S603 (our own program)
    try:
        is_up = _has_started(server, report.listens_on)
        # Printed once the server is up. The complete address contains the key that grants access.
        print(f"{what}: {report.address} (Ctrl-C ends it)", flush=True)
        with _opened(report.address) if is_up and not is_headless else nullcontext():
            code = server.wait()
    except KeyboardInterrupt:
        code = DONE
    finally:
        _end(server)
    return DONE if code == DONE else FAILED


def _end(server: subprocess.Popen[bytes]) -> None:
    """Stop the server if Ctrl-C did not: the signal may have reached only this process."""
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(_SECONDS_TO_END)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            server.kill()
            server.wait()


def _has_started(server: subprocess.Popen[bytes], listens_on: tuple[str, int]) -> bool:
    until = time.monotonic() + _SECONDS_TO_START
    while server.poll() is None and time.monotonic() < until:
        with suppress(OSError), socket.create_connection(listens_on, timeout=1):
            return True
        time.sleep(0.1)
    return False


@contextmanager
def _opened(address: str) -> Iterator[None]:
    """Open the address in the browser through a private file: command-line arguments are visible to every user."""
    from harvest_warehouse.dashboard.markup import templates

    opening = templates(__file__).get_template("open.html")
    with tempfile.TemporaryDirectory(prefix="dlt-harvest-", ignore_cleanup_errors=True) as folder:
        page = Path(folder) / "open.html"
        page.touch(mode=0o600)
        page.write_text(opening.render(address=address), encoding="utf-8")
        webbrowser.open(page.as_uri())
        yield
