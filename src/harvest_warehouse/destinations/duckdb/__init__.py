"""Destination entry for DuckDB, the default: a file in the folder where the command runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harvest_warehouse.destinations.base import Destination, Use

# Memory must not grow with the account: what does not fit goes to disk. What cannot go there is tried again with more.
BOUNDS: Mapping[Use, Mapping[str, Any]] = {
    "writing": {"global_config": {"memory_limit": "100MB", "threads": 1}},
    "building": {"global_config": {"memory_limit": "100MB", "threads": 1}},
    "mending": {"global_config": {"memory_limit": "1GB", "threads": 2}},
    "reading": {"global_config": {"memory_limit": "1GB", "threads": 2}, "read_only": True},
}
CRAMPED = "Out of Memory Error"
MORE_MEMORY = tuple(f"SET memory_limit = '{limit}'" for limit in ("200MB", "400MB", "1GB"))
# No files, no other databases, and no way to allow them again.
CLOSED = ("SET enable_external_access = false", "SET lock_configuration = true")


ENTRY = Destination(
    "duckdb",
    # More than one file at once share its bounded memory, and one of them is refused.
    load_workers=1,
    is_file=True,
    uses=BOUNDS,
    cramped=CRAMPED,
    more_memory=MORE_MEMORY,
    guards=CLOSED,
    busy="could not set lock",
)
