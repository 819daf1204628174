"""Web app of the dashboard: which address asks for what, and how many answers are made at the same time."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qs

from anyio import CapacityLimiter, to_thread
from dlt.common.exceptions import DltException
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from harvest_time_tracking import HarvestError, printable
from harvest_warehouse.dashboard import render
from harvest_warehouse.dashboard.serve.answers import FIRST, Answer, Dashboard, NotThere
from harvest_warehouse.dashboard.url import Asked

# Answers made at the same time, whatever the number of visitors; the others wait.
_AT_ONCE = 2
_MOST_FIELDS = 1_000
# Browsers keep no copy: the figures are as of the request.
_FRESH = {"Cache-Control": "no-store"}
_Endpoint = Callable[[Request], Awaitable[Response]]


def application(made: Dashboard) -> Starlette:
    """Make the ASGI application that serves a dashboard; the guard is to stand before it."""
    limiter = CapacityLimiter(_AT_ONCE)

    def endpoint(make: Callable[[Mapping[str, str], Asked], Answer]) -> _Endpoint:
        async def answered(request: Request) -> Response:
            try:
                asked = parse_qs(request.url.query, max_num_fields=_MOST_FIELDS)
            except ValueError:
                return _problem("This address asks for too much.", 400)
            try:
                answer = await to_thread.run_sync(make, request.path_params, asked, limiter=limiter)
            except NotThere:
                return await _not_found(request)
            except HarvestError as error:
                # A load or a build may be what it waits for.
                return _problem(str(error), 503)
            except DltException as error:
                return _problem(f"The database says: {printable(str(error))}", 500)
            return _response(answer, request)

        return answered

    routes = [
        Route("/", endpoint(lambda _, asked: made.page(FIRST, asked))),
        Route("/static/{version}/{file}", _static),
        Route("/rows/{kind}.xlsx", endpoint(lambda path, asked: made.records_workbook(path["kind"], asked))),
        Route("/rows/{kind}", endpoint(lambda path, asked: made.records(path["kind"], asked))),
        Route("/{name}.xlsx", endpoint(lambda path, asked: made.page_workbook(path["name"], asked))),
        Route("/{name}/{table}.csv", endpoint(lambda path, asked: made.table(path["name"], path["table"], asked))),
        Route("/{name}", endpoint(lambda path, asked: made.page(path["name"], asked))),
    ]
    return Starlette(routes=routes, exception_handlers={404: _not_found, 500: _failed})


def _response(answer: Answer, request: Request) -> Response:
    """Response, compressed if the browser accepts it."""
    headers = {**_FRESH, "Vary": "Accept-Encoding"}
    if answer.file:
        headers["Content-Disposition"] = f'attachment; filename="{answer.file}"'
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(answer.body, headers={**headers, "Content-Encoding": "gzip"}, media_type=answer.kind)
    return Response(gzip.decompress(answer.body), headers=headers, media_type=answer.kind)


async def _static(request: Request) -> Response:
    name = request.path_params["file"]
    if name not in render.STATIC or request.url.path != render.static_address(name):
        return await _not_found(request)
    kind, content = render.STATIC[name]
    # The address changes with the content.
    return Response(content, headers={"Cache-Control": "private, max-age=31536000, immutable"}, media_type=kind)


async def _not_found(_: Request, __: Exception | None = None) -> Response:
    return _problem("There is no such page. The first one is at `/`.", 404)


async def _failed(_: Request, __: Exception) -> Response:
    return _problem("This page could not be made: the terminal in which `dlt-harvest show` runs says why.", 500)


def _problem(words: str, status: int) -> Response:
    comes_again = status == 503
    again = {"Retry-After": "5"} if comes_again else {}
    return HTMLResponse(render.problem(words, comes_again=comes_again), status, {**_FRESH, **again})
