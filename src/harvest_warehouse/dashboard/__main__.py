"""`python -m harvest_warehouse.dashboard run ... app.py`: marimo's command, in a process that has all it needs in memory.

A program that marimo starts by itself imports dlt for the first who opens the page, who waits two seconds longer.
"""

from __future__ import annotations

import runpy
from importlib import import_module

from harvest_warehouse.settings import keep_dlt_quiet

for _module in ("draw", "site"):
    import_module(f"harvest_warehouse.dashboard.{_module}")
keep_dlt_quiet()
runpy.run_module("marimo", run_name="__main__", alter_sys=True)
