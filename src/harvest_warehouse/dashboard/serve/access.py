"""Access settings of the dashboard's server."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

KEY = "access_token"
"""Name of the URL parameter with the key."""
PROXY_HEADER = "X-Dlt-Harvest-Proxy"
"""Name of the header with which a login proxy proves that a request came through it."""
SHORTEST_SECRET = 16
LOOPBACK = ("127.0.0.1", "localhost", "::1")
VARIABLE_KEY = "DLT_HARVEST_DASHBOARD_KEY"
VARIABLE_SECRET = "DLT_HARVEST_PROXY_SECRET"  # noqa: S105 (the variable's name)


@dataclass(frozen=True)
class Access:
    """Access settings: which requests are answered.

    Attributes:
        host: address to listen on.
        port: port to listen on.
        key: key required in the URL of the first visit, and in a cookie afterwards; None behind a login proxy.
        proxy_secret: value required in the proxy's header; None without a proxy.
    """

    host: str
    port: int
    key: str | None
    proxy_secret: str | None = None

    @property
    def is_local(self) -> bool:
        """True if only this machine can reach the server."""
        return self.host in LOOPBACK

    def knows(self, host: str) -> bool:
        """True if a `Host` header names this server; if other machines can reach it, or behind a proxy, any name will do."""
        if not self.is_local or self.proxy_secret:
            return bool(host)
        parts = host_and_port(f"//{host}")
        return parts is not None and parts[0] in LOOPBACK and (parts[1] or 80) == self.port


def host_and_port(address: str) -> tuple[str, int | None] | None:
    """Parse host (lower case) and port of an address; None if it is invalid, or holds a user name."""
    try:
        parts = urlsplit(address)
        return (parts.hostname, parts.port) if parts.hostname and parts.username is None else None
    except ValueError:
        return None
