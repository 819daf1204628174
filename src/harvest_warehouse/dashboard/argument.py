"""Which warehouse is shown, on its way from the command to the program that serves it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from harvest_warehouse.warehouse import Target


def as_argument(warehouse: Target) -> str:
    """A warehouse as one argument of a command."""
    return json.dumps(dataclasses.asdict(warehouse), default=str)


def from_argument(argument: object) -> Target:
    """The warehouse again; that of the folder where the program runs, where none was given."""
    if not argument:
        return Target(Path.cwd())
    given = json.loads(str(argument))
    places = {name: Path(given[name]) for name in ("folder", "pipelines_dir") if given[name]}
    return Target(**{**given, **places})
