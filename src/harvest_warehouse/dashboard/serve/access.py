"""Who may open a dashboard, and how its server is told: values only, for those who start it and for the guard."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

KEY = "access_token"
"""The parameter of the address that holds the key."""
PROXY_HEADER = "X-Dlt-Harvest-Proxy"
"""The header by which a login proxy shows that a request came through it."""
SHORTEST_SECRET = 16
LOOPBACK = ("127.0.0.1", "localhost", "::1")
VARIABLE_KEY = "DLT_HARVEST_DASHBOARD_KEY"
VARIABLE_SECRET = "DLT_HARVEST_PROXY_SECRET"  # noqa: S105 (the variable's name)


@dataclass(frozen=True)
class Access:
    """Who is answered.

    Attributes:
        host: the address that is listened on.
        port: and its port.
        key: what the address of the first visit must hold, and a cookie afterwards; None where a proxy does the asking.
        proxy_secret: what the proxy's header must hold; None where there is no proxy.
    """

    host: str
    port: int
    key: str | None
    proxy_secret: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in LOOPBACK

    def knows(self, host: str) -> bool:
        """Whether a `Host` is one that this server goes by; for other machines, or behind a proxy, it may have any name."""
        if not self.is_local or self.proxy_secret:
            return bool(host)
        parts = host_and_port(f"//{host}")
        return parts is not None and parts[0] in LOOPBACK and (parts[1] or 80) == self.port


def as_environment(access: Access) -> dict[str, str]:
    """What the server's process is told besides its arguments, which every user of the machine can read."""
    given = {VARIABLE_KEY: access.key, VARIABLE_SECRET: access.proxy_secret}
    return {name: value for name, value in given.items() if value}


def from_environment(host: str, port: int) -> Access:
    """The access that `as_environment` wrote; what it holds is taken out, so that no child process has it.

    Raises:
        RuntimeError: where there is neither a key nor a secret: nothing is served to everybody.
    """
    key, secret = os.environ.pop(VARIABLE_KEY, None), os.environ.pop(VARIABLE_SECRET, None)
    if not key and not secret:
        raise RuntimeError(f"The dashboard is started by `dlt-harvest show`: {VARIABLE_KEY} is not set.")
    return Access(host, port, key, secret)


def host_and_port(address: str) -> tuple[str, int | None] | None:
    """The host, in lower case, and the port that an address names; None where it is none, or holds a user."""
    try:
        parts = urlsplit(address)
        return (parts.hostname, parts.port) if parts.hostname and parts.username is None else None
    except ValueError:
        return None
