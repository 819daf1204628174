"""Which warehouse is shown, on its way from the command to the program that serves it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from harvest_warehouse.warehouse import Warehouse


def as_argument(warehouse: Warehouse) -> str:
    """A warehouse as one argument of a command."""
    return json.dumps(dataclasses.asdict(warehouse), default=str)


def from_argument(argument: object) -> Warehouse:
    """The warehouse again; that of the folder where the program runs, where none was given."""
    if not argument:
        return Warehouse(Path.cwd())
    given = json.loads(str(argument))
    places = {name: Path(given[name]) for name in ("folder", "pipelines_dir") if given[name]}
    return Warehouse(**{**given, **places})
