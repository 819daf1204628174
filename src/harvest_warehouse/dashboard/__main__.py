"""`python -m harvest_warehouse.dashboard run ... app.py`: marimo's command, in a process that has all it needs in memory.

A program that marimo starts by itself imports dlt for the first who opens the page, who waits two seconds longer.
"""

from __future__ import annotations

import runpy
import sys
from contextlib import suppress

from starlette.middleware import Middleware

from harvest_warehouse.dashboard.first_paint import FirstPaint
from harvest_warehouse.dashboard.place import from_argument
from harvest_warehouse.settings import keep_dlt_quiet

keep_dlt_quiet()
_asked = sys.argv[sys.argv.index("--warehouse") + 1] if "--warehouse" in sys.argv else None
# No public part of marimo's: where it has moved, figures come with the rest of the page.
with suppress(ImportError):
    from marimo._server.registry import MIDDLEWARE_REGISTRY

    MIDDLEWARE_REGISTRY.register("first_paint", Middleware(FirstPaint, warehouse=from_argument(_asked)))
runpy.run_module("marimo", run_name="__main__", alter_sys=True)
