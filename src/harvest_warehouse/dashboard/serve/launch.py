"""Commands that launch dashboards: ours on the marts, dlt's own on tables, schema and state, or a notebook."""

from __future__ import annotations

import errno
import os
import secrets
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from harvest_time_tracking import SettingWrong
from harvest_warehouse.dashboard.argument import as_argument
from harvest_warehouse.dashboard.serve.access import (
    KEY,
    LOOPBACK,
    SHORTEST_SECRET,
    VARIABLE_KEY,
    VARIABLE_SECRET,
    Access,
    as_environment,
)
from harvest_warehouse.database import NotReadable
from harvest_warehouse.database.pipelines import is_loaded, open_pipeline
from harvest_warehouse.database.read_only import reading
from harvest_warehouse.warehouse import Target

_NEEDS = ("marimo", "altair", "jinja2")
# Addresses at which a server on all addresses can be reached from this machine.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (only where the user asks for it)
_NEEDS_OF_DLT = ("marimo", "ibis", "pyarrow")


@dataclass(frozen=True)
class ShowReport:
    """Command and address of a dashboard.

    Attributes:
        command: command that serves it until interrupted.
        environment: environment variables for its process: the keys, which would be visible on a command line.
        address: URL for the browser, with the key.
        listens_on: host and port at which it can be reached from this machine.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    address: str = field(repr=False)
    listens_on: tuple[str, int]


@dataclass(frozen=True)
class Server:
    """Address and access settings of a dashboard's server.

    Attributes:
        host: address to listen on; by default, only this machine can reach it.
        port: port to listen on.
        key: key required in the URL of the first visit; a random one if None.
        proxy_secret: value that a login proxy sets in `X-Dlt-Harvest-Proxy`; it replaces the key.

    Raises:
        SettingWrong: other machines could reach it without a key or a proxy, or a key or secret is invalid or too short.
    """

    host: str = "127.0.0.1"
    port: int = 2718
    key: str | None = None
    proxy_secret: str | None = None

    def __post_init__(self) -> None:
        if self.host not in LOOPBACK and not self.key and not self.proxy_secret:
            raise SettingWrong(
                f"On {self.host} others could open the dashboard: add `--token` for a key in its address, or set "
                f"{VARIABLE_SECRET} and serve it behind a login proxy (docs/explanation/security.md says how)."
            )
        for name, value in ((VARIABLE_KEY, self.key), (VARIABLE_SECRET, self.proxy_secret)):
            if value and (len(value) < SHORTEST_SECRET or quote(value, safe="") != value):
                raise SettingWrong(f"{name} must have {SHORTEST_SECRET} or more letters, digits, - or _.")

    @property
    def access(self) -> Access:
        """Access settings for the guard."""
        key = None if self.proxy_secret else self.key or secrets.token_urlsafe(32)
        return Access(self.host, self.port, key, self.proxy_secret)


HERE = Server()


def user_server(host: str, port: int, *, needs_token: bool = False) -> Server:
    """Server for the given address, with the key and the proxy's secret from the environment.

    Args:
        host: address to listen on.
        port: port to listen on.
        needs_token: whether to require a key, instead of a login proxy, on an address that other machines can reach.

    Raises:
        SettingWrong: other machines could reach it without a key or a proxy, or the port is not available.
    """
    key, secret = (os.environ.get(name) or None for name in (VARIABLE_KEY, VARIABLE_SECRET))
    if needs_token:
        secret = None
    is_open = host in LOOPBACK or needs_token
    server = Server(host, port, (key or secrets.token_urlsafe(32)) if is_open else None, secret)
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as preflight:
            preflight.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            preflight.bind((host, port))
    except OSError as error:
        why = "in use" if error.errno == errno.EADDRINUSE else f"not to be had ({error.strerror})"
        raise SettingWrong(f"Port {port} on {host} is {why}: `--port` names another.") from None
    return server


def show(warehouse: Target, server: Server = HERE) -> ShowReport:
    """Prepare the command that serves the dashboard on the marts of a warehouse.

    Args:
        warehouse: target with the marts.
        server: address and access settings.

    Raises:
        SettingWrong: the dashboard is not installed, or nothing was loaded.
        NoDatabase: the database's file is not a DuckDB database.
    """
    _ready(warehouse, _NEEDS)
    # If another program is writing now, the page itself will wait.
    with suppress(NotReadable), reading(warehouse):
        pass
    program = Path(__file__).parents[1] / "app.py"
    return _served(("run", str(program)), ("--warehouse", as_argument(warehouse)), server)


def show_dlt(warehouse: Target, server: Server = HERE) -> ShowReport:
    """Prepare the command that serves dlt's dashboard (https://dlthub.com/docs/general-usage/dashboard) on what was loaded.

    Raises:
        SettingWrong: it is not installed, or nothing was loaded.
    """
    _ready(warehouse, _NEEDS_OF_DLT)
    pipeline = open_pipeline(warehouse)
    spec = find_spec("dlt")
    if spec is None or spec.origin is None:
        raise SettingWrong("dlt is not installed as files: its dashboard cannot be found.")
    # Patch: dlt >=1.31,<1.32; no upstream issue known;
    # is to be changed when `test_dlts_dashboard_is_where_it_is_looked_for` fails.
    program = Path(spec.origin).parent / "_workspace" / "helpers" / "dashboard" / "dlt_dashboard.py"
    if not program.exists():
        raise SettingWrong(f"This dlt has no dashboard at {program}.")
    arguments = ("--pipeline", pipeline.pipeline_name, "--pipelines-dir", pipeline.pipelines_dir)
    return _served(("run", str(program)), arguments, server)


def show_notebook(notebook: Path, server: Server = HERE) -> ShowReport:
    """Prepare the command that opens a marimo notebook (https://docs.marimo.io) for editing.

    A notebook can run any program, so it is served to this machine only.

    Raises:
        SettingWrong: marimo is not installed, the file does not exist, or other machines could reach the server.
    """
    _installed(_NEEDS)
    if not notebook.is_file():
        raise SettingWrong(f"There is no notebook {notebook}.")
    if server.host not in LOOPBACK:
        raise SettingWrong("Whoever opens a notebook can run programs here: it is served to this machine only.")
    return _served(("edit", "--no-token", str(notebook)), (), server)


def _installed(needs: tuple[str, ...]) -> None:
    missing = [name for name in needs if find_spec(name) is None]
    if missing:
        raise SettingWrong(
            f'The dashboard needs {" and ".join(missing)}: pip install ".[dashboard]" in the clone, and run this again.'
        )


def _ready(warehouse: Target, needs: tuple[str, ...]) -> None:
    _installed(needs)
    if not is_loaded(warehouse):
        raise SettingWrong(
            f"{warehouse.place} is not there yet: run {warehouse.command('sync')} (or `demo`) in this folder first."
        )


def _served(what: tuple[str, ...], arguments: tuple[str, ...], server: Server) -> ShowReport:
    access = server.access
    place = ("--host", server.host, "--port", str(server.port), "--headless")
    command = (sys.executable, "-m", "harvest_warehouse.dashboard", "--quiet", *what, *place, "--", *arguments)
    is_everywhere = server.host in _EVERYWHERE
    host = socket.gethostname() if is_everywhere else f"[{server.host}]" if ":" in server.host else server.host
    query = f"/?{KEY}={access.key}" if access.key else "/"
    listens_on = (_EVERYWHERE[server.host] if is_everywhere else server.host, server.port)
    return ShowReport(command, as_environment(access), f"http://{host}:{server.port}{query}", listens_on)
