"""The warehouse: a Harvest account in the user's own database, by command or by import.

`from harvest_warehouse import sync, load, verify, build, accounts, Target`: whole runs with result objects (see `runs`).
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harvest_warehouse.runs import accounts, build, load, sync, verify
    from harvest_warehouse.warehouse import Target

__all__ = ["Target", "accounts", "build", "load", "sync", "verify"]


class _Package(ModuleType):
    """Package whose runs are functions, although `load`, `sync` and `verify` are names of subpackages, too.

    Whoever imports a subpackage would set the name to it, and what a run is would depend on what was imported before.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if name not in __all__ or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


def __getattr__(name: str) -> object:
    """Import a run on first use: dlt takes two seconds to import, and `--help` does not wait for it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "Target":
        from harvest_warehouse.warehouse import Target  # noqa: PLC0415

        return Target
    from harvest_warehouse import runs  # noqa: PLC0415

    return getattr(runs, name)


sys.modules[__name__].__class__ = _Package
