"""Put a page's figures into the server's first HTML response, as marimo takes seconds to start in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from anyio import to_thread
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from harvest_time_tracking import HarvestError
from harvest_warehouse.dashboard import render
from harvest_warehouse.dashboard.header import accounts, header
from harvest_warehouse.dashboard.pages import PAGES
from harvest_warehouse.dashboard.reader import Reader, hand_over, handed_over
from harvest_warehouse.dashboard.url import filters_asked_for, page_asked_for
from harvest_warehouse.warehouse import Target

_STYLE = Path(__file__).with_name("style.css")
_BODY = "<body>"


class FirstPaint:
    """ASGI middleware that adds a page's outline to marimo's empty HTML; marimo covers it once it has drawn the page.

    Args:
        app: marimo's server.
        warehouse: target with the marts.
    """

    def __init__(self, app: ASGIApp, warehouse: Target) -> None:
        self._app = app
        self._warehouse = warehouse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request: add the outline to the page itself, and pass all others to marimo."""
        if not _is_page(scope):
            await self._app(scope, receive, send)
            return
        address = dict(parse_qsl(scope["query_string"].decode()))
        outline = await to_thread.run_sync(outlined, self._warehouse, address)
        status, html = await self._marimos(scope, receive)
        if status == 200:
            html = html.replace(_BODY, f"{_BODY}{outline}", 1)
        # Not cached, since the figures are as of the request.
        await HTMLResponse(html, status, {"Cache-Control": "no-store"})(scope, receive, send)

    async def _marimos(self, scope: Scope, receive: Receive) -> tuple[int, str]:
        status, body = 0, b""

        async def keep(message: Message) -> None:
            nonlocal status, body
            status = message.get("status", status)
            body += message.get("body", b"")

        headers = [pair for pair in scope["headers"] if pair[0] != b"if-none-match"]
        await self._app({**scope, "headers": headers}, receive, keep)
        return status, body.decode()


def _is_page(scope: Scope) -> bool:
    return bool(scope["type"] == "http" and scope["method"] == "GET" and scope["path"] == "/")


def outlined(warehouse: Target, address: dict[str, Any]) -> str:
    """Render the outline of the page at a URL; empty if it cannot be read now (marimo's page will say why)."""
    # Discard a reader left over from an earlier visit.
    handed_over(warehouse)
    read = Reader(warehouse, tries=1)
    try:
        with read.at_once():
            known = accounts(read)
            if not known:
                return ""
            top = header(read, next(iter(known)))
            chosen = filters_asked_for(address, top)
            page = PAGES[page_asked_for(address)](read, chosen, top)
    except HarvestError:
        return ""
    hand_over(read)
    return render.outlined(page, top, chosen.currency, _STYLE.read_text(encoding="utf-8"))
