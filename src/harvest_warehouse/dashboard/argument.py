"""Pass the target from the command to the dashboard's process, as a command-line argument."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from harvest_warehouse.warehouse import Target


def as_argument(warehouse: Target) -> str:
    """Serialise a target as one command-line argument."""
    return json.dumps(dataclasses.asdict(warehouse), default=str)


def from_argument(argument: object) -> Target:
    """Parse a target from the argument; without one, the default target in the current folder."""
    if not argument:
        return Target(Path.cwd())
    given = json.loads(str(argument))
    places = {name: Path(given[name]) for name in ("folder", "pipelines_dir") if given[name]}
    return Target(**{**given, **places})
