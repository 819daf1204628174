"""Sign in through the browser: Harvest sends the code of the login back to an address of this machine (RFC 8252, 7.3)."""

from __future__ import annotations

import hmac
import os
import secrets
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, urlsplit

from harvest_time_tracking import Secret, SettingWrong, printable
from harvest_warehouse.login.oauth import App, Tokens, authorize_url, redeemed

PORT = 47_823
_PATH = "/callback"
_SECONDS = 300.0
_TICK_SECONDS = 0.5
# What a page must not hold any longer: the code.
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "Content-Type": "text/html; charset=utf-8"}
_DONE = (
    "<!doctype html><title>dlt-harvest</title><p>Signed in. You can close this page and go back to the terminal.</p>"
)
_NOT_OURS = "<!doctype html><title>dlt-harvest</title><p>This is not the login that dlt-harvest waits for.</p>"
# Harvest documents the fragment, which no server sees, and was seen to use the query.
_FRAGMENT = (
    "<!doctype html><title>dlt-harvest</title><p>One moment.</p><script>"
    "if (location.hash.length > 1) location.replace(location.pathname + '?' + location.hash.slice(1))"
    "</script>"
)


def redirect_uri(port: int) -> str:
    """Address to register with the app as its redirect URL."""
    return f"http://127.0.0.1:{port}{_PATH}"


def sign_in(
    app: App,
    open_page: Callable[[str], object],
    port: int = PORT,
    *,
    seconds: float = _SECONDS,
    monotonic: Callable[[], float] = time.monotonic,
) -> Tokens:
    """Have a person allow the app to read, and get its tokens.

    Args:
        app: the user's app.
        open_page: shows a person the page at an address.
        port: port of this machine on which the answer comes.
        seconds: how long to wait for the person.
        monotonic: monotonic clock in seconds.

    Raises:
        SettingWrong: the port is in use, the person refused, nobody signed in in time, or Harvest does not know the app.
        HarvestError: Harvest cannot be reached, or failed.
    """
    state = secrets.token_urlsafe(32)
    with _server(port, state) as server:
        open_page(authorize_url(app, redirect_uri(port), state))
        give_up_at = monotonic() + seconds
        while server.code is None and not server.refusal:
            if monotonic() > give_up_at:
                raise SettingWrong(
                    f"Nobody signed in within {seconds / 60:.0f} minutes. Is {redirect_uri(port)} the app's redirect URL? Nothing was "
                    "changed."
                )
            server.handle_request()
        if server.code is None:
            raise SettingWrong(f"Harvest gave no access: {server.refusal}. Nothing was changed.")
        return redeemed(app, server.code)


class _Server(HTTPServer):
    """Waits for the one request that has the state: whatever else comes is answered, and changes nothing."""

    # On Windows, it would let another program share the port.
    allow_reuse_address = os.name == "posix"
    timeout = _TICK_SECONDS

    def __init__(self, port: int, state: str) -> None:
        self._state = state
        self.code: Secret | None = None
        self.refusal = ""
        super().__init__(("127.0.0.1", port), _Handler)

    def page(self, target: str) -> tuple[int, str]:
        """Status and page for a request, after taking the code from it."""
        url = urlsplit(target)
        given = dict(parse_qsl(url.query))
        if url.path != _PATH:
            return 404, _NOT_OURS
        if not given:
            return 200, _FRAGMENT
        if not hmac.compare_digest(given.get("state", "").encode(), self._state.encode()):
            return 400, _NOT_OURS
        if code := given.get("code"):
            self.code = Secret(code)
            return 200, _DONE
        self.refusal = printable(given.get("error", "no code came back"), most=80)
        return 400, _NOT_OURS


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 5

    def do_GET(self) -> None:
        status, page = self.server.page(self.path)
        body = page.encode()
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's own name)
        """Print nothing: the path has the code."""


def _server(port: int, state: str) -> _Server:
    try:
        return _Server(port, state)
    except (OSError, OverflowError) as error:
        raise SettingWrong(
            f"Port {port} of this machine cannot be used ({getattr(error, 'strerror', None) or error}): end the program that uses it, or "
            f"register {redirect_uri(port + 1)} with the app as its redirect URL and add --port {port + 1}. Nothing was changed."
        ) from None
