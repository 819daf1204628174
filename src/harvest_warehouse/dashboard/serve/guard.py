"""Access control for the dashboard's server: check Host, Origin and a key on every request, whatever app is behind it.

A server on 127.0.0.1 can be reached by every page open in a browser on this machine (DNS rebinding), by pages of other
servers on it (cookies are not separated by port), and by other users of the machine.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from harvest_warehouse.dashboard.markup import templates
from harvest_warehouse.dashboard.serve.access import KEY, PROXY_HEADER, Access, host_and_port

_FORBIDDEN = 403

_REFUSED = templates(__file__).get_template("refused.html")

# Pages have one style sheet, one script and drawings, all from this server.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class Guard:
    """ASGI middleware that refuses requests that `access` does not allow.

    Args:
        app: the ASGI app to protect.
        access: access settings.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access
        self._cookie = f"dlt_harvest_{access.port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with a security policy on its response, or refuse it."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reason = self._refusal(scope, Headers(scope=scope))
        asked = _asked(scope)
        answer: ASGIApp = self._app
        if reason is not None:
            answer = HTMLResponse(_REFUSED.render(reason=reason), _FORBIDDEN, {"Cache-Control": "no-store"})
        elif self._access.key and KEY in dict(asked) and scope["method"] in ("GET", "HEAD"):
            answer = self._signed_in(scope, asked)
        await answer(scope, receive, _with_policy(send))

    def _refusal(self, scope: Scope, headers: Headers) -> str | None:
        """Reason why a request is refused; None if it is allowed."""
        host, origins = headers.get("host", ""), headers.getlist("origin")
        if len(headers.getlist("host")) != 1 or not self._access.knows(host):
            return "It was asked for by another name than its own."
        if not all(self._is_ours(origin, headers) for origin in origins):
            return "Another page asked for it."
        secret = self._access.proxy_secret
        if secret is not None:
            return None if _equal(headers.get(PROXY_HEADER), secret) else "It is reached through its login proxy only."
        shown = [*self._cookies(headers), dict(_asked(scope)).get(KEY)]
        if any(_equal(each, self._access.key) for each in shown):
            return None
        return "Open it by the whole address that `dlt-harvest show` printed: the key is in it."

    def _is_ours(self, origin: str, headers: Headers) -> bool:
        """True if an `Origin` is this server; if other machines can reach it, https is accepted too, as a proxy may terminate TLS."""
        scheme = origin.partition(":")[0]
        theirs = host_and_port(origin)
        if theirs is None or scheme not in (("http",) if self._is_plain else ("http", "https")):
            return False
        names = [headers.get("host"), headers.get("x-forwarded-host") if self._access.proxy_secret else None]
        ours = [host_and_port(f"//{name}") for name in names if name]
        default = {"http": 80, "https": 443}[scheme]
        return any(each and (each[0], each[1] or default) == (theirs[0], theirs[1] or default) for each in ours)

    @property
    def _is_plain(self) -> bool:
        return self._access.is_local and not self._access.proxy_secret

    def _cookies(self, headers: Headers) -> list[str]:
        """Values of our cookie; Python's own parser would stop at an invalid cookie of another server on this host."""
        pairs = (each.partition("=") for line in headers.getlist("cookie") for each in line.split(";"))
        return [value.strip() for name, _, value in pairs if name.strip() == self._cookie]

    def _signed_in(self, scope: Scope, asked: Sequence[tuple[str, str]]) -> Response:
        """Redirect to the URL without the key, which would stay in the browser's history, and set a cookie instead."""
        rest = urlencode([(name, value) for name, value in asked if name != KEY])
        # A path with two leading slashes would be a link to another host.
        path = "/" + f"{scope.get('root_path', '')}{scope['path']}".lstrip("/")
        answer = RedirectResponse(f"{path}?{rest}" if rest else path, 303, {"Cache-Control": "no-store"})
        if _equal(dict(asked)[KEY], self._access.key):
            # Lax, so that a link from a chat works; requests of other pages are recognised by their Origin.
            answer.set_cookie(self._cookie, str(self._access.key), httponly=True, samesite="lax", path="/")
        return answer


def _with_policy(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Content-Security-Policy"] = _POLICY
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "no-referrer"
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
            headers["Cross-Origin-Opener-Policy"] = "same-origin"
        await send(message)

    return sent


def _asked(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)


def _equal(shown: Any, expected: str | None) -> bool:
    return isinstance(shown, str) and bool(expected) and hmac.compare_digest(shown.encode(), str(expected).encode())
