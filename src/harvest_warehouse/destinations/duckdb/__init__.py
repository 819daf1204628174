"""Destination entry for DuckDB, the default: a file in the folder where the command runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harvest_warehouse.destinations.base import Destination, Use

# Memory must not grow with the account: DuckDB spills to disk. A statement that cannot spill is retried with a higher limit.
BOUNDS: Mapping[Use, Mapping[str, Any]] = {
    "writing": {"global_config": {"memory_limit": "100MB", "threads": 1}},
    "building": {"global_config": {"memory_limit": "100MB", "threads": 1}},
    "mending": {"global_config": {"memory_limit": "1GB", "threads": 2}},
    "reading": {"global_config": {"memory_limit": "1GB", "threads": 2}, "read_only": True},
    "comparing": {"global_config": {"memory_limit": "200MB", "threads": 1}, "read_only": True},
}
CRAMPED = "Out of Memory Error"
MORE_MEMORY = tuple(f"SET memory_limit = '{limit}'" for limit in ("200MB", "400MB", "1GB"))
# No access to files or other databases, and no way to turn it on again.
CLOSED = ("SET enable_external_access = false", "SET lock_configuration = true")


ENTRY = Destination(
    "duckdb",
    # Concurrent loads share the memory limit, and one of them would exceed it.
    load_workers=1,
    is_file=True,
    uses=BOUNDS,
    cramped=CRAMPED,
    more_memory=MORE_MEMORY,
    guards=CLOSED,
    busy="could not set lock",
)
