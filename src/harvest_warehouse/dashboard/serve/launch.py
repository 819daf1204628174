"""Serve the dashboard on the marts of a warehouse, until it is interrupted."""

from __future__ import annotations

import errno
import os
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from urllib.parse import quote

from harvest_time_tracking import SettingWrong
from harvest_warehouse.dashboard.serve.access import (
    KEY,
    LOOPBACK,
    SHORTEST_SECRET,
    VARIABLE_KEY,
    VARIABLE_SECRET,
    Access,
)
from harvest_warehouse.database import NotReadable
from harvest_warehouse.database.pipelines import is_loaded
from harvest_warehouse.database.read_only import reading
from harvest_warehouse.settings.process import pandas_kept_out
from harvest_warehouse.warehouse import Target

_NEEDS = {
    "vl_convert": "vl-convert-python",
    "jinja2": "jinja2",
    "starlette": "starlette",
    "uvicorn": "uvicorn",
    "xlsxwriter": "xlsxwriter",
}
# Addresses at which a server on all addresses can be reached from this machine.
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 (only where the user asks for it)


@dataclass(frozen=True)
class Server:
    """Address and access settings of the dashboard's server.

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
                f"{VARIABLE_SECRET} and serve it behind a login proxy (docs/how-to/share-the-dashboard.md says how)."
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
        SettingWrong: other machines could reach it without a key or a proxy.
    """
    key, secret = (os.environ.get(name) or None for name in (VARIABLE_KEY, VARIABLE_SECRET))
    if needs_token:
        secret = None
    is_open = host in LOOPBACK or needs_token
    return Server(host, port, (key or secrets.token_urlsafe(32)) if is_open else None, secret)


def show(
    warehouse: Target,
    server: Server = HERE,
    *,
    hides_rates: bool = False,
    on_start: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve the dashboard on the marts of a warehouse, until the process is interrupted.

    Args:
        warehouse: target with the marts.
        server: address and access settings.
        hides_rates: whether to leave out rates, costs and margins.
        on_start: called with the URL for the browser, which contains the key, once the server answers.

    Raises:
        SettingWrong: a package is not installed, nothing was loaded, or the port is not available.
        NoDatabase: the database's file is not a DuckDB database.
    """
    missing = [package for module, package in _NEEDS.items() if find_spec(module) is None]
    if missing:
        raise SettingWrong(
            f'The dashboard needs {" and ".join(missing)}: pip install ".[dashboard]" in the clone, and run this again.'
        )
    if not is_loaded(warehouse):
        raise SettingWrong(
            f"{warehouse.place} is not there yet: run {warehouse.command('sync')} (or `demo`) in this folder first."
        )
    # Imported late: these need the packages checked above.
    import uvicorn  # noqa: PLC0415

    from harvest_warehouse.dashboard.serve.guard import Guard  # noqa: PLC0415

    with pandas_kept_out(warehouse.kind.is_file), _listening(server) as listener:
        # While it is being written, pages say so, and come by themselves.
        with suppress(NotReadable), reading(warehouse):
            pass
        from harvest_warehouse.dashboard.serve.answers import Dashboard  # noqa: PLC0415
        from harvest_warehouse.dashboard.serve.app import application  # noqa: PLC0415

        dashboard = Dashboard(warehouse, hides_rates=hides_rates)
        access = server.access

        class Served(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                if self.started:
                    on_start(_url(server, access))

        config = uvicorn.Config(
            Guard(application(dashboard), access),
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
        )
        ended = threading.Event()
        threading.Thread(target=dashboard.warm, args=(ended,)).start()
        try:
            Served(config).run(sockets=[listener])
        finally:
            ended.set()


def _listening(server: Server) -> socket.socket:
    """Socket that listens on the server's address. Raises SettingWrong if the port is not available."""
    try:
        family = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((server.host, server.port))
        except OSError:
            listener.close()
            raise
    except OSError as error:
        why = "in use" if error.errno == errno.EADDRINUSE else f"not to be had ({error.strerror})"
        raise SettingWrong(f"Port {server.port} on {server.host} is {why}: `--port` names another.") from None
    return listener


def _url(server: Server, access: Access) -> str:
    name = socket.gethostname() if server.host in _EVERYWHERE else server.host
    host = f"[{name}]" if ":" in name else name
    return f"http://{host}:{server.port}/{f'?{KEY}={access.key}' if access.key else ''}"
