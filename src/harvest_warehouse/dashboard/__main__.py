"""Run marimo behind the access guard, with its imports preloaded (`python -m harvest_warehouse.dashboard run ... app.py`).

Started by marimo itself, the app would import dlt only when the first visitor opens the page, who would wait two seconds longer.
"""

from __future__ import annotations

import runpy
import sys
from contextlib import suppress

import uvicorn
from starlette.middleware import Middleware

from harvest_warehouse.dashboard.argument import from_argument
from harvest_warehouse.dashboard.first_paint import FirstPaint
from harvest_warehouse.dashboard.serve.access import Access, from_environment
from harvest_warehouse.dashboard.serve.guard import Guard
from harvest_warehouse.settings.process import keep_dlt_quiet


def guard_every_server(access: Access) -> None:
    """Put the guard in front of every app that uvicorn serves in this process, before marimo's own middlewares."""
    load = uvicorn.Config.load

    def guarded(config: uvicorn.Config) -> None:
        load(config)
        config.loaded_app = Guard(config.loaded_app, access)

    # Patches a public method of the class, since marimo gives no access to its server or its app.
    # Patch: marimo >=0.14 and the uvicorn that it brings;
    # see https://github.com/marimo-team/marimo/pull/3095 (for its ASGI app alone);
    # can go when `test_marimo_offers_no_guard_before_its_server` fails.
    uvicorn.Config.load = guarded  # type: ignore[method-assign,assignment]


def _argument(name: str) -> str | None:
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else None


keep_dlt_quiet()
guard_every_server(from_environment(str(_argument("--host")), int(str(_argument("--port")))))
if asked := _argument("--warehouse"):
    # Not a public API of marimo: if it has moved, figures appear only with the rest of the page.
    # Patch: marimo >=0.14; no upstream issue known; can go when `test_marimo_offers_no_guard_before_its_server` fails.
    with suppress(ImportError):
        from marimo._server.registry import MIDDLEWARE_REGISTRY

        MIDDLEWARE_REGISTRY.register("first_paint", Middleware(FirstPaint, warehouse=from_argument(asked)))
runpy.run_module("marimo", run_name="__main__", alter_sys=True)
