"""HTTP on this machine only, for clients that cannot start a process: every request needs the token of this run."""

from __future__ import annotations

import hmac
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from mcp.server.mcpserver import MCPServer
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from harvest_time_tracking import SettingWrong

HOST = "127.0.0.1"


class Guard:
    """ASGI middleware that answers only requests with the token.

    The SDK checks `Host` and `Origin` behind it, so that no page in a browser reaches the server by another name.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request with the token on, and refuse any other."""
        if scope["type"] == "http":
            given = Headers(scope=scope).get("authorization", "").encode()
            if not hmac.compare_digest(given, self._expected):
                refused = PlainTextResponse("The token is missing or wrong.", 401, {"WWW-Authenticate": "Bearer"})
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)


def run_http(server: MCPServer[Any], port: int, token: str, on_start: Callable[[str, str], None]) -> None:
    """Serve until interrupted.

    Args:
        server: the server.
        port: port to listen on; 0 for any free one.
        token: the token that requests must carry.
        on_start: called with the address and the token before the first request is answered.

    Raises:
        SettingWrong: the port is taken.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        raise SettingWrong(
            f"Port {port} is taken or not allowed ({error.strerror}): choose another with --http."
        ) from None
    with listening:
        # Before it is said where: whoever connects at once is kept waiting, and not refused.
        listening.listen()
        on_start(f"http://{HOST}:{listening.getsockname()[1]}/mcp", token)
        app = Guard(server.streamable_http_app(host=HOST), token)
        uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run([listening])
